"""The bootstrap: intervals of means, medians, ratios and trends over queries, or over clusters of queries.

A statistic takes values and weights, as those of ``weighted`` do; any function of that shape will serve.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genir.errors import GenirError
from genir.statistics import bca
from genir.statistics.estimate import Estimate, Statistic
from genir.statistics.weighted import (
    spearman,
    trend_of_mean,
    trend_of_median,
    weighted_mean,
    weighted_median,
    weighted_ratio,
)

Floats = NDArray[np.float64]
ENTRIES = 1_000_000  # of a block of weights: 8 MB, which stays near the cache


def bootstrap(
    values: ArrayLike,
    statistic: Statistic,
    rng: np.random.Generator,
    confidence: float = 0.95,
    resamples: int = 9999,
    clusters: ArrayLike | None = None,
    unit: str = "1",
) -> Estimate:
    """Estimate ``statistic`` of ``values`` with a BCa interval over queries, or over clusters of them.

    ``values`` (n,) or (n, k) are resampled by row, or by all rows of a cluster if ``clusters`` (n,) names one
    per row; n stays the number of rows. Percentile intervals where BCa degenerates; the method says which.
    One unit says nothing of the spread: its interval is infinite. Few units give too short an interval: in
    simulation a nominal 95 % covered 85 % with 5 clusters, 90 % with 10, 92 % with 20, 93 % with 40.
    Raises GenirError for no queries, values that are not finite, clusters of another length, a statistic that
    is undefined on some resample.
    """
    data = _finite(values)
    n = len(data)
    unit_of, units, labels = _units(n, clusters)
    if not 0 < confidence < 1:
        raise GenirError(f"expected a confidence between 0 and 1, got {confidence}; 95 % is 0.95")
    if resamples < 99:
        raise GenirError(f"expected at least 99 resamples, got {resamples}; 9999 is the default")
    value = float(_apply(statistic, data, np.ones((1, n)))[0])
    estimate = partial(
        Estimate,
        value=value,
        confidence=confidence,
        n=n,
        unit=unit,
        values=data,
        statistic=statistic,
        clusters=labels,
    )
    if units == 1:
        what = "query" if labels is None else "cluster"
        return estimate(low=-np.inf, high=np.inf, method=f"no interval from one {what}")
    rows = max(1, ENTRIES // max(n, units))
    draws = np.sort(
        np.concatenate(
            [
                _apply(statistic, data, _counts(rng, min(rows, resamples - done), units)[:, unit_of])
                for done in range(0, resamples, rows)
            ]
        )
    )
    jackknife = np.concatenate(
        [
            _apply(statistic, data, (left_out[:, None] != unit_of).astype(np.float64))
            for left_out in np.array_split(np.arange(units), math.ceil(units / rows))
        ]
    )
    form = bca.shape(draws, value, jackknife)
    low, high = bca.interval(draws, form, confidence)
    method = form.name if labels is None else f"{form.name}, {units} clusters"
    return estimate(low=low, high=high, method=method, evidence=partial(bca.evidence, draws, form))


def mean(
    values: ArrayLike,
    rng: np.random.Generator,
    confidence: float = 0.95,
    resamples: int = 9999,
    clusters: ArrayLike | None = None,
    unit: str = "1",
) -> Estimate:
    """Mean over queries of values (n,)."""
    return bootstrap(_flat(values), weighted_mean, rng, confidence, resamples, clusters, unit)


def median(
    values: ArrayLike,
    rng: np.random.Generator,
    confidence: float = 0.95,
    resamples: int = 9999,
    clusters: ArrayLike | None = None,
    unit: str = "1",
) -> Estimate:
    """Median over queries of values (n,)."""
    return bootstrap(_flat(values), weighted_median, rng, confidence, resamples, clusters, unit)


def ratio_of_means(
    numerator: ArrayLike,
    denominator: ArrayLike,
    rng: np.random.Generator,
    confidence: float = 0.95,
    resamples: int = 9999,
    clusters: ArrayLike | None = None,
    unit: str = "1",
) -> Estimate:
    """Mean of ``numerator`` (n,) over mean of ``denominator`` (n,), paired by query."""
    top, bottom = _flat(numerator), _flat(denominator)
    if len(top) != len(bottom):
        raise GenirError(f"expected outcomes of the same queries, got {len(top)} and {len(bottom)} of them")
    pairs = np.column_stack([top, bottom])
    return bootstrap(pairs, weighted_ratio, rng, confidence, resamples, clusters, unit)


def trend(
    curves: ArrayLike,
    rng: np.random.Generator,
    confidence: float = 0.95,
    resamples: int = 9999,
    clusters: ArrayLike | None = None,
    over: Literal["mean", "median", "queries"] = "mean",
) -> Estimate:
    """Spearman correlation of layer and outcome, for curves (n queries, k layers), resampled by query.

    ``over`` says of which curve: the mean or the median over queries (what Fig. 4 draws), or the mean
    correlation of each query's own curve, which the average cannot hide behind. A constant curve has no
    trend: 0.
    Raises GenirError for fewer than three layers.
    """
    data = np.array(curves, dtype=np.float64)
    if data.ndim != 2 or data.shape[1] < 3:
        raise GenirError(f"expected curves of shape (queries, 3 or more layers), got {data.shape}")
    if over == "queries":
        return bootstrap(spearman(_finite(data)), weighted_mean, rng, confidence, resamples, clusters)
    if over not in ("mean", "median"):
        raise GenirError(f"expected a trend over 'mean', 'median' or 'queries', got {over!r}")
    statistic = trend_of_mean if over == "mean" else trend_of_median
    return bootstrap(data, statistic, rng, confidence, resamples, clusters)


def _counts(rng: np.random.Generator, rows: int, units: int) -> Floats:
    drawn = rng.integers(0, units, (rows, units)) + units * np.arange(rows)[:, None]
    return np.bincount(drawn.ravel(), minlength=rows * units).reshape(rows, units).astype(np.float64)


def _apply(statistic: Statistic, values: Floats, weights: Floats) -> Floats:
    results = np.asarray(statistic(values, weights), dtype=np.float64)
    if results.shape != (len(weights),):
        raise GenirError(f"expected one statistic for each of {len(weights)} resamples, got shape {results.shape}")
    undefined = int((~np.isfinite(results)).sum())
    if undefined:
        raise GenirError(
            f"expected a statistic that is finite on every resample, got {undefined} of {len(results)} "
            "that are not; choose one that no resample leaves undefined, such as a difference for a ratio"
        )
    return results


def _units(n: int, clusters: ArrayLike | None) -> tuple[NDArray[np.intp], int, NDArray[np.generic] | None]:
    if clusters is None:
        return np.arange(n), n, None
    labels = np.array(clusters)
    if labels.shape != (n,):
        raise GenirError(f"expected one cluster for each of {n} queries, got shape {labels.shape}")
    names, unit_of = np.unique(labels, return_inverse=True)
    return unit_of, len(names), labels


def _flat(values: ArrayLike) -> Floats:
    data = np.array(values, dtype=np.float64)
    if data.ndim != 1:
        raise GenirError(f"expected one outcome per query, got shape {data.shape}; average or select first")
    return data


def _finite(values: ArrayLike) -> Floats:
    data = np.array(values, dtype=np.float64)
    if data.ndim not in (1, 2):
        raise GenirError(f"expected values of shape (queries,) or (queries, k), got {data.shape}")
    if data.size == 0:
        raise GenirError("expected at least one query, got none; a claim without queries is untestable")
    bad = np.flatnonzero(~np.isfinite(data.reshape(len(data), -1)).all(axis=1))
    if len(bad):
        raise GenirError(f"expected finite outcomes, got {len(bad)} queries with nan or infinity, first {bad[0]}")
    data.setflags(write=False)
    return data
