"""Tango's score against a likelihood maximised by search, its limits Wilson and McNemar, a published case."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from genir.statistics import paired_difference, proportion
from genir.statistics.proportions import paired_evidence
from genir.statistics.tango import interval, score

cells = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 60)).filter(sum)


def test_the_published_example():
    """Airway hyper-responsiveness, 1 and 7 discordant of 21: [-0.517, -0.026] (Fagerland et al. 2014)."""
    low, high = interval(1, 7, 21, 0.95)
    assert (round(low, 3), round(high, 3)) == (-0.517, -0.026)


@given(cells, st.floats(-0.95, 0.95))
def test_score_uses_the_constrained_maximum_likelihood(drawn, difference):
    gained, lost, same = drawn
    n = gained + lost + same
    assume(abs(difference) > 1e-6)

    def loss(share):  # share of pairs lost, under the constraint that gained exceed it by the difference
        probabilities = (share + difference, share, 1 - 2 * share - difference)
        return -sum(k * math.log(max(p, 1e-300)) for k, p in zip(drawn_cells, probabilities, strict=True) if k)

    drawn_cells = (gained, lost, same)
    least, most = max(0.0, -difference), (1 - difference) / 2
    found = minimize_scalar(loss, bounds=(least, most), method="bounded", options={"xatol": 1e-12}).x
    found = min((least, most, found), key=loss)
    variance = (2 * found + difference - difference**2) / n
    assume(variance > 1e-6)
    expected = ((gained - lost) / n - difference) / math.sqrt(variance)
    assert score(gained, lost, n, difference) == pytest.approx(expected, rel=1e-3, abs=1e-3)


@given(cells)
def test_interval_inverts_the_score(drawn):
    gained, lost, same = drawn
    n = gained + lost + same
    low, high = interval(gained, lost, n, 0.95)
    assert -1 <= low <= (gained - lost) / n <= high <= 1
    for inside in np.linspace(low, high, 7)[1:-1]:
        assert abs(score(gained, lost, n, inside)) <= 1.9600
    if low > -1:
        assert score(gained, lost, n, low - 1e-6) > 1.9599
    if high < 1:
        assert score(gained, lost, n, high + 1e-6) < -1.9599


@given(cells)
def test_exchanging_the_two_mirrors_the_interval(drawn):
    gained, lost, same = drawn
    n = gained + lost + same
    low, high = interval(gained, lost, n, 0.95)
    assert interval(lost, gained, n, 0.95) == pytest.approx((-high, -low), abs=1e-12)


@given(cells, st.floats(-1, 1), st.floats(-1, 1))
def test_score_falls_as_the_margin_grows(drawn, one, two):
    gained, lost, same = drawn
    small, large = sorted([one, two])
    n = gained + lost + same
    assert score(gained, lost, n, small) >= score(gained, lost, n, large) - 1e-9


@given(st.integers(1, 40), st.integers(0, 40), st.integers(0, 60))
def test_at_no_difference_it_is_mcnemar(gained, lost, same):
    expected = (gained - lost) / math.sqrt(gained + lost)
    assert score(gained, lost, gained + lost + same, 0.0) == pytest.approx(expected, abs=1e-9)


@given(st.integers(0, 50), st.integers(1, 50))
def test_against_a_baseline_that_never_happens_the_upper_bound_is_wilsons(count, rest):
    n = count + rest
    outcomes = np.arange(n) < count
    assert paired_difference(outcomes, np.zeros(n, bool)).high == pytest.approx(proportion(outcomes).high, abs=1e-9)


def test_no_discordant_pair_still_leaves_doubt():
    same = np.arange(100) < 40
    estimate = paired_difference(same, same)
    bound = 1.959964**2 / (100 + 1.959964**2)  # z^2 / (n + z^2), Wilson's at 0 of n
    assert (estimate.low, estimate.value, estimate.high) == pytest.approx((-bound, 0, bound), abs=1e-6)
    assert estimate.above(0).p_value == estimate.below(0).p_value == 1


def test_complete_separation_reaches_the_end():
    estimate = paired_difference(np.ones(10, bool), np.zeros(10, bool))
    assert (estimate.value, estimate.high) == (1, 1)
    square = 1.959964**2
    assert estimate.low == pytest.approx((10 - square) / (10 + square), abs=1e-6)  # by hand: q = (1 - d) / 2
    assert (paired_evidence(10, 0, 10, 1.5).below, paired_evidence(10, 0, 10, -1.5).above) == (0, 0)
