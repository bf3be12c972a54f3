"""T5's encoder on queries of mixed lengths: few at a time, so that they stay in the cache, and cut to the longest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from genir.interventions.engine_layers import KeysValues, attend, mlp, normed
from genir.interventions.engine_weights import Attention, Weights
from genir.models.dsi import Inputs
from genir.models.products import linear

TOKENS = {"cpu": 1_024, "cuda": 65_536}
"""Tokens at a time."""
GROUP = {"cpu": 64, "cuda": 1_024}
"""Queries whose keys and values are padded to one length."""
VECTOR = 16
"""Keys are padded to a multiple of it: a softmax over 15 takes nine times as long as one over 16, their product twice."""


class Encoded:
    """Keys and values of neighbouring queries of a block, from ``start`` to before ``stop``, for one decoder layer at a time.

    Queries of similar length stand side by side, or time is lost on padding. ``states`` are the first query and
    the encoder's output (queries, length, d) of few queries each; ``read`` fills the buffers from them.
    """

    def __init__(self, start: int, mask: Tensor, states: Sequence[tuple[int, Tensor]], weights: Weights) -> None:
        self.weights, self.mask, self.states = weights, mask, states
        self.lengths = lengths(mask)
        self.start, self.stop = start, start + len(mask)
        shape = (
            len(mask),
            weights.heads,
            padded(max(self.lengths)),
            len(weights.decoder[0].cross.key) // weights.heads,
        )
        # Zeros, since what lies beyond a query's length is multiplied by an attention of zero.
        self.keys, self.values = (weights.unembedding.new_zeros(shape) for _ in range(2))
        self.biases: dict[tuple[int, int], Tensor | None] = {}

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
        longest = padded(max(self.lengths[start:stop]))
        if (start, stop) not in self.biases:
            mask = self.mask[start:stop, :longest]
            hidden = F.pad(~mask, (0, longest - mask.shape[1]), value=True)
            self.biases[start, stop] = self._bias(hidden) if hidden.any() else None
        keys, values = (buffer[start:stop].flatten(0, 1)[:, :longest] for buffer in (self.keys, self.values))
        return KeysValues(keys, values, self.biases[start, stop])

    def _bias(self, hidden: Tensor) -> Tensor:
        """Minus infinity where ``hidden`` (queries, length), as (queries x heads, 1, length)."""
        bias = torch.zeros_like(hidden, dtype=self.weights.dtype).masked_fill_(hidden, float("-inf"))
        return bias[:, None].expand(-1, self.weights.heads, -1).reshape(-1, 1, hidden.shape[1])


def encode_block(block: Sequence[Inputs], weights: Weights) -> list[Encoded]:
    """The queries of a block in groups that stand side by side, encoded."""
    size = GROUP[block[0].ids.device.type]
    groups = [
        Inputs(ids, mask != 0)
        for inputs in block
        for ids, mask in zip(torch.split(inputs.ids, size), torch.split(inputs.mask, size), strict=True)
    ]
    parts = [list(_few(group)) for group in groups]
    states = iter(encode([few for part in parts for _, few in part], weights))
    found: list[Encoded] = []
    for group, part in zip(groups, parts, strict=True):
        mine = [(first, next(states)) for first, _ in part]
        found.append(Encoded(found[-1].stop if found else 0, group.mask, mine, weights))
    return found


def _few(inputs: Inputs) -> Iterator[tuple[int, Inputs]]:
    """A few queries at a time, cut to the longest of them, and the place of the first; the mask is true where attended."""
    longest = lengths(inputs.mask)
    size = max(1, TOKENS[inputs.ids.device.type] // max(longest))
    for first in range(0, len(longest), size):
        mine, length = slice(first, first + size), max(longest[first : first + size])
        yield first, Inputs(inputs.ids[mine, :length], inputs.mask[mine, :length])


def encode(parts: Sequence[Inputs], weights: Weights) -> list[Tensor]:
    """The normed output of the encoder for each part, (queries, length, d); a part's mask is true where a key is attended.

    All parts go through one layer before the next, since its weights do not stay in the cache for longer.
    """
    longest = max(part.ids.shape[1] for part in parts)
    positions = cast(Tensor, weights.positions.compute_bias(longest, longest))  # type: ignore[operator]
    biases = [_bias(part.mask, positions) for part in parts]
    streams = [weights.embeddings[part.ids.reshape(-1)].to(weights.stream) for part in parts]
    for layer in weights.encoder:
        for stream, bias, (ids, _) in zip(streams, biases, parts, strict=True):
            stream += _self_attention(stream, layer.own, bias, ids.shape, weights)
            stream += mlp(stream, layer.mlp, weights)
    return [
        normed(stream, weights.encoder_final, weights).view(*part.ids.shape, -1)
        for stream, part in zip(streams, parts, strict=True)
    ]


def _bias(mask: Tensor, positions: Tensor) -> Tensor:
    """What is added to scores: by relative position, or minus infinity; (queries x heads, length, padded length)."""
    queries, length = mask.shape
    bias = F.pad(positions[:, :, :length, :length], (0, padded(length) - length), value=float("-inf"))
    hidden = F.pad(~mask, (0, padded(length) - length), value=True)
    return bias.expand(queries, -1, -1, -1).masked_fill(hidden[:, None, None], float("-inf")).flatten(0, 1)


def _self_attention(stream: Tensor, own: Attention, bias: Tensor, shape: torch.Size, weights: Weights) -> Tensor:
    """What self-attention writes, (queries x length, d)."""
    queries, length = shape
    x = normed(stream, own.norm, weights)
    q, k, v = (
        linear(x, matrix).view(queries, length, weights.heads, -1).transpose(1, 2)
        for matrix in (own.query, own.key, own.value)
    )
    more = (0, 0, 0, padded(length) - length)
    if any(more):  # Padding by nothing copies.
        k, v = F.pad(k, more), F.pad(v, more)
    kv = KeysValues(k.flatten(0, 1), v.flatten(0, 1), bias)
    mixed = attend(q.flatten(0, 1), kv).view(queries, weights.heads, length, -1).transpose(1, 2)
    return linear(mixed.reshape(queries * length, -1), own.output)


def lengths(mask: Tensor) -> list[int]:
    """The number of tokens up to the last that is attended, for each query of a mask (queries, length)."""
    return cast(list[int], ((mask != 0) * torch.arange(1, mask.shape[1] + 1, device=mask.device)).amax(1).tolist())


def padded(length: int) -> int:
    """``length`` rounded up to whole vectors."""
    return -(-length // VECTOR) * VECTOR
