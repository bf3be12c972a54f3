"""Equivalence against statsmodels' TOST."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import binom_tost
from statsmodels.stats.weightstats import ttost_paired

from genir.statistics import Verdict, difference, mean, paired_difference, proportion, tost, unchanged


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.05, 0.45))
def test_of_a_share_it_is_the_exact_binomial_tost(drawn, low):
    count, n = drawn
    expected = binom_tost(count, n, low, 2 * low)[0]
    assert tost(proportion(np.arange(n) < count), low, 2 * low) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.1, 0.3])
def test_of_a_paired_mean_it_is_nearly_the_t_tost(shift):
    rng = np.random.default_rng(5)
    a = rng.normal(size=400)
    b = a + rng.normal(shift, 0.5, 400)
    estimate = difference(mean(a, rng), mean(b, rng), rng)
    assert tost(estimate, -0.1, 0.1) == pytest.approx(ttost_paired(a, b, -0.1, 0.1)[0], abs=0.01)


def test_absence_of_a_difference_is_not_equivalence():
    few = paired_difference(np.arange(20) < 10, np.arange(20) < 10)
    many = paired_difference(np.arange(2000) < 1000, np.arange(2000) < 1000)
    assert unchanged(few, 0.1).verdict is Verdict.UNDECIDED
    assert unchanged(many, 0.1).verdict is Verdict.SUPPORTED


def test_a_difference_can_be_significant_and_negligible():
    small = paired_difference(np.arange(2000) < 1010, np.arange(2000) < 1000)
    assert small.above(0).verdict is Verdict.SUPPORTED
    assert unchanged(small, 0.05).verdict is Verdict.SUPPORTED


def test_a_large_difference_contradicts():
    answer = unchanged(paired_difference(np.arange(200) < 150, np.arange(200) < 50), 0.05)
    assert answer.verdict is Verdict.CONTRADICTED
    assert answer.margin == (-0.05, 0.05)
    assert answer.message.endswith("is not within [-5, 5] %: contradicted")
