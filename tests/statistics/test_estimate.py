"""An estimate prints as the paper prints, refuses what is no estimate, and takes questions."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from genir.errors import GenirError
from genir.statistics import Estimate, Verdict, mean, paired_difference, percent, proportion


def estimate(value=0.3, low=0.2, high=0.5, confidence=0.95, n=100, method="by hand", **more):
    return Estimate(value, low, high, confidence, n, method, **more)


def test_prints_a_share_as_the_paper_does():
    assert str(proportion([True] * 3 + [False] * 393)) == "0.76 % [0.26, 2.20] (3/396)"


@pytest.mark.parametrize(
    ("given", "printed"),
    [
        (estimate(0.31, 0.28, 0.33, n=396), "0.31 [0.28, 0.33] (n=396)"),
        (estimate(0.31, 0.28, 0.33, n=396, unit="%"), "31.00 % [28.00, 33.00] (n=396)"),
        (estimate(21.66, 19.5, 24.125), "21.66 [19.50, 24.12] (n=100)"),
        (estimate(0.00123, 0.00110, 0.00145), "0.0012 [0.0011, 0.0014] (n=100)"),
        (estimate(-0.0001, -0.2, 0.2), "0.00 [-0.20, 0.20] (n=100)"),
        (estimate(1.0, 1.0, 1.0), "1.00 [1.00, 1.00] (n=100)"),
        (estimate(0.3, -math.inf, math.inf, n=1), "0.30 [-inf, inf] (n=1)"),
    ],
)
def test_prints(given, printed):
    assert str(given) == printed


def test_outcomes_are_kept_and_not_printed():
    values = np.array([0.2, 0.4])
    given = estimate(0.3, n=2, values=values)
    assert given.values is values
    assert "values" not in repr(given)


def test_percent_is_a_fraction():
    assert percent(5) == 0.05


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n": 0}, r"^expected at least one query, got none"),
        ({"value": math.nan}, r"^expected a finite value, got nan"),
        ({"low": 0.6}, r"^expected an interval with low <= high, got \[0.6, 0.5\]$"),
        ({"high": math.nan}, r"^expected an interval with low <= high, got \[0.2, nan\]$"),
        ({"confidence": 95}, r"^expected a confidence between 0 and 1, got 95; 95 % is 0.95$"),
        ({"unit": "points"}, r"^expected the unit '%' or '1', got 'points'$"),
        ({"values": np.ones(3)}, r"^expected one outcome for each of 100 queries, got 3$"),
    ],
)
def test_refuses(wrong, message):
    with pytest.raises(GenirError, match=message):
        estimate(**wrong)


def test_refuses_a_confidence_that_is_none_in_every_estimator():
    for make in (
        lambda: proportion([True], confidence=95),
        lambda: paired_difference([True], [False], confidence=95),
        lambda: mean([1.0, 2.0], np.random.default_rng(0), confidence=95),
    ):
        with pytest.raises(GenirError, match="expected a confidence between 0 and 1, got 95"):
            make()


def test_score_counts_standard_errors_on_the_margins_side():
    given = estimate(0.3, 0.2, 0.5)  # arms of 0.1 and 0.2
    z = 1.959964
    assert given.quantile == pytest.approx(z, abs=1e-6)
    assert given.score(0.2) == pytest.approx(z)  # the lower bound is one arm below
    assert given.score(0.5) == pytest.approx(-z)
    assert given.score(0.4) == pytest.approx(-z / 2)
    assert given.score(0.3) == 0
    assert estimate(0.3, 0.3, 0.3).score(0.2) == math.inf
    assert estimate(0.3, 0.3, 0.3).score(0.4) == -math.inf
    assert estimate(0.3, -math.inf, math.inf).score(0.4) == 0


def test_without_a_test_of_its_own_the_interval_is_read_as_normal():
    symmetric = estimate(0.3, 0.3 - 1.959964 * 0.1, 0.3 + 1.959964 * 0.1)  # standard error 0.1
    assert symmetric.below(0.5).p_value == pytest.approx(0.02275, abs=1e-5)  # P(Z < -2)
    assert symmetric.above(0.5).p_value == pytest.approx(0.97725, abs=1e-5)
    assert symmetric.above(0.3).p_value == pytest.approx(0.5)


@pytest.mark.parametrize("margin", [math.nan, math.inf, -math.inf])
def test_refuses_a_margin_that_is_none(margin):
    for ask in (estimate().below, estimate().above, lambda m: estimate().within(0, m)):
        with pytest.raises(GenirError, match=r"^expected a finite margin, got"):
            ask(margin)


@pytest.mark.parametrize("region", [(0.2, 0.2), (0.3, 0.2)])
def test_refuses_an_empty_region(region):
    with pytest.raises(GenirError, match=r"^expected a region with low < high, got \("):
        estimate().within(*region)


def test_survives_pickling_with_its_tests():
    rng = np.random.default_rng(0)
    for given in (
        proportion([True, False, False]),
        paired_difference([True, False, True], [False, False, False]),
        mean([1.0, 2.0, 4.0], rng),
    ):
        again = pickle.loads(pickle.dumps(given))
        assert again.below(0.5).p_value == given.below(0.5).p_value
        assert again.below(0.5).verdict in set(Verdict)
