"""Comparing heads: between models and lengths, between needles, between contexts (Sections 2.2, 3.2 and 3.3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genir.errors import GenirError

Floats = NDArray[np.float64]


def correlation(one: Floats, other: Floats) -> float:
    """Pearson correlation of the heads' scores of two models, both (layers, heads).

    Raises GenirError for models of different sizes and for scores that do not vary.
    """
    if one.shape != other.shape:
        raise GenirError(f"expected models of the same layers and heads to compare, got {one.shape} and {other.shape}")
    if one.std() == 0 or other.std() == 0:
        raise GenirError("expected scores that vary between heads, got the same score for all of them")
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def halves(scores: Floats, groups: ArrayLike, rng: np.random.Generator, draws: int = 200) -> Floats:
    """Correlations between the heads' scores on one half of the groups and on the other, (draws,).

    The ceiling of any comparison: what the same model gives against itself on other needles. ``scores`` are per run, (runs,
    layers, heads); ``groups`` (runs,) names each run's needle, whose runs stay together.
    """
    labels = np.asarray(groups)
    names = np.unique(labels)
    if len(names) < 2:
        raise GenirError(f"expected at least two needles to compare with each other, got {len(names)}")
    found = []
    for _ in range(draws):
        first = np.isin(labels, rng.permutation(names)[: len(names) // 2])
        found.append(correlation(scores[first].mean(axis=0), scores[~first].mean(axis=0)))
    return np.array(found)


def dependence(active: NDArray[np.bool_], groups: ArrayLike) -> float:
    """How much of which head is active is told by the group, in [0, 1]: between-group variance over total, over all heads.

    ``active`` is (runs, layers, heads), ``groups`` (runs,) names each run's context or needle. 0 when every group activates every
    head as often, 1 when a head is active in all runs of a group or in none; nan when no head varies. To be read against
    permuted groups, since few runs in a group vary by chance.
    """
    flat = active.reshape(len(active), -1).astype(np.float64)
    _, codes, counts = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), flat.shape[1]))
    np.add.at(sums, codes, flat)
    overall = flat.mean(axis=0)
    between = (counts[:, None] * (sums / counts[:, None] - overall) ** 2).sum()
    total = ((flat - overall) ** 2).sum()
    return float(between / total) if total > 0 else float("nan")
