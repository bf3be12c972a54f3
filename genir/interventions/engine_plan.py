"""When each intervention's rows begin, and what happens to them at each component of each layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

from genir.interventions.engine_layers import Cuts
from genir.interventions.patch import MEAN, ZERO, Intervention, Replacement
from genir.interventions.sites import CROSS, Component, Site

ORDER = {component: position for position, component in enumerate(Component)}
Edit = tuple[int, Site, Replacement]
"""A slot, and what replaces which site in its rows."""


class Slot(NamedTuple):
    """An intervention's rows: from the component ``begin`` (layer, position in it) to before the layer ``end``.

    ``number`` is the intervention's place in the sweep, ``edits`` its replacements by layer and component. Before ``begin`` its rows are the unpatched ones.
    """

    number: int
    edits: Mapping[tuple[int, Component], Sequence[tuple[Site, Replacement]]]
    begin: tuple[int, int]
    end: int


class Schedule(NamedTuple):
    """The rows of a sweep: ``wide`` ones, a row for each query, and ``narrow`` ones that no query has reached yet.

    ``unpatched`` are the interventions that replace nothing. Both lists are in the order in which rows begin.
    A narrow slot goes on as the wide slot of the same number in the layer in which it ends.
    """

    unpatched: tuple[int, ...]
    wide: tuple[Slot, ...]
    narrow: tuple[Slot, ...]


class Step(NamedTuple):
    """What happens to the slots at one component: rows begin, are computed, and receive values.

    ``computed`` are runs of slots; ``cuts`` count places over these runs.
    """

    forked: slice
    computed: tuple[slice, ...]
    cuts: Cuts
    edits: tuple[Edit, ...]


def schedule(interventions: Sequence[Intervention], layers: int) -> Schedule:
    """Rows that begin at the first replaced component; nothing before it is computed twice.

    Where cross-attention is replaced by a constant from the first layer on, the stream does not depend on the
    query: until that ends, one row serves all queries.
    """
    wide, narrow, unpatched = [], [], []
    for number, intervention in enumerate(interventions):
        if not intervention.edits:
            unpatched.append(number)
            continue
        blind = _query_independent_layers(intervention, layers)
        begin = (blind, -1) if blind else min((site.layer, ORDER[site.component]) for site in intervention.edits)
        edits = _by_place(intervention)
        wide.append(Slot(number, edits, begin, layers))
        if blind:
            narrow.append(Slot(number, edits, (0, -1), blind))

    def by_begin(slot: Slot) -> tuple[tuple[int, int], list[tuple[int, int]]]:
        # Slots that skip the same components side by side leave long runs to compute.
        return slot.begin, sorted((ORDER[component], layer) for layer, component in slot.edits)

    return Schedule(tuple(unpatched), tuple(sorted(wide, key=by_begin)), tuple(narrow))


def _by_place(
    intervention: Intervention,
) -> dict[tuple[int, Component], list[tuple[Site, Replacement]]]:
    places: dict[tuple[int, Component], list[tuple[Site, Replacement]]] = {}
    for site, replacement in intervention.edits.items():
        places.setdefault((site.layer, site.component), []).append((site, replacement))
    return places


def _query_independent_layers(intervention: Intervention, layers: int) -> int:
    """The number of first layers that write nothing about the query."""
    varying = {site.layer for site, value in intervention.edits.items() if not _constant(value)}
    for layer in range(layers):
        if layer in varying or Site(CROSS, layer) not in intervention.edits:
            return layer
    return layers


def _constant(replacement: Replacement) -> bool:
    return replacement.ndim == 1 if isinstance(replacement, Tensor) else replacement in (ZERO, MEAN)


def step(slots: Sequence[Slot], layer: int, component: Component) -> Step:
    """What happens to ``slots``, in order of their beginning, at one component of one layer."""
    now = (layer, ORDER[component])
    live = [place for place, slot in enumerate(slots) if slot.begin <= now and layer < slot.end]
    forked = [place for place in live if slots[place].begin == now]
    computed: list[int] = []
    cuts: list[tuple[int, list[int]]] = []
    edits: list[Edit] = []
    for place in live:
        here = slots[place].edits.get((layer, component), ())
        edits += [(place, site, value) for site, value in here]
        if not any(site.head is None for site, _ in here):
            heads = [site.head for site, _ in here if site.head is not None]
            if heads:
                cuts.append((len(computed), heads))
            computed.append(place)
    first = forked[0] if forked else 0
    return Step(slice(first, first + len(forked)), tuple(runs(computed)), tuple(cuts), tuple(edits))


def runs(places: Iterable[int]) -> list[slice]:
    """Ascending integers as slices of neighbours."""
    found: list[slice] = []
    for place in places:
        if found and found[-1].stop == place:
            found[-1] = slice(found[-1].start, place + 1)
        else:
            found.append(slice(place, place + 1))
    return found
