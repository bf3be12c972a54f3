"""A T5 decoder from which the reduced graph of Table 4 has removed what retrieval does not need.

It has the shape of a T5: each kept layer still has three sublayers. Attention is silent; in bridging layers the MLP is a
constant; what the dropped layers wrote on average is the constant that the first layer adds in attention's place. The number
of bridging layers, ``bridging_layers`` in config.json, tells such a model from others, so that it is saved and loaded like them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import T5ForConditionalGeneration


class Silent(nn.Module):
    """Attention that writes nothing."""

    def forward(self, hidden_states: Tensor, **_: Any) -> tuple[Tensor, None, None]:
        """The stream as it came, in the form in which T5's attention sublayers return it."""
        return hidden_states, None, None


class Constant(nn.Module):
    """A sublayer that writes the same vector for every query."""

    def __init__(self, width: int, attends: bool = False) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.zeros(width))
        self.attends = attends

    def forward(self, hidden_states: Tensor, **_: Any) -> Tensor | tuple[Tensor, None, None]:
        """The stream with the vector added, in the form that an MLP or, if it ``attends``, an attention sublayer returns."""
        changed = hidden_states + self.value
        return (changed, None, None) if self.attends else changed


def reduce_decoder(model: T5ForConditionalGeneration, bridging: int) -> None:
    """Replace the sublayers that the reduced graph has not: attention everywhere, MLPs in the first ``bridging`` layers."""
    width = model.config.d_model
    for number, block in enumerate(model.decoder.block):
        block.layer[0] = Constant(width, attends=True) if number == 0 else Silent()
        if number < bridging:
            block.layer[-1] = Constant(width)
