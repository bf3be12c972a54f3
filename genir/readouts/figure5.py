"""Who reads from whom, asked in the words of Section 5.3 and Fig. 5."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from genir.interventions.sites import Component, Site, Stage, Stages, sites
from genir.readouts.reading import Shares
from genir.readouts.reading_heads import TopSources
from genir.readouts.writes import term
from genir.statistics import Estimate, census, mean, proportion

Share = Literal["positive", "published", "signed"]
BUCKETS = tuple(product(Component, Stage))  # Fig. 5's nine; the start token's embedding is a tenth


@dataclass(frozen=True, eq=False)
class Figure5:
    """Shares of each output in what Stage III MLPs and Stage II cross-attention read.

    ``neurons`` has the layers of Stage III as targets, ``scores`` those of Stage II; ``heads`` the layers of Stage III.
    """

    neurons: Shares
    scores: Shares
    heads: TopSources
    stages: Stages
    confidence: float = 0.95

    def mlp_reads(self, places: Iterable[Site], share: Share = "positive", layer: int | None = None) -> Estimate:
        """Share of ``places`` in what Stage III MLPs read, mean over its layers, or that of one ``layer``."""
        targets = slice(None) if layer is None else [layer - self.stages.III.start]
        return self._mean(getattr(self.neurons, share)[:, targets], places)

    def cross_reads(self, places: Iterable[Site], share: Share = "positive") -> Estimate:
        """Share of ``places`` in what triggers Stage II cross-attention, mean over its layers and heads."""
        return self._mean(getattr(self.scores, share), places)

    def bucket(self, component: Component, stage: Stage) -> tuple[Site, ...]:
        """One of Fig. 5's nine sources: a component in all layers of a stage."""
        return sites(component, self.stages[stage])

    def reached(self, among: Literal["all", "heads"] = "all") -> Estimate:
        """Share of cross-attention heads outside the last layer that are a top source of a Stage III MLP for some query."""
        return census(self._top(among).any(0), self.confidence)

    def always(self, among: Literal["all", "heads"] = "all") -> Estimate:
        """Share of these heads that are a top source of some Stage III MLP for every query."""
        return proportion(self._top(among).all(0), self.confidence)

    def shares(self) -> dict[str, Any]:
        """What Fig. 5 draws: shares of the nine buckets and of the start token, averaged over queries."""
        named = [f"{component} {stage}" for component, stage in BUCKETS]
        return {"sources": [*named, "start token"]} | {
            name: {share: self._bars(getattr(shares, share)) for share in Shares._fields}
            for name, shares in (("mlp_III", self.neurons), ("cross_II", self.scores))
        }

    def _bars(self, values: NDArray[np.float32]) -> list[float]:
        average = values.mean((0, 1), dtype=np.float64)
        groups = [[term(site) for site in self.bucket(*bucket)] for bucket in BUCKETS]
        return [round(float(average[group].sum()), 6) for group in (*groups, [0])]

    def _mean(self, values: NDArray[np.float32], places: Iterable[Site]) -> Estimate:
        chosen = [term(site) for site in places]
        share = values[:, :, chosen].sum(2, dtype=np.float64).mean(1)
        return mean(share, np.random.default_rng(0), self.confidence, unit="%")

    def _top(self, among: Literal["all", "heads"]) -> NDArray[np.bool_]:
        """(queries, heads outside the last layer)."""
        found = self.heads.among_all if among == "all" else self.heads.among_heads
        return np.asarray(found[:, :, :-1].any(1)).reshape(len(found), -1)
