"""The sets of sites that the paper replaces: Table 3, footnote 4, Table 4's reduced graph; random sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from genir.errors import GenirError
from genir.interventions.patch import MEAN, OTHER, ZERO, Intervention, Kind, mean, zero
from genir.interventions.sites import ATTENTION, CROSS, MLP, Component, Site, Stage, Stages, every_site, sites


class Cell(NamedTuple):
    """A cell of Table 3; prints as "Stage I MLP mean"."""

    kind: Kind
    component: Component
    stage: Stage

    def __str__(self) -> str:
        return f"Stage {self.stage} {self.component} {self.kind}"


def table3(stages: Stages, kinds: Sequence[Kind] = (ZERO, MEAN, OTHER)) -> dict[Cell, Intervention]:
    """Table 3: each component replaced in all layers of a stage; 9 for each kind, in the paper's order.

    All layers of a stage are replaced in one pass, as in the authors' scripts.
    """
    cells = [Cell(kind, part, stage) for kind, part, stage in product(kinds, (ATTENTION, MLP, CROSS), Stage)]
    return {
        cell: Intervention(str(cell), dict.fromkeys(sites(cell.component, stages[cell.stage]), cell.kind))
        for cell in cells
    }


def single_layers(layers: int, kind: Kind = MEAN) -> dict[Site, Intervention]:
    """Footnote 4: one component replaced in one layer; 3 x ``layers`` interventions."""
    return {site: Intervention(f"{site} {kind}", {site: kind}) for site in every_site(layers)}


def random_sets(
    among: Sequence[Site], size: int, rng: np.random.Generator, draws: int = 20
) -> tuple[tuple[Site, ...], ...]:
    """Random sets of ``size`` different sites; GenirError where there are fewer sites than that."""
    if not 0 <= size <= len(among):
        raise GenirError(f"expected a set of 0 to {len(among)} sites, got {size}: draw from more sites")
    picks = (sorted(rng.choice(len(among), size, replace=False)) for _ in range(draws))
    return tuple(tuple(among[i] for i in pick) for pick in picks)


def kept_sites(stages: Stages) -> tuple[Site, ...]:
    """The sites that the reduced graph keeps (Table 4): cross-attention in II and III, MLPs in III.

    At 24 layers they are 11 + 6 + 6 = 23 of 72.
    """
    return sites(CROSS, [*stages.II, *stages.III]) + sites(MLP, stages.III)


def keep(kept: Iterable[Site], layers: int, label: str) -> Intervention:
    """Replace all other sites as the reduced graph does: both attentions by zero, MLPs by their mean."""
    chosen = set(kept)
    rest = [site for site in every_site(layers) if site not in chosen]
    removed = zero(site for site in rest if site.component is not MLP)
    return (removed | mean(site for site in rest if site.component is MLP)).named(label)


def reduced_graph(stages: Stages) -> Intervention:
    """The reduced graph of Table 4.

    Stage I: attention and cross-attention zero, MLPs mean. II: attention zero, MLPs mean. III: attention
    zero.
    """
    return keep(kept_sites(stages), stages.layers, "reduced graph")


def random_graphs(stages: Stages, rng: np.random.Generator, draws: int = 20) -> tuple[Intervention, ...]:
    """The reduced graph's control: as many sites kept, drawn at random from all, the rest replaced alike."""
    layers = stages.layers
    drawn = random_sets(every_site(layers), len(kept_sites(stages)), rng, draws)
    return tuple(keep(kept, layers, f"random graph {number}") for number, kept in enumerate(drawn, 1))
