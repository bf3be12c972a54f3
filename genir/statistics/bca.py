"""Bias-corrected and accelerated (BCa) intervals, and the p-values that invert them.

Own code and not ``scipy.stats.bootstrap``: that one returns neither the bias nor the acceleration, without
which no p-value agrees with the interval, and it knows no clusters. It is the oracle of the tests, which feed
both the same draws. Source: Efron (1987), J. Am. Stat. Assoc. 82, equations 6.7 and 7.3.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from genir.statistics.estimate import Evidence

Draws = NDArray[np.float64]


class Shape(NamedTuple):
    """How a bootstrap distribution is read: plain percentiles have neither bias nor acceleration."""

    bias: float
    acceleration: float
    name: str


def shape(draws: Draws, value: float, jackknife: Draws) -> Shape:
    """Bias from the draws (b,) and acceleration from the values with one unit left out (units,).

    Percentiles where BCa degenerates: draws that do not vary, draws all on one side of the value, or a
    jackknife that does not vary (the median of a sample with ties, for one).
    """
    close = 1e-12 * max(1.0, abs(value))  # sums of the same numbers in another order
    if np.ptp(draws) <= close:
        return Shape(0.0, 0.0, "percentile bootstrap, constant draws")
    below, ties = (draws < value - close).mean(), (np.abs(draws - value) <= close).mean()
    bias = float(ndtri(below + ties / 2))
    influence = jackknife.mean() - jackknife
    spread = float((influence**2).sum())
    if not math.isfinite(bias) or np.abs(influence).max() <= close:
        return Shape(0.0, 0.0, "percentile bootstrap, BCa undefined")
    acceleration = float((influence**3).sum()) / (6 * spread**1.5)
    return Shape(bias, acceleration, "BCa bootstrap")


def interval(draws: Draws, form: Shape, confidence: float) -> tuple[float, float]:
    """A two-sided interval: percentiles of the draws, at levels moved by bias and acceleration."""
    quantile = float(ndtri((1 + confidence) / 2))
    levels = []
    for z in (-quantile, quantile):
        moved = form.bias + z
        rest = 1 - form.acceleration * moved
        # a pole: beyond it the percentile runs into the end of the distribution
        levels.append(float(ndtr(form.bias + moved / rest)) if rest > 0 else float(moved > 0))
    low, high = np.quantile(draws, levels)
    return float(low), float(high)


def evidence(draws: Draws, form: Shape, margin: float) -> Evidence:
    """One-sided p-values: half the level at which the interval would just reach the margin.

    ``draws`` (b,) are sorted. A margin beyond all draws gets the p-value of one draw in b + 1, which
    is as far as b draws can see; about 0.0001 at 9,999, some times more where the distribution is skewed.
    """
    least = 1 / (len(draws) + 1)
    before, upto = np.searchsorted(draws, margin, "left"), np.searchsorted(draws, margin, "right")
    share = min(max(float(before + upto) / (2 * len(draws)), least), 1 - least)
    step = float(ndtri(share)) - form.bias
    rest = 1 + form.acceleration * step
    z = step / rest - form.bias if rest > 0 else math.copysign(math.inf, step)
    above = float(ndtr(z))  # little of the distribution lies below the margin: "above" is likely
    return Evidence(max(1 - above, least), max(above, least))
