"""What each component of a decoder layer writes, computed from rows of the residual stream at one position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from genir.interventions.engine_weights import Mlp, Weights
from genir.interventions.sites import ATTENTION, MLP, Component
from genir.models.products import linear

Cuts = Sequence[tuple[int, Sequence[int]]]
"""Heads that write nothing: pairs of an intervention's place among the rows and its heads."""


class KeysValues(NamedTuple):
    """Cross-attention's keys and values of some queries in one layer, each (queries x heads, length, d_kv).

    ``bias`` (queries x heads, 1, length) is minus infinity at padding; None where nothing is padded.
    """

    keys: Tensor
    values: Tensor
    bias: Tensor | None


def normed(rows: Tensor, norm: Tensor, weights: Weights) -> Tensor:
    """RMS norm of (..., d) in the precision of the matrices, as contiguous rows (rows, d)."""
    if rows.device.type == "cpu":
        # Hugging Face's formula and torch's rms_norm read the rows more often.
        length = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
        square = torch.addcmul(length.new_full((), weights.epsilon), length, length, value=1 / len(norm))
        out = (rows * square.rsqrt_()).mul_(norm)
    else:
        out = F.rms_norm(rows, norm.shape, norm, weights.epsilon)
    return out.to(weights.dtype).reshape(-1, len(norm))


def written(
    component: Component,
    rows: Tensor,
    layer: int,
    weights: Weights,
    kv: KeysValues | None = None,
    cuts: Cuts = (),
) -> Tensor:
    """What a component adds to ``rows`` (queries, interventions, d) of the stream; cross-attention needs ``kv``."""
    here = weights.decoder[layer]
    if component is MLP:
        return mlp(rows, here.mlp, weights).view(rows.shape)
    if component is ATTENTION:
        out = linear(normed(rows, here.own.norm, weights), here.own_map).view(rows.shape)
        for place, heads in cuts:
            mixed = head_mix(component, rows[:, place : place + 1], layer, weights)
            mixed[:, :, heads] = 0
            out[:, place] = linear(mixed.view(len(rows), -1), here.own.output)
        return out
    mixed = head_mix(component, rows, layer, weights, kv)
    for place, heads in cuts:
        mixed[:, place, heads] = 0
    return linear(mixed.reshape(rows[..., 0].numel(), -1), here.cross.output).view(rows.shape)


def head_mix(component: Component, rows: Tensor, layer: int, weights: Weights, kv: KeysValues | None = None) -> Tensor:
    """What each head hands to the output projection, (queries, interventions, heads, d_kv)."""
    queries, interventions, _ = rows.shape
    here = weights.decoder[layer]
    if component is ATTENTION:
        value = linear(normed(rows, here.own.norm, weights), here.own.value)
        return value.view(queries, interventions, weights.heads, -1)
    assert kv is not None  # noqa: S101  (for the type checker: every caller of cross-attention passes it)
    q = linear(normed(rows, here.cross.norm, weights), here.cross.query)
    q = q.view(queries, interventions, weights.heads, -1).transpose(1, 2)
    mixed = attend(q.reshape(queries * weights.heads, interventions, -1), kv)
    return mixed.view(queries, weights.heads, interventions, -1).transpose(1, 2)


def attend(q: Tensor, kv: KeysValues) -> Tensor:
    """Softmax attention without a scale, as in T5: (batch, positions, d_kv) -> the same."""
    keys = kv.keys.transpose(1, 2)
    scores = torch.bmm(q, keys) if kv.bias is None else torch.baddbmm(kv.bias, q, keys)
    return torch.bmm(torch.softmax(scores, -1), kv.values)


def head_written(component: Component, mixed: Tensor, head: int, layer: int, weights: Weights) -> Tensor:
    """What one head adds to the residual stream, from ``head_mix``: (queries, interventions, d)."""
    here = weights.decoder[layer]
    output = here.own.output if component is ATTENTION else here.cross.output
    width = mixed.shape[-1]
    return mixed[:, :, head] @ output[:, head * width : (head + 1) * width].T


def mlp(rows: Tensor, module: Mlp, weights: Weights) -> Tensor:
    """The MLP, plain (T5 v1.0) or gated (v1.1), as rows (rows, d)."""
    x = normed(rows, module.norm, weights)
    hidden = linear(x, module.up[0], weights.activation)
    for factor in module.up[1:]:
        hidden.mul_(linear(x, factor))
    return linear(hidden, module.down)
