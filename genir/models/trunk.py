"""Layers below the first masked one, computed once: what passes through them is the same under every mask above.

Heads that copy sit late in a model, so that most of a prompt's way is the same whichever of them is masked. In a first pass over
the prompts the output of the last shared layer is recorded, with the keys and values up to it; later passes replay them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from transformers.cache_utils import Cache

from genir.models.causal import CausalLM
from genir.models.causal_attention import HeadMask


class Trunk:
    """The first ``depth`` layers, over stretches of prompts; a stretch is named by all tokens up to its end."""

    def __init__(self, blocks: Sequence[nn.Module]) -> None:
        self.blocks = blocks
        self.outputs: dict[tuple[int, ...], Any] = {}
        self.rooms: dict[tuple[int, ...], list[tuple[Tensor, Tensor]]] = {}

    @property
    def depth(self) -> int:
        """How many layers are shared."""
        return len(self.blocks)

    @contextmanager
    def shared(self, end: tuple[int, ...], start: int, cache: Cache) -> Iterator[None]:
        """For the pass over the positions from ``start`` to ``end``, which extends ``cache``: record the shared layers, or replay them."""
        with self._replaying(end) if end in self.outputs else self._recording(end):
            yield
        if end not in self.rooms:
            self.rooms[end] = [
                (room.keys[:, :, start : len(end)].clone(), room.values[:, :, start : len(end)].clone())
                for room in cache.layers[: self.depth]
            ]
        else:
            for room, (keys, values) in zip(cache.layers, self.rooms[end], strict=False):
                room.update(keys, values)

    @contextmanager
    def _recording(self, end: tuple[int, ...]) -> Iterator[None]:
        def keep(block: nn.Module, inputs: Any, output: Any) -> None:
            self.outputs[end] = output

        handle = self.blocks[-1].register_forward_hook(keep)
        try:
            yield
        finally:
            handle.remove()

    @contextmanager
    def _replaying(self, end: tuple[int, ...]) -> Iterator[None]:
        """All shared layers return what the last one did: the others' outputs only pass from one to the next."""
        output = self.outputs[end]
        for block in self.blocks:
            block.forward = lambda *args, **options: output
        try:
            yield
        finally:
            for block in self.blocks:
                del block.forward


def trunk_of(lm: CausalLM, masks: Sequence[HeadMask]) -> Trunk | None:
    """The trunk that saves most work over ``masks``; None where nothing is saved, or the model's layers cannot be told."""
    firsts = [_first(mask) for mask in masks if mask.heads]
    depth = max(firsts, key=lambda layer: layer * sum(first >= layer for first in firsts), default=0)
    lists = (module for module in lm.model.base_model.modules() if isinstance(module, nn.ModuleList))
    blocks = next((list(blocks) for blocks in lists if len(blocks) == lm.layers), [])
    return Trunk(blocks[:depth]) if blocks and 0 < depth < lm.layers else None


def below(mask: HeadMask | None, depth: int) -> bool:
    """Whether the first ``depth`` layers are the same with this mask as without."""
    return mask is None or not mask.heads or _first(mask) >= depth


def _first(mask: HeadMask) -> int:
    return min(layer for layer, _ in mask.heads)
