"""Greedy decoding of many prompts under many head masks, sharing every prefill that is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from inspect import signature
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

from genir.errors import GenirError
from genir.models.causal import CausalLM
from genir.models.causal_attention import HeadMask, Watch, stacked, watching
from genir.models.trunk import Trunk, below, trunk_of

Progress = Callable[[int, int], None]
Prompt = Sequence[int]


class Decoded(NamedTuple):
    """What a model said: its ``tokens`` (T,), the stop token left out, and where each head looked when it chose them.

    ``keys`` (T, layers, heads) holds the position of the largest attention weight of the query that predicts token t; a
    position beyond the prompt is one of the generated tokens. It is None where it was not asked for.
    """

    tokens: NDArray[np.int64]
    keys: NDArray[np.int32] | None


@torch.inference_mode()
def decode(
    lm: CausalLM,
    prompts: Sequence[Prompt],
    masks: Sequence[HeadMask | None] = (None,),
    *,
    steps: int = 50,
    batch: int = 8,
    want_keys: bool = True,
    progress: Progress | None = None,
) -> list[list[Decoded]]:
    """Continue every prompt greedily under every mask; the result is indexed by mask, then by prompt.

    Prompts are walked in lexicographic order and a prefix that the next prompt shares is not computed again; masks that act
    on decoding steps only share the prefill as well, and other masks the layers below the first that they touch. All of it is
    exact: a key or a value depends neither on what follows it nor on layers above.
    Rows of a batch are aligned to the right and padded, with the pads masked out. An answer ends at a stop token, at a line
    break after its first token, or after ``steps``. ``progress`` is called with the rows done and the rows in all.
    Raises GenirError for a prompt of fewer than two tokens and for one that leaves no room for ``steps`` tokens.
    """
    for number, prompt in enumerate(prompts):
        if len(prompt) < 2:
            raise GenirError(f"expected at least two tokens in every prompt, prompt {number} has {len(prompt)}")
        if len(prompt) + steps > lm.positions:
            raise GenirError(
                f"expected prompts of at most {lm.positions - steps} tokens ({lm.name} takes {lm.positions}, {steps} are for the "
                f"answer), got {len(prompt)}: ask for shorter contexts"
            )
    order = sorted(range(len(prompts)), key=lambda i: tuple(prompts[i]))
    results: dict[tuple[int, int], Decoded] = {}
    rows = [(i, m) for group in _groups(masks) for i in order for m in group]
    filled = _filled(lm, prompts, masks, rows)
    for start in range(0, len(rows), batch):
        chosen = rows[start : start + batch]
        answers = _batch(lm, filled, prompts, chosen, [masks[m] for _, m in chosen], steps, want_keys)
        results.update(zip(chosen, answers, strict=True))
        if progress is not None:
            progress(len(results), len(rows))
    return [[results[i, m] for i in range(len(prompts))] for m in range(len(masks))]


def _groups(masks: Sequence[HeadMask | None]) -> Iterator[list[int]]:
    """Masks that share their prefill: no mask and all masks of decoding steps only; every other mask on its own."""
    shared = [m for m, mask in enumerate(masks) if mask is None or mask.decoding]
    if shared:
        yield shared
    yield from ([m] for m, mask in enumerate(masks) if mask is not None and not mask.decoding)


def _prefill_mask(mask: HeadMask | None) -> HeadMask | None:
    return None if mask is None or mask.decoding else mask


def _filled(
    lm: CausalLM, prompts: Sequence[Prompt], masks: Sequence[HeadMask | None], rows: Sequence[tuple[int, int]]
) -> Iterator[Cache]:
    """The cache of each row's prompt under its mask, one after the other; good until the next is asked for."""
    capacity = max(map(len, prompts), default=1)
    prefills = [_prefill_mask(mask) for mask in masks]
    trunk = trunk_of(lm, [mask for mask in prefills if mask is not None])
    walk: _Walk | None = None
    for i, m in rows:
        if walk is None or walk.mask is not prefills[m]:
            walk = _Walk(lm, capacity, prefills[m], trunk if trunk and below(prefills[m], trunk.depth) else None)
        yield walk.to(prompts[i])


class _Room(DynamicLayer):
    """Keys and values of one layer in a buffer of fixed size: appending copies nothing, cropping is a number.

    It keeps every position of sliding-window layers too; the window is in the mask that the model makes, and a window that
    had been cut off could not be cropped back.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.capacity, self.used = capacity, 0

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        self.dtype, self.device = key_states.dtype, key_states.device
        self.keys = key_states.new_empty(*key_states.shape[:2], self.capacity, key_states.shape[3])
        self.values = value_states.new_empty(*value_states.shape[:2], self.capacity, value_states.shape[3])
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        end = self.used + key_states.shape[2]
        self.keys[:, :, self.used : end] = key_states
        self.values[:, :, self.used : end] = value_states
        self.used = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def get_seq_length(self) -> int:
        return self.used


class _Walk:
    """The keys and values of one prompt after the other, in one cache that is cropped to what they share."""

    def __init__(self, lm: CausalLM, capacity: int, mask: HeadMask | None, trunk: Trunk | None) -> None:
        self.lm, self.mask, self.trunk = lm, mask, trunk
        self.cache = Cache(layer_class_to_replicate=partial(_Room, capacity))
        self.held: tuple[int, ...] = ()

    def to(self, prompt: Prompt) -> Cache:
        """The cache with all tokens of ``prompt`` but the last, whose query makes the first prediction."""
        wanted = tuple(prompt[:-1])
        shared = next((i for i, (a, b) in enumerate(zip(self.held, wanted, strict=False)) if a != b), None)
        shared = min(len(self.held), len(wanted)) if shared is None else shared
        for layer in self.cache.layers:
            layer.used = shared
        self.held = wanted[:shared]
        if shared < len(wanted):
            new = torch.tensor([wanted[shared:]], device=self.lm.device)
            where = torch.arange(shared, len(wanted), device=self.lm.device)[None]
            with (
                watching(Watch(layers=self.lm.layers, masks=() if self.mask is None else (self.mask,))),
                nullcontext() if self.trunk is None else self.trunk.shared(wanted, shared, self.cache),
            ):
                _forward(self.lm.model.base_model, new, where, None, self.cache)
            self.held = wanted
        return self.cache


def _batch(
    lm: CausalLM,
    filled: Iterator[Cache],
    prompts: Sequence[Prompt],
    rows: Sequence[tuple[int, int]],
    masks: Sequence[HeadMask | None],
    steps: int,
    want_keys: bool,
) -> list[Decoded]:
    lengths = [len(prompts[i]) for i, _ in rows]
    width = max(lengths) - 1
    pads = torch.tensor([width + 1 - length for length in lengths], device=lm.device)
    cache: Cache | None = None
    for row, source in zip(range(len(rows)), filled, strict=False):
        cache = cache or Cache(layers=[_Room(width + steps) for _ in source.layers])
        _copy(source, cache, row, len(rows), width)
    tokens = torch.tensor([[prompts[i][-1]] for i, _ in rows], device=lm.device)
    said: list[list[int]] = [[] for _ in rows]
    over = [False] * len(rows)
    looked: list[NDArray[np.int32]] = []
    watch = Watch(layers=lm.layers, masks=tuple(masks) if any(masks) else (), want_keys=want_keys)
    for step in range(steps):
        seen = None
        if bool((pads > 0).any()):
            seen = torch.arange(width + 1 + step, device=lm.device)[None] >= pads[:, None]
        with watching(watch):
            out = _forward(lm.model, tokens, (width + step - pads)[:, None], seen, cache)
        tokens = out.logits[:, -1].argmax(dim=-1, keepdim=True)
        if want_keys:
            looked.append((stacked(watch.keys) - pads[:, None, None]).to(torch.int32).cpu().numpy())
        for row, token in enumerate(tokens[:, 0].tolist()):
            over[row] = over[row] or token in lm.stops or (bool(said[row]) and _breaks_line(lm, token))
            if not over[row]:
                said[row].append(token)
        if all(over):
            break
    keys = np.stack(looked, axis=1) if want_keys else None
    return [
        Decoded(np.array(said[row], dtype=np.int64), None if keys is None else keys[row, : len(said[row])])
        for row in range(len(rows))
    ]


def _copy(source: Cache, target: Cache, row: int, rows: int, width: int) -> None:
    """Copy one prompt's keys and values into row ``row`` of the batch, its last position at ``width``."""
    for held, room in zip(source.layers, target.layers, strict=True):
        if not room.is_initialized:
            room.lazy_initialization(held.keys.expand(rows, -1, -1, -1), held.values.expand(rows, -1, -1, -1))
        start = width - held.used
        room.keys[row, :, :start], room.values[row, :, :start] = (
            0,
            0,
        )  # masked out, but 0 x NaN would still be NaN
        room.keys[row, :, start:width] = held.keys[0, :, : held.used]
        room.values[row, :, start:width] = held.values[0, :, : held.used]
        room.used = width


def _forward(model: Any, ids: Tensor, positions: Tensor, seen: Tensor | None, cache: Cache) -> Any:
    options: dict[str, Any] = {
        "input_ids": ids,
        "attention_mask": seen,
        "past_key_values": cache,
        "use_cache": True,
    }
    if "position_ids" in signature(model.forward).parameters:
        options["position_ids"] = positions
    return model(**options)


def _breaks_line(lm: CausalLM, token: int) -> bool:
    return lm.tokenizer is not None and "\n" in lm.tokenizer.decode([token])
