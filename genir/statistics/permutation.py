"""Permutation tests: whether a random matching, or a random choice, would have done as well."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genir.errors import GenirError


def monte_carlo_p(observed: float, null: ArrayLike) -> float:
    """One-sided p-value of ``observed`` against draws (m,) under the null: large values speak against it.

    (1 + number at least as large) / (1 + m), which is valid for any m: with m = 39 the least is 0.025.
    Raises GenirError for no draws or values that are nan.
    Source: Phipson & Smyth (2010), Stat. Appl. Genet. Mol. Biol. 9.
    """
    draws = np.array(null, dtype=np.float64).reshape(-1)
    if draws.size == 0:
        raise GenirError("expected at least one draw under the null, got none; 39 are needed for p = 0.025")
    if np.isnan(draws).any() or np.isnan(observed):
        raise GenirError("expected values that can be compared, got nan")
    close = 1e-12 * max(1.0, abs(observed))  # the same sum in another order is a tie
    return float((1 + (draws >= observed - close).sum()) / (1 + draws.size))


def permutation_p(
    statistic: Callable[[NDArray[np.intp]], float],
    n: int,
    rng: np.random.Generator,
    permutations: int = 9999,
    within: ArrayLike | None = None,
) -> float:
    """One-sided p-value of ``statistic`` at the identity against random permutations of ``range(n)``.

    ``statistic`` takes an order (n,), such as ``lambda order: similarity[np.arange(n), order].mean()`` for
    the match of queries and words. ``within`` (n,) names groups, such as layers, that nothing leaves.
    Raises GenirError for fewer than two elements, and groups in which nothing can move.
    """
    identity = np.arange(n)
    groups = np.zeros(n, dtype=int) if within is None else np.array(within)
    if groups.shape != (n,):
        raise GenirError(f"expected one group for each of {n} elements, got an array of shape {groups.shape}")
    order = np.argsort(groups, kind="stable")
    _, sizes = np.unique(groups, return_counts=True)
    if sizes.size == 0 or sizes.max() < 2:
        raise GenirError(f"expected a group of two or more elements to permute, got {n} that cannot move")
    codes = np.repeat(np.arange(len(sizes)), sizes)
    null = np.empty(permutations)
    for draw in range(permutations):
        shuffled = identity.copy()
        # sorting random keys inside each group is a uniform permutation of it
        shuffled[order] = order[np.lexsort((rng.random(n), codes))]
        null[draw] = statistic(shuffled)
    return monte_carlo_p(float(statistic(identity)), null)
