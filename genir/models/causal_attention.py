"""Attention of causal language models, seen and changed while the model runs.

``scaled_dot_product_attention`` returns no weights, and ``output_attentions=True`` returns all of them: queries x keys for
every head of every layer. What a retrieval head is asked for is one row, that of the query that predicts the next token.
An attention function of our own gives that row, and is at the same time the one place through which every head of every
architecture passes, whatever its modules are called: heads are masked there too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from genir.errors import GenirError

Head = tuple[int, int]
"""Layer and query head, both 0-based."""

INTERFACE = "genir"


@dataclass(frozen=True)
class HeadMask:
    """What is done to a set of query heads: ``zero`` or ``mean`` replaces their output, ``uniform`` flattens their attention.

    ``zero`` and ``mean`` act on the head's slice before the output projection; ``mean`` needs ``means`` of shape
    (layers, heads, head size). ``uniform`` sets the query to zero, which is what the authors' code does (with ``decoding``).
    ``decoding`` leaves the prompt as it is, all but its last token, which is the first query that predicts.
    """

    heads: tuple[Head, ...]
    how: Literal["zero", "mean", "uniform"] = "zero"
    decoding: bool = False
    means: Tensor | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.how not in ("zero", "mean", "uniform"):
            raise GenirError(f"expected a mask of kind zero, mean or uniform, got {self.how!r}")
        if len(set(self.heads)) != len(self.heads):
            raise GenirError(f"expected each head once in a mask, got {list(self.heads)}")
        if self.how == "mean" and self.means is None:
            raise GenirError("expected the heads' mean outputs for a mean mask, got none: compute them with head_means")


@dataclass
class Watch:
    """What is wanted of the forward passes inside ``watching``, and what they left behind.

    ``masks`` has one entry per row of the batch (or one for all rows). ``keys`` are the largest key of the last query,
    (batch, layers, heads); ``rows`` its whole attention row; ``outputs`` the sum over positions of each head's output.
    """

    layers: int
    masks: tuple[HeadMask | None, ...] = ()
    want_keys: bool = False
    want_rows: bool = False
    want_outputs: bool = False
    keys: dict[int, Tensor] = field(default_factory=dict)
    rows: dict[int, Tensor] = field(default_factory=dict)
    outputs: dict[int, Tensor] = field(default_factory=dict)
    _selected: dict[tuple[int, str], Tensor | None] = field(default_factory=dict)

    def selected(self, layer: int, how: str, heads: int, device: torch.device) -> Tensor | None:
        """Which (row, head) of ``layer`` is masked in the way ``how``: bool, (rows, heads); None where none is."""
        if (layer, how) not in self._selected:
            chosen = torch.zeros(len(self.masks), heads, dtype=torch.bool)
            for row, mask in enumerate(self.masks):
                if mask is not None and mask.how == how:
                    for at, head in mask.heads:
                        if not (0 <= at < self.layers and 0 <= head < heads):
                            raise GenirError(
                                f"expected heads within {self.layers} layers x {heads} heads, got head {(at, head)}"
                            )
                        if at == layer:
                            chosen[row, head] = True
            self._selected[layer, how] = chosen.to(device) if bool(chosen.any()) else None
        return self._selected[layer, how]

    def means(self, layer: int, like: Tensor) -> Tensor:
        """Mean outputs of the heads of ``layer`` for every row, (rows, heads, head size); zero where no mean is asked for."""
        heads, size = like.shape[2], like.shape[3]
        rows = [
            like.new_zeros(heads, size) if m is None or m.means is None else m.means[layer].to(like) for m in self.masks
        ]
        return torch.stack(rows)


_WATCH: ContextVar[Watch | None] = ContextVar("genir_watch", default=None)


@contextmanager
def watching(watch: Watch) -> Iterator[Watch]:
    """Let the forward passes of models whose attention is ``genir`` report to, and be changed by, ``watch``."""
    token = _WATCH.set(watch)
    try:
        yield watch
    finally:
        _WATCH.reset(token)


def attention_weights(
    query: Tensor,
    key: Tensor,
    mask: Tensor | None,
    scaling: float,
    softcap: float | None = None,
    sinks: Tensor | None = None,
) -> Tensor:
    """Attention weights of the last T queries: query (B, H, T, D) and key (B, H / group, S, D) give (B, H, T, S), in fp32.

    Grouped-query attention without repeating the keys; ``mask`` is boolean or additive, or None for plain causality;
    ``softcap`` bounds the scores (Gemma 2); ``sinks`` (H,) are logits that take a share of the weight and have no key
    (gpt-oss).
    """
    batch, heads, length, size = query.shape
    groups, width = key.shape[1], key.shape[2]
    scores = query.reshape(batch, groups, heads // groups * length, size) @ key.transpose(2, 3) * scaling
    if softcap is not None:
        scores = torch.tanh(scores / softcap) * softcap
    scores = scores.float().reshape(batch, heads, length, width)
    if mask is None and length > 1:
        mask = torch.ones(1, 1, length, width, dtype=torch.bool, device=key.device).tril(width - length)
    if mask is not None:
        mask = mask[..., :width]
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask
    if sinks is None:
        return torch.softmax(scores, dim=-1)
    column = sinks.float().reshape(1, heads, 1, 1).expand(batch, -1, length, -1)
    return torch.softmax(torch.cat((scores, column), dim=-1), dim=-1)[..., :-1]


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **options: Any,
) -> tuple[Tensor, Tensor | None]:
    """Attention as ``transformers`` asks for it: query (B, H, T, D) gives outputs (B, T, H, D) and no weights.

    One query at a time is computed here, row and all; more go through ``scaled_dot_product_attention``, unless the model
    caps its scores or has sinks, which that function does not know.
    """
    watch, layer = _WATCH.get(), int(module.layer_idx)  # type: ignore[arg-type]
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    heads = query.shape[1]
    if watch is not None and watch.masks:
        flat = watch.selected(layer, "uniform", heads, query.device)
        if flat is not None:
            query = query.masked_fill(flat[:, :, None, None], 0.0)
    if query.shape[2] == 1 or softcap is not None or s_aux is not None:
        weights = attention_weights(query, key, attention_mask, scaling, softcap, s_aux)
        if watch is not None and (watch.want_keys or watch.want_rows):
            watch.keys[layer] = _largest(weights[:, :, -1], layer)
            if watch.want_rows:
                watch.rows[layer] = weights[:, :, -1]
        batch, groups, width = value.shape[:3]
        output = weights.to(value.dtype).reshape(batch, groups, -1, width) @ value
        output = output.reshape(*query.shape[:3], value.shape[3]).transpose(1, 2)
    else:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        output, _ = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **options
        )
    return (output if watch is None else _changed(watch, layer, output)), None


def _largest(weights: Tensor, layer: int) -> Tensor:
    """The key of largest weight of every head, (B, H); a row that is not finite is an error, not an argmax."""
    top = weights.max(dim=-1)
    if not bool(torch.isfinite(top.values).all()):
        row, head = (~torch.isfinite(top.values)).nonzero()[0].tolist()
        raise GenirError(
            f"expected finite attention weights, got NaN in layer {layer}, head {head}, row {row} of the batch: "
            "check the weights, or load the model in float32"
        )
    return top.indices


def _changed(watch: Watch, layer: int, output: Tensor) -> Tensor:
    """Heads' outputs (B, T, H, D) with the masked heads replaced."""
    heads = output.shape[2]
    if watch.masks:
        for how in ("zero", "mean"):
            chosen = watch.selected(layer, how, heads, output.device)
            if chosen is not None:
                instead = watch.means(layer, output)[:, None] if how == "mean" else output.new_zeros(())
                output = torch.where(chosen[:, None, :, None], instead, output)
    if watch.want_outputs:
        total = output.sum(dim=(0, 1))
        watch.outputs[layer] = watch.outputs[layer] + total if layer in watch.outputs else total
    return output


def register() -> None:
    """Make the attention function known to ``transformers`` under the name ``genir``; repeated calls do nothing more."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(INTERFACE, attention)
    AttentionMaskInterface.register(INTERFACE, sdpa_mask)


def stacked(by_layer: dict[int, Tensor]) -> Tensor:
    """Per-layer tensors (B, H, ...) as one, (B, layers, H, ...)."""
    return torch.stack([by_layer[layer] for layer in sorted(by_layer)], dim=1)
