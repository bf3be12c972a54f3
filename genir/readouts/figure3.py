"""Ratios and cosines, asked in the words of Fig. 3."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from genir.errors import GenirError
from genir.interventions.sites import Component, Site, Stage, Stages
from genir.readouts.residual import Residual
from genir.readouts.stages import detected_stages, halves
from genir.readouts.writes import term
from genir.statistics import Estimate, mean

Quantity = Literal["ratio", "cosine_input", "cosine_output"]


@dataclass(frozen=True, eq=False)
class Figure3:
    """Each component's share of the change and its angle to the stream, per query and stage.

    Every answer keeps its outcomes per query, so that two of them can be compared query by query.
    """

    residual: Residual
    stages: Stages
    confidence: float = 0.95

    def ratio(self, component: Component, stage: Stage) -> Estimate:
        """Norm of the output over norm of the layer's change, mean over the stage's layers."""
        return self._mean("ratio", component, self.stages[stage])

    def cosine(
        self, component: Component, layers: Iterable[int], stream: Literal["input", "output"] = "input"
    ) -> Estimate:
        """Cosine of the output with the stream that enters, or leaves, its layer, mean over ``layers``."""
        return self._mean("cosine_input" if stream == "input" else "cosine_output", component, layers)

    def between(self, first: Iterable[Site], second: Iterable[Site]) -> Estimate:
        """Cosine of two sums of outputs."""
        return mean(self.residual.between(first, second), np.random.default_rng(0), self.confidence)

    def silent(self, places: Iterable[Site]) -> bool:
        """Whether the outputs at ``places`` are zero for every query."""
        chosen = [term(site) for site in places]
        return not (self.residual.common[chosen].any() or self.residual.deviation[:, chosen].any())

    def spread(self, places: Sequence[Site]) -> Estimate:
        """Between-query variance of the outputs at ``places`` over the squared norm of their mean, summed over the places.

        The mean over queries is taken as given: its own error is of the order of 1/n of the variance. GenirError where ``silent``.
        """
        chosen = [term(site) for site in places]
        if self.silent(places):
            raise GenirError(
                f"expected outputs at {', '.join(map(str, places))}, got zeros for every query: they have no spread"
            )
        values = self.residual.deviation[:, chosen].sum(1) / self.residual.common[chosen].sum()
        return mean(values, np.random.default_rng(0), self.confidence, unit="%")

    def curve(self, quantity: Quantity, component: Component) -> dict[str, list[float]]:
        """A line of Fig. 3 with its interval at each layer."""
        values = self._values(quantity, component)
        rng = np.random.default_rng(0)
        points = [mean(column, rng, self.confidence, resamples=999) for column in values.T]
        return {
            "mean": [point.value for point in points],
            "low": [point.low for point in points],
            "high": [point.high for point in points],
        }

    def among(self, queries: NDArray[np.intp]) -> Figure3:
        """The same for some of the queries."""
        part = self.residual
        return replace(self, residual=Residual(part.gram[queries], part.deviation[queries], part.common))

    def detected(self) -> tuple[Stages | None, Figure3]:
        """The stages that Fig. 3's rule finds on one half of the queries, and the other half, on which they are judged."""
        found_on, judged_on = halves(len(self.residual.gram))
        stages = detected_stages(self.among(found_on).residual)
        return stages, self.among(judged_on)

    def within(self, stages: Stages) -> Figure3:
        """The same at other stage bounds."""
        return replace(self, stages=stages)

    def _mean(self, quantity: Quantity, component: Component, layers: Iterable[int]) -> Estimate:
        chosen = list(layers)
        if not chosen:
            raise GenirError(f"expected layers to average the {quantity} of {component} over, got none")
        values = self._values(quantity, component)[:, chosen].mean(1)
        return mean(values, np.random.default_rng(0), self.confidence)

    def _values(self, quantity: Quantity, component: Component) -> NDArray[np.float64]:
        return {
            "ratio": self.residual.ratio,
            "cosine_input": self.residual.cosine_input,
            "cosine_output": self.residual.cosine_output,
        }[quantity](component)
