"""The matrix product of frozen models: on a CPU in single precision by oneDNN rather than the BLAS behind ``F.linear``."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda x: x,
    "relu": torch.relu_,
    "gelu_new": lambda x: F.gelu(x, approximate="tanh"),
    "gelu": F.gelu,
    "silu": F.silu,
}
FUSED = {"none": ("none", ""), "relu": ("relu", ""), "gelu_new": ("gelu", "tanh")}
ONEDNN = torch._C._has_mkldnn and hasattr(torch.ops.mkldnn, "_linear_pointwise")
"""Whether oneDNN's linear map with an activation in the same pass is there: torch.compile's own, not a public operator."""


def linear(x: Tensor, weight: Tensor, activation: str = "none", bias: Tensor | None = None) -> Tensor:
    """``activation(x @ weight.T + bias)`` for ``x`` (..., in) and ``weight`` (out, in) of one precision; it has no gradient.

    In single precision on a CPU through oneDNN, which is twice as fast as the BLAS behind ``F.linear`` where
    that is MKL and the processor is not Intel's.
    """
    if ONEDNN and x.dtype is torch.float32 and activation in FUSED and x.device.type == "cpu":
        name, algorithm = FUSED[activation]
        return cast(Tensor, torch.ops.mkldnn._linear_pointwise(x, weight, bias, name, [], algorithm))
    return ACTIVATIONS[activation](F.linear(x, weight, bias))


class FrozenLinear(nn.Linear):
    """A linear map that need not learn; where gradients are asked for it is the plain one."""

    def forward(self, input: Tensor) -> Tensor:
        """``input @ weight.T + bias``."""
        if torch.is_grad_enabled():
            return super().forward(input)
        return linear(input, self.weight, bias=self.bias)


def frozen(model: nn.Module) -> None:
    """Let every linear map of ``model`` be computed as one that does not learn; with gradients it computes as before."""
    for module in model.modules():
        if type(module) is nn.Linear:
            module.__class__ = FrozenLinear
