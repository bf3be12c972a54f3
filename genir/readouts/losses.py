"""Losses of rank 1, asked in the words of Table 3."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genir.interventions.circuit import Cell
from genir.interventions.patch import MEAN, OTHER, ZERO, Kind
from genir.interventions.sites import Component, Stage, Stages, every_site
from genir.readouts.patching import DRAWS, NOOP, Ranks, others_label, random_label
from genir.statistics import Estimate, census, mean, minus, proportion


@dataclass(frozen=True, eq=False)
class Losses:
    """The share of correct queries whose document leaves rank 1 under an intervention, net of doing nothing.

    Every answer keeps its outcomes per query, so that two losses can be compared query by query.
    """

    ranks: Ranks
    stages: Stages
    confidence: float = 0.95

    def zero(self, component: Component, stage: Stage) -> Estimate:
        """A cell of Table 3's zero rows."""
        return self.net(str(Cell(ZERO, component, stage)))

    def mean(self, component: Component, stage: Stage) -> Estimate:
        """A cell of Table 3's mean rows."""
        return self.net(str(Cell(MEAN, component, stage)))

    def leave_one_out(self, component: Component, stage: Stage) -> Estimate:
        """The same, each query's mean taken over all others."""
        return self.net(others_label(Cell(MEAN, component, stage)))

    def t5(self, component: Component, stage: Stage) -> Estimate:
        """A cell of Table 3's T5 rows: outputs of the pre-trained model for the same query."""
        return self.net(str(Cell(OTHER, component, stage)))

    def single(self) -> list[Estimate]:
        """Footnote 4: one component of one layer replaced by its mean, for each component and layer."""
        return [self.net(f"{site} {MEAN}") for site in every_site(self.stages.layers)]

    def noop(self) -> Estimate:
        """The loss of doing nothing, as an estimate to hold others against."""
        return proportion(self._lost(NOOP), self.confidence)

    def nothing(self) -> Estimate:
        """The loss of doing nothing on these very queries: a count, since the same pass chose them."""
        return census(self._lost(NOOP), self.confidence)

    def random(self, kind: Kind | str, stage: Stage) -> Estimate:
        """Per query, the share of random sets of sites, as many as ``stage`` has layers, whose replacement loses it."""
        lost = np.stack([self._lost(label) for label in self._draws(kind, stage)])
        return mean(lost.mean(0), np.random.default_rng(0), self.confidence, unit="%")

    def worst_random(self, kind: Kind | str, stage: Stage) -> Estimate:
        """The random set of that size which loses most."""
        return max((self.net(label) for label in self._draws(kind, stage)), key=lambda estimate: estimate.value)

    def net(self, label: str) -> Estimate:
        """The loss under the intervention ``label``, minus that of doing nothing."""
        return minus(self._lost(label), self._lost(NOOP), self.confidence)

    def raw(self, label: str) -> Estimate:
        """The loss under the intervention ``label`` as it is."""
        return proportion(self._lost(label), self.confidence)

    def _lost(self, label: str) -> NDArray[np.bool_]:
        return self.ranks[label] > 1

    def _draws(self, kind: Kind | str, stage: Stage) -> list[str]:
        return [random_label(kind, len(self.stages[stage]), draw) for draw in range(DRAWS)]
