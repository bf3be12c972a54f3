"""The matrix product of frozen models: on a CPU in single precision by oneDNN rather than the BLAS behind ``F.linear``."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ONEDNN = torch._C._has_mkldnn and hasattr(torch.ops.mkldnn, "_linear_pointwise")
"""Whether oneDNN's linear map is there: torch.compile's own, not a public operator."""


class FrozenLinear(nn.Linear):
    """A linear map that need not learn: twice as fast where the BLAS is MKL and the processor is not Intel's."""

    def forward(self, input: Tensor) -> Tensor:
        """``input @ weight.T + bias``."""
        single = input.dtype is self.weight.dtype is torch.float32 and input.device.type == "cpu"
        if ONEDNN and single and not torch.is_grad_enabled():
            return cast(Tensor, torch.ops.mkldnn._linear_pointwise(input, self.weight, self.bias, "none", [], ""))
        return F.linear(input, self.weight, self.bias)


def frozen(model: nn.Module) -> None:
    """Let every linear map of ``model`` be computed as one that does not learn; with gradients it computes as before."""
    for module in model.modules():
        if type(module) is nn.Linear:
            module.__class__ = FrozenLinear
