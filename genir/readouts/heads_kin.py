"""Heads of models of one family: after further training at longer contexts, and of other seeds (Section 3.3).

All models answer the same questions, so that runs pair: a needle counts where every model compared has runs of it that count.
Two sets of questions of one model agree only so far, which is the ceiling of any comparison.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genir.errors import GenirError
from genir.readouts.heads import Runs, run_scores
from genir.readouts.heads_compare import correlation, halves
from genir.statistics import Estimate, bootstrap, monte_carlo_p

Floats = NDArray[np.float64]
SEED, DRAWS = 33, 999


@dataclass(frozen=True, eq=False)
class Kin:
    """Needle runs of a model, of its continuation, and by name of models of its form that were trained independently."""

    runs: Runs
    extended: Runs
    strangers: Mapping[str, Runs]
    confidence: float

    def kept(self) -> Estimate:
        """Pearson correlation of the heads' scores before and after, over needles."""
        return self._correlation(self.extended)

    def unrelated(self) -> dict[str, Estimate]:
        """The same with each model that was trained independently, head (layer, head) with head (layer, head)."""
        return {name: self._correlation(runs) for name, runs in self.strangers.items()}

    def ceiling(self) -> float:
        """Mean correlation between the model's scores on one half of its needles and on the other."""
        needle = self.runs.needle[self.runs.counted]
        return float(halves(run_scores(self.runs), needle, self._rng()).mean())

    def chance(self) -> float:
        """What the correlation with the continuation exceeds in one of forty permutations of heads within their layers."""
        return float(np.quantile(self._null, 1 - (1 - self.confidence) / 2))

    def permutation_p(self) -> float:
        """One-sided p-value of the correlation against those permutations."""
        return monte_carlo_p(correlation(*self._means), self._null)

    @property
    def _means(self) -> tuple[Floats, Floats]:
        before, after = (run_scores(runs).mean(axis=0) for runs in (self.runs, self.extended))
        return before, after

    @property
    def _null(self) -> Floats:
        before, after = self._means
        rng = self._rng()
        return np.array([correlation(before, rng.permuted(after, axis=1)) for _ in range(DRAWS)])

    def _correlation(self, other: Runs) -> Estimate:
        """Of mean scores, with needles as the units; GenirError where fewer than two needles count in both models."""
        tables = [_by_needle(runs) for runs in (self.runs, other)]
        both = sorted(tables[0].keys() & tables[1].keys())
        if len(both) < 2:
            raise GenirError(f"expected at least two needles that both models find, got {len(both)}: add needles")
        pairs = np.array([[*tables[0][needle], *tables[1][needle]] for needle in both])
        return bootstrap(pairs, _pearson, self._rng(), self.confidence, resamples=1_999)

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng(SEED)


def _by_needle(runs: Runs) -> dict[int, Floats]:
    """Mean score of every head by needle, over the runs that count."""
    needle, scores = runs.needle[runs.counted], run_scores(runs)
    return {int(n): scores[needle == n].mean(axis=0).ravel() for n in np.unique(needle)}


def _pearson(values: Floats, weights: Floats) -> Floats:
    """Correlation between the means of the first half of the columns and of the second, in each resample; 0 for constant means."""
    means = weights @ values / weights.sum(axis=1, keepdims=True)
    one, other = np.split(means - 0.0, 2, axis=1)
    one, other = (half - half.mean(axis=1, keepdims=True) for half in (one, other))
    size = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    found: Floats = np.divide((one * other).sum(axis=1), size, out=np.zeros(len(size)), where=size > 0)
    return found
