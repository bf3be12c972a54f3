"""Tango's score test for the difference of two paired proportions, and the interval that inverts it.

Why this one, of the documented intervals for paired proportions: it comes with a test at *every* margin (a
claim asks "by more than 10 points", not only "by more than 0"), which at 0 is McNemar's; where the baseline
never fails its upper bound is Wilson's, so that a net proportion and a plain one agree; and it keeps its
coverage at small n and rare outcomes, where Wald's and the bootstrap's collapse to a point. Newcombe's
square-and-add interval is as good an interval, but has no test to go with it.
Source: Tango (1998), Statistics in Medicine 17, 891-908; compared in Fagerland, Lydersen & Laake (2014),
ibid. 33.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy.special import ndtri


def score(gained: int, lost: int, n: int, difference: float) -> float:
    """The score statistic of the null "the difference is ``difference``", standard normal under it.

    ``gained`` of ``n`` pairs are true in the first only, ``lost`` in the second only. Infinite at differences
    of -1 and 1 that the data exclude.
    """
    b = -gained - lost + (2 * n - gained + lost) * difference
    c = -lost * difference * (1 - difference)
    # share of pairs lost, by maximum likelihood under the null: the root of 2n q^2 + b q + c
    share = (math.sqrt(max(0.0, b * b - 8 * n * c)) - b) / (4 * n)
    variance = n * (2 * share + difference * (1 - difference))
    gap = gained - lost - n * difference
    if gap == 0:
        return 0.0
    return gap / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, gap)


def interval(gained: int, lost: int, n: int, confidence: float) -> tuple[float, float]:
    """The differences that the score test does not reject, two-sided at 1 - ``confidence``."""
    quantile = float(ndtri((1 + confidence) / 2))
    value = (gained - lost) / n
    low = _cross(lambda d: score(gained, lost, n, d) > quantile, -1.0, value)
    high = _cross(lambda d: score(gained, lost, n, d) >= -quantile, value, 1.0)
    return low, high


def _cross(rejected_before: Callable[[float], bool], left: float, right: float) -> float:
    """Where a condition that holds up to a point and not after it changes, by bisection."""
    if not rejected_before(left):
        return left
    while True:
        middle = (left + right) / 2
        if not left < middle < right:
            return middle
        if rejected_before(middle):
            left = middle
        else:
            right = middle
