"""Ranks by the logit lens, asked in the words of Section 5.2 and Fig. 4."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from genir.interventions.sites import Component, Stages
from genir.readouts.lens import STREAM, Alone, Lens
from genir.readouts.writes import PARTS
from genir.statistics import Estimate, census, mean, proportion, trend

Source = Component | Literal["stream"]


@dataclass(frozen=True, eq=False)
class Figure4:
    """Where documents and words stand, layer by layer, by the stream and by each component alone.

    ``vocabulary`` is the number of ranks. Every answer keeps its outcomes per query.
    """

    lens: Lens
    alone: Alone
    stages: Stages
    vocabulary: int
    confidence: float = 0.95

    def trend(self, source: Source, over: Literal["mean", "median", "queries"] = "mean") -> Estimate:
        """Spearman correlation of layer and rank of the followed document: -1 if it falls from layer to layer.

        ``over`` as in ``statistics.trend``: of the curve that Fig. 4 draws, or of each query's own.
        """
        curves = self.lens.relevant[:, _source(source)]
        return trend(curves, np.random.default_rng(0), self.confidence, over=over)

    def first(self, layer: int = -1) -> Estimate:
        """Share of queries whose followed document the stream ranks first after ``layer``, of all correct queries there are."""
        return census(self.lens.relevant[:, STREAM, layer] == 1, self.confidence)

    def separation(self, words: Literal["mean", "median"] = "mean") -> Estimate:
        """How far apart docids and words stand after Stage I, as a share of the vocabulary, whichever is ahead."""
        layer = self.stages.I[-1]
        others = self.lens.words_mean if words == "mean" else self.lens.words_median
        gap = self.lens.docids_mean[:, STREAM, layer] - others[:, STREAM, layer]
        return mean(np.abs(gap) / self.vocabulary, np.random.default_rng(0), self.confidence, unit="%")

    def docids_in_top(self, layer: int = -1) -> Estimate:
        """Share of docids among the first 100 tokens of the stream after ``layer``."""
        share = self.lens.docids_in_top[:, STREAM, layer] / 100
        return mean(share, np.random.default_rng(0), self.confidence, unit="%")

    def within(self, component: Component, rank: int, start: bool = False) -> Estimate:
        """Share of followed documents within ``rank`` by the logits of one component's summed outputs.

        ``start`` adds the start token's embedding to the sum.
        """
        name = {Component.MLP: "mlp", Component.CROSS: "cross"}[component] + ("_with_start" if start else "")
        return proportion(getattr(self.alone, name) <= rank, self.confidence)

    def beyond(self, component: Component, rank: int, start: bool = False) -> Estimate:
        """Share of followed documents beyond ``rank``; see ``within``."""
        return proportion(~self.within(component, rank, start).values, self.confidence)  # type: ignore[operator]

    def curves(self) -> dict[str, Any]:
        """What Fig. 4 draws: for each source, ranks by layer, averaged over queries."""
        fields = ("relevant", "docids_mean", "docids_median", "words_mean", "words_median")
        return {
            name: {field: self._curve(getattr(self.lens, field)[:, number]) for field in fields}
            for number, name in enumerate(("stream", *map(str, PARTS)))
        }

    @staticmethod
    def _curve(values: NDArray[Any]) -> list[float]:
        return [round(float(value), 2) for value in values.mean(0)]


def _source(source: Source) -> int:
    return 1 + PARTS.index(source) if isinstance(source, Component) else STREAM
