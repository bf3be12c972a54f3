"""Permutation tests against enumeration and SciPy, and their level under the null."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from genir.errors import GenirError
from genir.statistics import monte_carlo_p, permutation_p


def rng(seed=1):
    return np.random.default_rng(seed)


def test_rank_among_draws():
    assert monte_carlo_p(10.0, np.arange(39)) == pytest.approx((1 + 29) / 40)  # 10, ..., 38 are as large
    assert monte_carlo_p(100.0, np.arange(39)) == 0.025
    assert monte_carlo_p(0.3, [0.1 + 0.2]) == 1  # a tie, though 0.1 + 0.2 is not 0.3


@pytest.mark.parametrize(
    ("observed", "null", "message"),
    [
        (1.0, [], r"^expected at least one draw under the null, got none; 39 are needed for p = 0.025$"),
        (np.nan, [1.0], r"^expected values that can be compared, got nan$"),
        (1.0, [np.nan], r"^expected values that can be compared, got nan$"),
    ],
)
def test_refuses_draws(observed, null, message):
    with pytest.raises(GenirError, match=message):
        monte_carlo_p(observed, null)


def test_converges_to_enumeration():
    similarity = rng().random((6, 6)) + np.eye(6) / 4
    rows = np.arange(6)

    def match(order):
        return similarity[rows, order].mean()

    exact = np.mean([match(list(order)) >= match(rows) - 1e-12 for order in permutations(rows)])
    assert 0.005 < exact < 0.5
    error = np.sqrt(exact * (1 - exact) / 4000)
    assert permutation_p(match, 6, rng(), permutations=4000) == pytest.approx(exact, abs=4 * error)


def test_is_scipys_test_of_a_correlation():
    x = rng(2).normal(size=30)
    y = 0.3 * x + rng(3).normal(size=30)
    ours = permutation_p(lambda order: np.corrcoef(x, y[order])[0, 1], 30, rng(), permutations=3000)
    theirs = stats.permutation_test(
        (y,),
        lambda y: np.corrcoef(x, y)[0, 1],
        permutation_type="pairings",
        alternative="greater",
        n_resamples=3000,
        vectorized=False,
        rng=rng(),
    ).pvalue
    assert ours == pytest.approx(theirs, abs=0.03)


def test_nothing_leaves_its_group():
    groups = np.array(["b", "a", "b", "a", "c", "b"])
    seen = []
    permutation_p(lambda order: float(seen.append(order.copy()) or 0), 6, rng(), permutations=600, within=groups)
    assert all((groups[order] == groups).all() for order in seen)
    assert len({tuple(order) for order in seen}) == 2 * 6 * 1  # 2! of a, 3! of b, 1! of c: all of them occur
    counts = np.unique([tuple(order) for order in seen], axis=0, return_counts=True)[1]
    assert stats.chisquare(counts).pvalue > 1e-4  # and about equally often


def test_the_layer_null_does_not_mistake_layers_for_heads():
    layers = np.repeat(np.arange(6), 10)
    one, other = layers + rng(1).random(60) / 2, layers + rng(2).random(60) / 2  # alike by layer alone

    def correlation(order):
        return np.corrcoef(one, other[order])[0, 1]

    assert permutation_p(correlation, 60, rng(), permutations=999) == 0.001
    assert permutation_p(correlation, 60, rng(), permutations=999, within=layers) > 0.025


def test_holds_its_level_under_the_null():
    generator = rng(9)
    p = []
    for _ in range(300):
        x, y = generator.normal(size=(2, 12))
        p.append(permutation_p(lambda order, x=x, y=y: x @ y[order], 12, generator, permutations=99))
    share = np.mean(np.array(p) <= 0.1)
    assert abs(share - 0.1) < 3.5 * np.sqrt(0.1 * 0.9 / 300)


@pytest.mark.parametrize(
    ("n", "within", "message"),
    [
        (1, None, r"^expected a group of two or more elements to permute, got 1 that cannot move$"),
        (0, None, r"^expected a group of two or more elements"),
        (3, [1, 2, 3], r"^expected a group of two or more elements to permute, got 3 that cannot move$"),
        (3, [1, 1], r"^expected one group for each of 3 elements, got an array of shape \(2,\)$"),
    ],
)
def test_refuses(n, within, message):
    with pytest.raises(GenirError, match=message):
        permutation_p(lambda order: 0.0, n, rng(), within=within)
