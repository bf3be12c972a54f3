"""T5's encoder on queries of mixed lengths: few at a time, so that they stay in the cache, and cut to the longest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor

from genir.interventions.engine_layers import KeysValues, attend, mlp, normed
from genir.interventions.engine_weights import Attention, Weights, linear
from genir.models.dsi import Inputs

TOKENS = {"cpu": 384, "cuda": 65_536}
"""Tokens at a time."""


class Encoded:
    """The encoder's output for neighbouring queries of a block, from ``start`` to before ``stop``.

    Queries of similar length stand side by side, or time is lost on padding. The keys and values of one
    decoder layer at a time lie in buffers that ``read`` fills.
    """

    def __init__(self, start: int, inputs: Inputs, weights: Weights) -> None:
        positions = torch.arange(1, inputs.mask.shape[1] + 1, device=inputs.mask.device)
        self.weights, self.mask = weights, inputs.mask != 0
        self.lengths: list[int] = (self.mask * positions).amax(1).tolist()
        self.start, self.stop = start, start + len(self.lengths)
        self.states = list(self._states(inputs))
        shape = (
            len(self.lengths),
            weights.heads,
            max(self.lengths),
            len(weights.decoder[0].cross.key) // weights.heads,
        )
        # Zeros, since what lies beyond a query's length is multiplied by an attention of zero.
        self.keys, self.values = (weights.unembedding.new_zeros(shape) for _ in range(2))
        self.biases: dict[tuple[int, int], Tensor | None] = {}

    def _states(self, inputs: Inputs) -> Iterator[tuple[int, Tensor]]:
        """First query and encoder output (queries, length, d) of a few queries at a time."""
        size = max(1, TOKENS[inputs.ids.device.type] // max(self.lengths))
        for first in range(0, len(self.lengths), size):
            mine, length = slice(first, first + size), max(self.lengths[first : first + size])
            yield first, encode_few(Inputs(inputs.ids[mine, :length], self.mask[mine, :length]), self.weights)

    def read(self, attention: Attention) -> None:
        """Compute the keys and values of a decoder layer's cross-attention."""
        for first, states in self.states:
            queries, length, width = states.shape
            for matrix, buffer in ((attention.key, self.keys), (attention.value, self.values)):
                rows = linear(states.view(-1, width), matrix).view(queries, length, self.weights.heads, -1)
                buffer[first : first + queries, :, :length] = rows.transpose(1, 2)

    def part(self, start: int, stop: int) -> KeysValues:
        """Keys and values of queries ``start`` to before ``stop`` of the block, cut to the longest of them."""
        start, stop = start - self.start, stop - self.start
        longest = max(self.lengths[start:stop])
        if (start, stop) not in self.biases:
            hidden = ~self.mask[start:stop, :longest]
            self.biases[start, stop] = self._bias(hidden) if hidden.any() else None
        keys, values = (buffer[start:stop].flatten(0, 1)[:, :longest] for buffer in (self.keys, self.values))
        return KeysValues(keys, values, self.biases[start, stop])

    def _bias(self, hidden: Tensor) -> Tensor:
        """Minus infinity where ``hidden`` (queries, length), as (queries x heads, 1, length)."""
        bias = torch.zeros_like(hidden, dtype=self.weights.dtype).masked_fill_(hidden, float("-inf"))
        return bias[:, None].expand(-1, self.weights.heads, -1).reshape(-1, 1, hidden.shape[1])


def encode_few(inputs: Inputs, weights: Weights) -> Tensor:
    """The normed output of the encoder, (queries, length, d); ``inputs.mask`` is true where a key is attended."""
    queries, length = inputs.ids.shape
    heads = weights.heads
    stream = weights.embeddings[inputs.ids.reshape(-1)].to(weights.stream)
    bias = cast(Tensor, weights.positions.compute_bias(length, length))  # type: ignore[operator]
    hidden = ~inputs.mask[:, None, None]
    if hidden.any():
        bias = bias.masked_fill(hidden, float("-inf"))
    bias = bias.expand(queries, -1, length, -1).reshape(queries * heads, length, length)
    for layer in weights.encoder:
        x = normed(stream, layer.own.norm, weights)
        q, k, v = (
            linear(x, matrix).view(queries, length, heads, -1).transpose(1, 2).reshape(queries * heads, length, -1)
            for matrix in (layer.own.query, layer.own.key, layer.own.value)
        )
        mixed = attend(q, KeysValues(k, v, bias)).view(queries, heads, length, -1).transpose(1, 2)
        stream += linear(mixed.reshape(queries * length, -1), layer.own.output)
        stream += mlp(stream, layer.mlp, weights)
    return normed(stream, weights.encoder_final, weights).view(queries, length, -1)
