"""Proportions of queries, single and paired: Wilson's and Tango's intervals, p-values of exact tests."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, bdtrc, ndtr, ndtri

from genir.errors import GenirError
from genir.statistics import tango
from genir.statistics.estimate import Estimate, Evidence


def proportion(outcomes: ArrayLike, confidence: float = 0.95, unit: str = "%") -> Estimate:
    """The share of true outcomes, with Wilson's interval and exact binomial p-values.

    ``outcomes`` is boolean, one per query. The test is exact, the interval is not: beside a margin they can
    disagree, and the interval decides. Wilson's lower bound is known to be short for shares below about 1/n
    (its upper bound near 1), where no claim should put a margin of "above" ("below").
    Raises GenirError for no queries, another shape, and outcomes that are not boolean.
    Source: Wilson (1927), J. Am. Stat. Assoc. 22; Brown, Cai & DasGupta (2001), Statist. Sci. 16.
    """
    values = _booleans(outcomes)
    n, count = len(values), int(values.sum())
    low, high = wilson(count, n, confidence)
    return Estimate(
        value=count / n,
        low=low,
        high=high,
        confidence=confidence,
        n=n,
        method="Wilson",
        unit=unit,
        values=values,
        count=count,
        evidence=partial(binomial_evidence, count, n),
    )


def wilson(count: int, n: int, confidence: float) -> tuple[float, float]:
    """Wilson's score interval for ``count`` of ``n``: the shares that a score test does not reject."""
    z = float(ndtri((1 + confidence) / 2))
    share, spread = count / n, z * z / n
    centre = (share + spread / 2) / (1 + spread)
    arm = math.sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
    # 0 and 1 are exact at the ends, where rounding would otherwise leave 1e-17
    return (0.0 if count == 0 else centre - arm), (1.0 if count == n else centre + arm)


def binomial_evidence(count: int, n: int, margin: float) -> Evidence:
    """Exact one-sided binomial p-values at a margin, and the score that Wilson's interval inverts."""
    share = count / n
    if not 0 < margin < 1:  # nothing is random there: the null is certain or impossible
        surely_below = margin >= 1 and share < margin
        surely_above = margin <= 0 and share > margin
        score = math.copysign(math.inf, share - margin) if share != margin else 0.0
        return Evidence(float(not surely_below), float(not surely_above), score)
    below = float(bdtr(count, n, margin))
    above = float(bdtrc(count - 1, n, margin)) if count else 1.0
    # roots apart: their product may underflow
    error = math.sqrt(margin) * math.sqrt(1 - margin) / math.sqrt(n)
    return Evidence(below, above, (share - margin) / error)


def paired_difference(first: ArrayLike, second: ArrayLike, confidence: float = 0.95, unit: str = "%") -> Estimate:
    """Share of true outcomes in ``first`` minus ``second``, over the same queries, with Tango's interval.

    Its p-values are those of the exact McNemar test at a margin of 0, and of Tango's score test elsewhere;
    the exact test is the more cautious of the two. Values are -1, 0 or 1 per query.
    Raises GenirError for no queries, lengths that differ, and outcomes that are not boolean.
    """
    a, b = _pair(first, second)
    return signed_share(a.astype(np.int8) - b.astype(np.int8), confidence, unit)


def signed_share(signs: NDArray[np.signedinteger[Any]], confidence: float, unit: str) -> Estimate:
    """The estimate of a paired difference from its outcomes per query, each -1, 0 or 1."""
    n, gained, lost = len(signs), int((signs == 1).sum()), int((signs == -1).sum())
    if n == 0:
        raise GenirError("expected at least one query, got none; a claim without queries is untestable")
    low, high = tango.interval(gained, lost, n, confidence)
    return Estimate(
        value=(gained - lost) / n,
        low=low,
        high=high,
        confidence=confidence,
        n=n,
        method=f"Tango, paired ({gained} against {lost})",
        unit=unit,
        values=signs,
        evidence=partial(paired_evidence, gained, lost, n),
    )


def paired_evidence(gained: int, lost: int, n: int, margin: float) -> Evidence:
    """One-sided p-values of a paired difference: McNemar's exact test at 0, Tango's score elsewhere."""
    if abs(margin) > 1:
        return binomial_evidence(gained, n, margin)  # certain either way
    score = tango.score(gained, lost, n, margin)
    if margin == 0:
        discordant = gained + lost
        if discordant == 0:
            return Evidence(1.0, 1.0, score)
        return Evidence(float(bdtr(gained, discordant, 0.5)), float(bdtr(lost, discordant, 0.5)), score)
    return Evidence(float(ndtr(score)), float(ndtr(-score)), score)


def minus(outcomes: ArrayLike, baseline: ArrayLike, confidence: float = 0.95, unit: str = "%") -> Estimate:
    """A share net of the same share where nothing was done (losses net of the no-op).

    Where the baseline never happens this is the plain proportion of ``outcomes``, as the paper prints it;
    else it is the paired difference.
    """
    a, b = _pair(outcomes, baseline)
    return paired_difference(a, b, confidence, unit) if b.any() else proportion(a, confidence, unit)


def mcnemar_exact(first: ArrayLike, second: ArrayLike) -> float:
    """Two-sided p-value of the exact McNemar test: are discordant pairs split evenly? 1 if there are none."""
    a, b = _pair(first, second)
    gained, lost = int((a & ~b).sum()), int((b & ~a).sum())
    return min(1.0, 2 * float(bdtr(min(gained, lost), gained + lost, 0.5))) if gained + lost else 1.0


def _pair(first: ArrayLike, second: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    a, b = _booleans(first), _booleans(second)
    if len(a) != len(b):
        raise GenirError(f"expected outcomes of the same queries, got {len(a)} and {len(b)} of them")
    return a, b


def _booleans(outcomes: ArrayLike) -> NDArray[np.bool_]:
    values = np.array(outcomes)  # a copy: an estimate must not change when its caller reuses a buffer
    if values.size == 0:
        raise GenirError("expected at least one query, got none; a claim without queries is untestable")
    if values.ndim != 1:
        raise GenirError(f"expected one outcome per query, got shape {values.shape}; select or average first")
    if values.dtype != np.bool_:
        raise GenirError(f"expected true or false per query, got {values.dtype}; compare, as in ranks > 1")
    values.setflags(write=False)
    return values
