"""Equivalence: "unchanged", "comparable", "no trend" are claims that a quantity lies within a region.

A difference that is not significant is no evidence of equality; an interval that lies inside the region is.
Source: Schuirmann (1987), J. Pharmacokinet. Biopharm. 15; Lakens (2017), Soc. Psychol. Personal. Sci. 8.
"""

from __future__ import annotations

from genir.statistics.answer import Answer
from genir.statistics.estimate import Estimate


def unchanged(difference: Estimate, tolerance: float) -> Answer:
    """Ask whether a difference is within ``tolerance`` of zero, either way."""
    return difference.within(-tolerance, tolerance)


def tost(estimate: Estimate, low: float, high: float) -> float:
    """The p-value of two one-sided tests: the larger of "above ``low``" and "below ``high``".

    Inclusion of a 95 % interval is the two one-sided tests at 2.5 % each, stricter than the customary 5 % of
    a 90 % interval, so that every question of this package errs equally often.
    """
    return estimate.within(low, high).p_value
