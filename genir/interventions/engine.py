"""The single-position engine: many interventions on many queries in one pass through the decoder."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genir.interventions.engine_encoder import encode_block
from genir.interventions.engine_layers import KeysValues, head_mix, head_written, written
from genir.interventions.engine_memory import ROWS
from genir.interventions.engine_plan import Schedule, Slot, step
from genir.interventions.engine_ranks import count_larger
from genir.interventions.engine_weights import Weights
from genir.interventions.patch import OTHER, Intervention
from genir.interventions.sites import Component, Site
from genir.interventions.values import Accumulator, Clean, sites_with, value_of
from genir.models.dsi import Inputs

Batch = tuple[NDArray[np.int64], Inputs]


class Unpatched:
    """The unpatched rows of one model for a block of queries, one decoder layer after the other."""

    def __init__(self, weights: Weights, block: Sequence[Batch]) -> None:
        self.weights, self.layer = weights, 0
        self.encoded = encode_block([inputs for _, inputs in block], weights)
        self.rows = weights.start.expand(self.encoded[-1].stop, 1, -1).clone()

    def pieces(self, interventions: int) -> Iterator[tuple[slice, KeysValues]]:
        """Slices of the block's queries whose rows fit the cache, with their keys and values of this layer."""
        size = max(1, ROWS[self.rows.device.type] // interventions)
        for encoded in self.encoded:
            count = -(-(encoded.stop - encoded.start) // size)
            width = encoded.stop - encoded.start
            bounds = [encoded.start + width * i // count for i in range(count + 1)]
            for start, stop in itertools.pairwise(bounds):
                yield slice(start, stop), encoded.part(start, stop)

    def advance(
        self, wanted: Collection[Site], before: Collection[Component] = ()
    ) -> tuple[dict[Site, Tensor], dict[Component, Tensor]]:
        """Go through the next layer; the outputs of the sites ``wanted`` in it, and the rows before components, (queries, d)."""
        for encoded in self.encoded:
            encoded.read(self.weights.decoder[self.layer].cross)
        wanted = [site for site in wanted if site.layer == self.layer]
        outputs = {site: torch.empty_like(self.rows[:, 0]) for site in wanted}
        rows_before = {component: torch.empty_like(self.rows[:, 0]) for component in before}
        for mine, kv in self.pieces(1):
            rows = self.rows[mine]
            for component in Component:
                if component in rows_before:
                    rows_before[component][mine] = rows[:, 0]
                heads = {site: site.head for site in wanted if site.component is component and site.head is not None}
                if heads:
                    mixed = head_mix(component, rows, self.layer, self.weights, kv)
                    for site, head in heads.items():
                        outputs[site][mine] = head_written(component, mixed, head, self.layer, self.weights)[:, 0]
                out = written(component, rows, self.layer, self.weights, kv)
                if Site(component, self.layer) in outputs:
                    outputs[Site(component, self.layer)][mine] = out[:, 0]
                rows += out
        self.layer += 1
        return outputs, rows_before


class Evidence(NamedTuple):
    """What replacements refer to at the layer at hand: unpatched outputs, and those of the base model."""

    chosen: NDArray[np.int64]
    clean: Clean
    other: Mapping[Site, Tensor]


def advance(
    rows: Tensor,
    slots: Sequence[Slot],
    layer: int,
    weights: Weights,
    pieces: Iterator[tuple[slice, KeysValues | None]],
    before: Mapping[Component, Tensor],
    evidence: Evidence,
) -> None:
    """Take patched rows (queries, slots, d) through one layer, in place."""
    steps = [step(slots, layer, component) for component in Component]
    values = {
        (place, site): value_of(site, replacement, evidence.chosen, evidence.clean, evidence.other, rows)
        for each in steps
        for place, site, replacement in each.edits
    }
    for mine, kv in pieces:
        here = rows[mine]
        for component, now in zip(Component, steps, strict=True):
            if now.forked.stop > now.forked.start:
                here[:, now.forked] = before[component][mine, None]
            if now.computed:
                taken = [here[:, run] for run in now.computed]
                together = taken[0] if len(taken) == 1 else torch.cat(taken, 1)
                out = written(component, together, layer, weights, kv, now.cuts)
                for run, added in zip(taken, torch.split(out, [run.shape[1] for run in taken], 1), strict=True):
                    run += added
            for place, site, _ in now.edits:
                value = values[place, site]
                if value is not None:
                    here[:, place] += value if value.ndim == 1 else value[mine]


def block_ranks(
    weights: Weights,
    block: Sequence[Batch],
    gold: Tensor,
    interventions: Sequence[Intervention],
    plan: Schedule,
    clean: Clean | Accumulator,
    base: Weights | None,
    progress: Callable[[float], None],
) -> NDArray[np.int64]:
    """Ranks of ``gold`` (queries of the block,), shape (interventions, queries of the block).

    An ``Accumulator`` in place of finished evidence takes means and outputs as they arise: the block then
    holds all queries.
    """
    chosen = np.concatenate([positions for positions, _ in block])
    unpatched = Unpatched(weights, block)
    from_base = sites_with(interventions, OTHER)
    other = Unpatched(base, block) if base is not None and from_base else None
    taken = (*clean.mean_of, *clean.all_of) if isinstance(clean, Accumulator) else ()
    layers = len(weights.decoder)
    queries, width = len(chosen), unpatched.rows.shape[-1]
    wide = unpatched.rows.new_empty(queries, len(plan.wide), width)
    narrow = unpatched.rows[:1].expand(-1, len(plan.narrow), -1).clone()
    place_of = {slot.number: place for place, slot in enumerate(plan.wide)}
    for layer in range(layers):
        begin = [slot for slot in plan.wide if slot.begin[0] == layer]
        needed = {
            component for position, component in enumerate(Component) if any(s.begin[1] == position for s in begin)
        }
        outputs, before = unpatched.advance(taken, needed)
        if isinstance(clean, Accumulator):
            clean.add(chosen, outputs)
        evidence = Evidence(
            chosen,
            clean.clean() if isinstance(clean, Accumulator) else clean,
            other.advance(from_base)[0] if other is not None and layer < len(other.weights.decoder) else {},
        )
        _join(plan, wide, narrow, place_of, layer)
        alive = sum(slot.begin[0] <= layer for slot in plan.wide)
        if any(slot.end > layer for slot in plan.narrow):
            advance(narrow, plan.narrow, layer, weights, iter([(slice(0, 1), None)]), {}, evidence)
        if alive:
            pieces = unpatched.pieces(alive)
            advance(wide[:, :alive], plan.wide[:alive], layer, weights, pieces, before, evidence)
        progress((layer + 1) / (layers + 1))
    _join(plan, wide, narrow, place_of, layers)
    found = np.empty((len(interventions), queries), dtype=np.int64)
    if plan.unpatched:
        found[list(plan.unpatched)] = count_larger(unpatched.rows, gold, weights).cpu().numpy().T
    if plan.wide:
        found[[slot.number for slot in plan.wide]] = count_larger(wide, gold, weights).cpu().numpy().T
    return found


def _join(plan: Schedule, wide: Tensor, narrow: Tensor, place_of: Mapping[int, int], layer: int) -> None:
    """Give every query its own copy of the rows that the query reaches in this layer."""
    for place, slot in enumerate(plan.narrow):
        if slot.end == layer:
            wide[:, place_of[slot.number]] = narrow[:, place]
