"""An estimate: a value, its confidence interval, and the questions that it can be asked."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from genir.errors import GenirError
from genir.statistics.answer import Answer

# values (n,) or (n, k), weights (b, n): how often each query was drawn -> (b,), one statistic per resample
Statistic = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]


class Evidence(NamedTuple):
    """What the data say about one margin.

    ``below`` is the one-sided p-value of the claim "the quantity is below the margin" (null: at or above it),
    ``above`` that of its mirror. ``score`` is the distance from margin to value in standard errors *at the
    margin*, which grows as the square root of n; None where the estimator knows no better than its interval.
    """

    below: float
    above: float
    score: float | None = None


def percent(points: float) -> float:
    """Percent as a fraction, the scale of all values and margins: ``percent(5)`` is 0.05."""
    return points / 100


@dataclass(frozen=True, eq=False)
class Estimate:
    """A quantity over ``n`` queries, with a two-sided interval; it prints as the paper writes it.

    Values, bounds and margins are fractions; ``unit`` "%" changes printing only. ``values`` are the outcomes
    per query (n,) or (n, k): they make paired questions possible, and are neither printed nor written to a
    ledger. ``count`` is the number of true outcomes of a proportion. ``statistic`` is what ``value`` is of
    ``values`` (None: their mean), ``clusters`` (n,) the units that were resampled, ``evidence`` the
    estimator's own p-values at a margin.

    Raises GenirError for an empty sample, a value or bound that is nan, and a confidence outside (0, 1).
    """

    value: float
    low: float
    high: float
    confidence: float
    n: int
    method: str
    unit: str = "1"
    values: NDArray[Any] | None = field(default=None, repr=False)
    count: int | None = None
    statistic: Statistic | None = field(default=None, repr=False)
    clusters: NDArray[Any] | None = field(default=None, repr=False)
    evidence: Callable[[float], Evidence] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.n < 1:
            raise GenirError("expected at least one query, got none; a claim without queries is untestable")
        if not 0 < self.confidence < 1:
            raise GenirError(f"expected a confidence between 0 and 1, got {self.confidence}; 95 % is 0.95")
        if not math.isfinite(self.value):
            raise GenirError(f"expected a finite value, got {self.value}; look for nan in the outcomes")
        if not self.low <= self.high:
            raise GenirError(f"expected an interval with low <= high, got [{self.low}, {self.high}]")
        if self.unit not in ("1", "%"):
            raise GenirError(f"expected the unit '%' or '1', got {self.unit!r}")
        if self.values is not None and len(self.values) != self.n:
            raise GenirError(f"expected one outcome for each of {self.n} queries, got {len(self.values)}")

    def __str__(self) -> str:
        scale = 100 if self.unit == "%" else 1
        width = scale * (self.high - self.low)
        # two decimals as in the paper's tables; more where the whole interval would vanish in rounding
        digits = min(6, math.ceil(-math.log10(width))) if 0 < width < 0.01 else 2
        numbers = (round(scale * number, digits) + 0.0 for number in (self.value, self.low, self.high))
        value, low, high = (f"{number:.{digits}f}" for number in numbers)  # + 0.0: no "-0.00"
        sample = f"n={self.n}" if self.count is None else f"{self.count}/{self.n}"
        return f"{value}{' %' if self.unit == '%' else ''} [{low}, {high}] ({sample})"

    def below(self, margin: float) -> Answer:
        """Ask whether it is below ``margin``. Supported if the whole interval is, contradicted if above.

        An interval that touches the margin is undecided, here and in every other question: both the interval
        and the null hypothesis are closed. The verdict comes from the two-sided interval, so a supported
        answer errs with probability (1 - confidence) / 2; the one-sided p-value stands beside it and decides
        nothing.
        """
        return Answer.ask(self, "below", margin)

    def above(self, margin: float) -> Answer:
        """Ask whether it is above ``margin``. The mirror of ``below``."""
        return Answer.ask(self, "above", margin)

    def within(self, low: float, high: float) -> Answer:
        """Ask whether it lies between two margins. Equivalence by interval inclusion, p-value of TOST.

        Contradicted if the interval lies wholly on one side of the region. Where a bound of the region is the
        bound of the quantity itself (a share within 0 and 10 %) ask ``below``: no interval can exclude what
        cannot be.
        """
        return Answer.ask(self, "within", (low, high))

    def exceeds(self, other: Estimate, by: float = 0.0, rng: np.random.Generator | None = None) -> Answer:
        """Ask whether it exceeds ``other``, over the same queries, by more than ``by``.

        The interval is that of the paired difference (see ``difference``): Tango's for booleans, with the
        p-value of the exact McNemar test at ``by=0``; a paired bootstrap for the rest, which needs ``rng``.
        Raises GenirError where the two are not over the same number of queries, or kept no outcomes per
        query.
        """
        # here, not above: the estimators of a difference return an Estimate
        from genir.statistics.difference import difference

        return Answer.ask(difference(self, other, rng), "exceeds", by, subject=self, baseline=other)

    def at(self, margin: float) -> Evidence:
        """The evidence at ``margin``; without a test of its own, the interval's, as if it were normal."""
        if self.evidence is not None:
            return self.evidence(margin)
        score = self.score(margin)
        return Evidence(float(ndtr(score)), float(ndtr(-score)), score)

    def score(self, margin: float) -> float:
        """Distance from ``margin`` to the value in standard errors, positive if the value is larger.

        A standard error is the arm of the interval on the margin's side, divided by the normal quantile that
        an arm stands for; arms may differ. Infinite for an interval of no width, 0 for one of infinite width.
        """
        gap = self.value - margin
        arm = self.value - self.low if gap > 0 else self.high - self.value
        if gap == 0:
            return 0.0
        if arm <= 0:
            return math.copysign(math.inf, gap)
        return self.quantile * gap / arm

    @property
    def quantile(self) -> float:
        """The normal quantile of the interval's arms: 1.96 at 95 %."""
        return float(ndtri((1 + self.confidence) / 2))
