"""The single-position engine: many interventions on many queries in one pass through the decoder."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genir.interventions.engine_encoder import encode_block
from genir.interventions.engine_layers import KeysValues, head_mix, head_written, written
from genir.interventions.engine_memory import ROWS
from genir.interventions.engine_plan import Schedule, Slot, Step, step
from genir.interventions.engine_ranks import count_larger
from genir.interventions.engine_weights import Weights
from genir.interventions.patch import OTHER, Intervention
from genir.interventions.sites import Component, Site
from genir.interventions.values import Accumulator, Clean, sites_with, value_of
from genir.models.dsi import Inputs

Batch = tuple[NDArray[np.int64], Inputs]


class Evidence(NamedTuple):
    """What replacements refer to: unpatched outputs of the queries ``chosen``, and the base model's in the layer at hand.

    An ``Accumulator`` takes outputs as they arise.
    """

    chosen: NDArray[np.int64]
    clean: Clean | Accumulator
    other: Mapping[Site, Tensor]


NOTHING = Evidence(np.empty(0, dtype=np.int64), Clean({}, {}), {})


class Stream:
    """The rows (queries, 1 + slots, d) of one model for a block of queries, one decoder layer after the other.

    The first row of each query is the unpatched one, of which the slots' begin as copies; all go through a
    component together, since few rows at a time take longer.
    """

    def __init__(self, weights: Weights, block: Sequence[Batch], slots: Sequence[Slot] = ()) -> None:
        self.weights, self.layer = weights, 0
        self.slots = (Slot(-1, {}, (0, -1), len(weights.decoder)), *slots)
        self.encoded = encode_block([inputs for _, inputs in block], weights)
        self.rows = weights.start.expand(self.encoded[-1].stop, len(self.slots), -1).clone()

    def pieces(self, alive: int) -> Iterator[tuple[slice, KeysValues]]:
        """Slices of the block's queries whose rows fit the cache, with their keys and values of this layer."""
        size = max(1, ROWS[self.rows.device.type] // alive)
        for encoded in self.encoded:
            encoded.read(self.weights.decoder[self.layer].cross)
            width = encoded.stop - encoded.start
            count = -(-width // size)
            bounds = [encoded.start + width * i // count for i in range(count + 1)]
            for start, stop in itertools.pairwise(bounds):
                yield slice(start, stop), encoded.part(start, stop)

    def advance(self, wanted: Collection[Site] = (), evidence: Evidence = NOTHING) -> dict[Site, Tensor]:
        """Go through the next layer; the unpatched outputs (queries, d) of the sites ``wanted`` in it."""
        alive = sum(slot.begin[0] <= self.layer for slot in self.slots)
        rows, pieces = self.rows[:, :alive], list(self.pieces(alive))
        outputs = {site: torch.empty_like(rows[:, 0]) for site in wanted if site.layer == self.layer}
        for component in Component:
            now = step(self.slots[:alive], self.layer, component)
            if now.forked.stop > now.forked.start:
                rows[:, now.forked] = rows[:, :1]
            here = {site: output for site, output in outputs.items() if site.component is component}
            write(rows, now, component, self.layer, self.weights, pieces, here)
            if isinstance(evidence.clean, Accumulator):
                evidence.clean.add(evidence.chosen, here)
            replace(rows, now, evidence)
        self.layer += 1
        return outputs


def write(
    rows: Tensor,
    now: Step,
    component: Component,
    layer: int,
    weights: Weights,
    pieces: Iterable[tuple[slice, KeysValues | None]],
    outputs: Mapping[Site, Tensor],
) -> None:
    """Add what a component writes to the computed rows, in place, and fill ``outputs`` (queries, d) from the first ones."""
    heads = {site: site.head for site in outputs if site.head is not None}
    for mine, kv in pieces if now.computed else ():
        here = rows[mine]
        if heads:
            mixed = head_mix(component, here[:, :1], layer, weights, kv)
            for site, head in heads.items():
                outputs[site][mine] = head_written(component, mixed, head, layer, weights)[:, 0]
        taken = [here[:, run] for run in now.computed]
        together = taken[0] if len(taken) == 1 else torch.cat(taken, 1)
        out = written(component, together, layer, weights, kv, now.cuts)
        if Site(component, layer) in outputs:
            outputs[Site(component, layer)][mine] = out[:, 0]
        for run, added in zip(taken, torch.split(out, [run.shape[1] for run in taken], 1), strict=True):
            run += added


def replace(rows: Tensor, now: Step, evidence: Evidence) -> None:
    """Add to the patched rows what stands in place of a component's output."""
    clean = evidence.clean.clean() if isinstance(evidence.clean, Accumulator) else evidence.clean
    for place, site, replacement in now.edits:
        value = value_of(site, replacement, evidence.chosen, clean, evidence.other, rows)
        if value is not None:
            rows[:, place] += value


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
    stream = Stream(weights, block, plan.wide)
    wide = stream.rows[:, 1:]
    narrow = stream.rows[:1, :1].expand(-1, len(plan.narrow), -1).clone()
    place_of = {slot.number: place for place, slot in enumerate(plan.wide)}
    from_base = sites_with(interventions, OTHER)
    other = Stream(base, block) if base is not None and from_base else None
    taken = (*clean.mean_of, *clean.all_of) if isinstance(clean, Accumulator) else ()
    layers = len(weights.decoder)
    for layer in range(layers):
        elsewhere = other.advance(from_base) if other is not None and layer < len(other.weights.decoder) else {}
        evidence = Evidence(chosen, clean, elsewhere)
        _join(plan, wide, narrow, place_of, layer)
        stream.advance(taken, evidence)
        for component in Component:
            now = step(plan.narrow, layer, component)
            write(narrow, now, component, layer, weights, [(slice(0, 1), None)], {})
            replace(narrow, now, evidence)
        progress((layer + 1) / (layers + 1))
    _join(plan, wide, narrow, place_of, layers)
    found = np.empty((len(interventions), len(chosen)), dtype=np.int64)
    if plan.unpatched:
        found[list(plan.unpatched)] = count_larger(stream.rows[:, :1], gold, weights).cpu().numpy().T
    if plan.wide:
        found[[slot.number for slot in plan.wide]] = count_larger(wide, gold, weights).cpu().numpy().T
    return found


def _join(plan: Schedule, wide: Tensor, narrow: Tensor, place_of: Mapping[int, int], layer: int) -> None:
    """Give every query its own copy of the rows that the query reaches in this layer."""
    for place, slot in enumerate(plan.narrow):
        if slot.end == layer:
            wide[:, place_of[slot.number]] = narrow[:, place]
