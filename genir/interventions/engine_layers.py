"""What each component of a decoder layer writes, computed from rows of the residual stream at one position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor

from genir.interventions.engine_weights import DecoderWeights, LayerWeights, linear
from genir.interventions.sites import ATTENTION, MLP, Component

Cuts = Sequence[tuple[int, Sequence[int]]]
"""Heads that write nothing: pairs of an intervention's place among the rows and its heads."""


class KeysValues(NamedTuple):
    """Cross-attention's keys and values of some queries in one layer, each (queries x heads, length, d_kv).

    ``bias`` (queries x heads, 1, length) is minus infinity at padding; None where nothing is padded.
    """

    keys: Tensor
    values: Tensor
    bias: Tensor | None


def keys_values(encoded: Tensor, layer: LayerWeights, heads: int) -> tuple[Tensor, Tensor]:
    """Keys and values of the encoder's output (queries, length, d), each (queries, heads, length, d_kv)."""
    queries, length, width = encoded.shape
    both = linear(encoded.reshape(-1, width), layer.key_value).view(queries, length, 2, heads, -1)
    keys, values = both.permute(2, 0, 3, 1, 4).contiguous()
    return keys, values


def normalise(rows: Tensor, decoder: DecoderWeights) -> Tensor:
    """RMS norm, its weight left to the next matrix: (queries, interventions, d) -> (queries x interventions, d)."""
    scale = root_mean_square(rows, decoder.epsilon)
    return (rows * scale).to(decoder.unembedding.dtype).view(-1, rows.shape[-1])


def root_mean_square(rows: Tensor, epsilon: float) -> Tensor:
    """What a row of (..., d) is multiplied with to have a mean square of one, (..., 1)."""
    norm = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
    return cast(Tensor, norm.square_().div_(rows.shape[-1]).add_(epsilon).rsqrt_())


def written(
    component: Component,
    x: Tensor,
    shape: tuple[int, int],
    layer: LayerWeights,
    decoder: DecoderWeights,
    kv: KeysValues | None = None,
    cuts: Cuts = (),
) -> Tensor:
    """What a component adds to the residual stream of normed rows ``x``, (queries x interventions, d).

    ``shape`` is (queries, interventions); ``kv`` is needed by cross-attention.
    """
    if component is MLP:
        return mlp(x, layer.up, layer.down, decoder.activation)
    if component is ATTENTION:
        out = linear(x, layer.attention)
        for place, heads in cuts:
            mixed = head_mix(component, x.view(*shape, -1)[:, place], (shape[0], 1), layer, decoder)
            mixed[:, :, heads] = 0
            out.view(*shape, -1)[:, place] = linear(mixed.view(shape[0], -1), layer.output)
        return out
    mixed = head_mix(component, x, shape, layer, decoder, kv)
    for place, heads in cuts:
        mixed[:, place, heads] = 0
    return linear(mixed.reshape(len(x), -1), layer.cross_output)


def head_mix(
    component: Component,
    x: Tensor,
    shape: tuple[int, int],
    layer: LayerWeights,
    decoder: DecoderWeights,
    kv: KeysValues | None = None,
) -> Tensor:
    """What each head hands to the output projection, (queries, interventions, heads, d_kv)."""
    queries, interventions = shape
    if component is ATTENTION:
        return linear(x, layer.value).view(queries, interventions, decoder.heads, -1)
    assert kv is not None  # noqa: S101  (for the type checker: every caller of cross-attention passes it)
    q = linear(x, layer.query).view(queries, interventions, decoder.heads, -1).transpose(1, 2)
    q = q.reshape(queries * decoder.heads, interventions, -1)
    keys = kv.keys.transpose(1, 2)
    scores = torch.bmm(q, keys) if kv.bias is None else torch.baddbmm(kv.bias, q, keys)
    mixed = torch.bmm(torch.softmax(scores, -1), kv.values)
    return mixed.view(queries, decoder.heads, interventions, -1).transpose(1, 2)


def head_written(component: Component, mixed: Tensor, head: int, layer: LayerWeights) -> Tensor:
    """What one head adds to the residual stream, from ``head_mix``: (queries, interventions, d)."""
    output = layer.output if component is ATTENTION else layer.cross_output
    width = mixed.shape[-1]
    return mixed[:, :, head] @ output[:, head * width : (head + 1) * width].T


def mlp(x: Tensor, up: Sequence[Tensor], down: Tensor, activation: str) -> Tensor:
    """The MLP, plain (one matrix ``up``, T5 v1.0) or gated (gate and linear part, v1.1), (rows, d) -> (rows, d)."""
    hidden = linear(x, up[0], activation)
    for factor in up[1:]:
        hidden.mul_(linear(x, factor))
    return linear(hidden, down)
