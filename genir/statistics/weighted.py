"""Statistics of weighted queries, which is what a resample is.

Each takes values (n,) or (n, k) and weights (b, n), how often each resample drew each query, and returns
(b,). Weights and not copies: a mean is one matrix product, a cluster is drawn by giving its queries one
count, and leaving a unit out (the jackknife) is a count of zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def weighted_mean(values: Floats, weights: Floats) -> Floats:
    """Mean of values (n,) in each resample."""
    averages: Floats = (weights @ values) / weights.sum(axis=1)
    return averages


def weighted_median(values: Floats, weights: Floats) -> Floats:
    """Median of values (n,) in each resample; the mean of the middle two where n is even."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[:, order], axis=1)
    total = reached[:, -1:]
    lower = (reached >= np.ceil(total / 2)).argmax(axis=1)
    upper = (reached >= np.floor(total / 2) + 1).argmax(axis=1)
    ordered = values[order]
    medians: Floats = (ordered[lower] + ordered[upper]) / 2
    return medians


def weighted_ratio(values: Floats, weights: Floats) -> Floats:
    """Mean of the first column of values (n, 2) over that of the second, in each resample; nan over zero."""
    sums = weights @ values
    ratios: Floats = np.divide(sums[:, 0], sums[:, 1], out=np.full(len(sums), np.nan), where=sums[:, 1] != 0)
    return ratios


def trend_of_mean(values: Floats, weights: Floats) -> Floats:
    """Spearman correlation of layer and mean curve, values (n, k), in each resample."""
    return spearman(weights @ values)


def trend_of_median(values: Floats, weights: Floats) -> Floats:
    """Spearman correlation of layer and median curve, values (n, k), in each resample."""
    return spearman(np.stack([weighted_median(column, weights) for column in values.T], axis=1))


def spearman(curves: Floats) -> Floats:
    """Spearman correlation (b,) of position and value in each row of (b, k), ties at their average rank."""
    ranks = sum((curves > column[:, None]) + 0.5 * (curves == column[:, None]) for column in curves.T)
    layers = np.arange(curves.shape[1]) - (curves.shape[1] - 1) / 2
    centred = ranks - np.mean(ranks, axis=1, keepdims=True)
    norms = np.sqrt((centred**2).sum(axis=1) * (layers**2).sum())
    return np.asarray(np.divide(centred @ layers, norms, out=np.zeros(len(curves)), where=norms > 0))
