"""The difference of two estimates over the same queries."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from genir.errors import GenirError
from genir.statistics.estimate import Estimate, Statistic
from genir.statistics.proportions import signed_share
from genir.statistics.resampling import bootstrap
from genir.statistics.weighted import weighted_mean

Floats = NDArray[np.float64]


def difference(first: Estimate, second: Estimate, rng: np.random.Generator | None = None) -> Estimate:
    """``first`` minus ``second``, paired by query; an estimate itself, so that differences can be compared.

    Where every query's difference is -1, 0 or 1 (two proportions, two shares net of one baseline) this is the
    paired difference of proportions with Tango's interval. Else queries are drawn together for both (the
    bootstrap, by cluster where the estimates were), and ``rng`` is needed.
    Raises GenirError for estimates without outcomes per query, of different numbers of queries, confidences
    or clusters, and for a bootstrap without ``rng``.
    """
    a, b = _outcomes(first), _outcomes(second)
    if len(a) != len(b):
        raise GenirError(f"expected outcomes of the same queries, got {len(a)} and {len(b)} of them")
    if first.confidence != second.confidence:
        raise GenirError(f"expected one confidence, got {first.confidence} and {second.confidence}")
    clusters = _clusters(first, second)
    unit = first.unit if first.unit == second.unit else "1"
    if clusters is None and _counted(first) and _counted(second):
        signs = a.astype(np.int16) - b.astype(np.int16)
        if np.abs(signs).max() <= 1:
            return signed_share(signs, first.confidence, unit)
    if rng is None:
        raise GenirError("expected a generator for the paired bootstrap, got none; pass rng=default_rng(seed)")
    one, two = first.statistic or weighted_mean, second.statistic or weighted_mean
    if one is weighted_mean and two is weighted_mean:
        values, statistic = a.astype(np.float64) - b.astype(np.float64), weighted_mean
    else:
        values = np.column_stack([a, b]).astype(np.float64)
        statistic = partial(_gap, first=one, second=two, shape=a.shape[1:], other_shape=b.shape[1:])
    return bootstrap(values, statistic, rng, first.confidence, clusters=clusters, unit=unit)


def _gap(
    values: Floats,
    weights: Floats,
    first: Statistic,
    second: Statistic,
    shape: tuple[int, ...],
    other_shape: tuple[int, ...],
) -> Floats:
    width = shape[0] if shape else 1
    left, right = values[:, :width].reshape(-1, *shape), values[:, width:].reshape(-1, *other_shape)
    return first(left, weights) - second(right, weights)


def _outcomes(estimate: Estimate) -> NDArray[np.generic]:
    if estimate.values is None:
        raise GenirError("expected outcomes per query, which a paired difference needs, got an estimate without")
    average = estimate.values.mean()
    if estimate.statistic is None and not np.isclose(average, estimate.value, rtol=1e-9, atol=1e-12):
        raise GenirError(f"expected the mean of the outcomes, {average}, got {estimate.value}; name the statistic")
    return estimate.values


def _counted(estimate: Estimate) -> bool:
    return estimate.statistic is None and estimate.values is not None and estimate.values.dtype.kind in "bi"


def _clusters(first: Estimate, second: Estimate) -> NDArray[np.generic] | None:
    if first.clusters is None or second.clusters is None:
        # a plain share over the same queries joins the clusters of the other
        return second.clusters if first.clusters is None else first.clusters
    if not np.array_equal(first.clusters, second.clusters):
        raise GenirError("expected both estimates over the same clusters, got different ones")
    return first.clusters
