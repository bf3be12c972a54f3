"""Comparisons of heads on scores whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from genir.errors import GenirError
from genir.readouts.heads_compare import correlation, dependence, halves


def test_correlation_is_pearsons_over_all_heads(rng):
    one, other = rng.random((3, 4)), rng.random((3, 4))
    a, b = one - one.mean(), other - other.mean()
    assert correlation(one, other) == pytest.approx((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))
    assert correlation(one, 3 * one + 2) == pytest.approx(1)
    with pytest.raises(GenirError, match=r"got \(3, 4\) and \(2, 4\)"):
        correlation(one, other[:2])
    with pytest.raises(GenirError, match="scores that vary"):
        correlation(one, np.ones((3, 4)))


def test_halves_keep_a_needles_runs_together(rng):
    """Two needles with opposite heads: any split that mixed their runs would correlate above -1."""
    scores = np.array([[[1.0, 0.0]]] * 3 + [[[0.0, 1.0]]] * 3)
    np.testing.assert_allclose(halves(scores, [0, 0, 0, 1, 1, 1], rng, 20), -1)
    assert halves(rng.random((60, 5, 8)) + np.arange(8), np.arange(60), rng, 20).min() > 0.95
    with pytest.raises(GenirError, match="at least two needles"):
        halves(scores, [0] * 6, rng)


def test_dependence_is_one_when_the_group_decides_and_zero_when_it_says_nothing(rng):
    groups = [0, 0, 1, 1]
    decided = np.array([[[True, False]], [[True, False]], [[False, False]], [[False, False]]])
    assert dependence(decided, groups) == 1
    assert dependence(decided, [0, 1, 0, 1]) == 0
    assert np.isnan(dependence(np.ones((4, 1, 2), dtype=bool), groups))
    random = rng.random((200, 4, 5)) < 0.5
    assert dependence(random, np.arange(200) % 4) < 0.05
