"""Shares of queries against statsmodels and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from genir.errors import GenirError
from genir.statistics import Verdict, mcnemar_exact, minus, paired_difference, proportion
from genir.statistics.proportions import binomial_evidence

counts = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
pairs = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


@given(counts, st.sampled_from([0.8, 0.95, 0.99]))
def test_interval_is_wilsons(drawn, confidence):
    count, n = drawn
    estimate = proportion(np.arange(n) < count, confidence)
    low, high = proportion_confint(count, n, 1 - confidence, method="wilson")
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=1e-12)
    assert (estimate.value, estimate.count, estimate.n) == (count / n, count, n)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


@given(counts, st.floats(0.001, 0.999))
def test_p_values_are_those_of_the_exact_binomial_test(drawn, margin):
    count, n = drawn
    estimate = proportion(np.arange(n) < count)
    below = stats.binomtest(count, n, margin, alternative="less").pvalue
    above = stats.binomtest(count, n, margin, alternative="greater").pvalue
    assert estimate.below(margin).p_value == pytest.approx(below, rel=1e-9)
    assert estimate.above(margin).p_value == pytest.approx(above, rel=1e-9)


@given(counts, st.floats(0.001, 0.999))
def test_the_score_is_that_which_wilsons_interval_inverts(drawn, margin):
    count, n = drawn
    estimate, score = proportion(np.arange(n) < count), binomial_evidence(count, n, margin).score
    if abs(abs(score) - estimate.quantile) > 1e-9:
        assert (abs(score) > estimate.quantile) == (not estimate.low <= margin <= estimate.high)


def test_at_the_ends_nothing_is_random():
    none, some, all_ = (proportion(np.arange(10) < count) for count in (0, 4, 10))
    assert (none.low, all_.high) == (0, 1)
    assert none.above(0).p_value == 1  # "more than never" is not supported by never
    assert some.above(0).p_value == 0  # and is certain from once on
    assert some.below(1).p_value == 0
    assert all_.below(1).p_value == 1
    assert (some.above(-0.1).p_value, some.below(-0.1).p_value) == (0, 1)
    assert (some.above(1.1).p_value, some.below(1.1).p_value) == (1, 0)
    assert some.below(1.1).verdict is Verdict.SUPPORTED


def test_one_query_decides_nothing_in_between():
    one = proportion([True])
    assert one.low == pytest.approx(1 / (1 + 1.959964**2), abs=1e-6)
    assert one.above(0.5).verdict is Verdict.UNDECIDED


def test_outcomes_do_not_change_with_the_callers_buffer():
    buffer = np.array([True, False])
    estimate = proportion(buffer)
    buffer[:] = True
    assert estimate.values.tolist() == [True, False]
    with pytest.raises(ValueError, match="read-only"):
        estimate.values[0] = False


@pytest.mark.parametrize("estimator", [proportion, lambda x: paired_difference(x, x), lambda x: mcnemar_exact(x, x)])
@pytest.mark.parametrize(
    ("outcomes", "message"),
    [
        ([], r"^expected at least one query, got none; a claim without queries is untestable$"),
        ([1, 0], r"^expected true or false per query, got int64; compare, as in ranks > 1$"),
        ([0.0, np.nan], r"^expected true or false per query, got float64"),
        ([[True], [False]], r"^expected one outcome per query, got shape \(2, 1\); select or average first$"),
        (True, r"^expected one outcome per query, got shape \(\)"),
    ],
)
def test_refuses(estimator, outcomes, message):
    with pytest.raises(GenirError, match=message):
        estimator(outcomes)


@pytest.mark.parametrize("estimator", [paired_difference, minus, mcnemar_exact])
def test_pairs_are_over_the_same_queries(estimator):
    with pytest.raises(GenirError, match=r"^expected outcomes of the same queries, got 2 and 1 of them$"):
        estimator([True, False], [True])


@given(pairs)
def test_mcnemar_is_statsmodels(drawn):
    a, b = np.array(drawn).T
    table = [[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]]
    if (a != b).any():
        assert mcnemar_exact(a, b) == pytest.approx(mcnemar(table, exact=True).pvalue, rel=1e-9)
    else:
        assert mcnemar_exact(a, b) == 1


@given(pairs)
def test_exceeds_brings_the_one_sided_exact_mcnemar(drawn):
    a, b = np.array(drawn).T
    gained, lost = int((a & ~b).sum()), int((b & ~a).sum())
    expected = stats.binomtest(gained, gained + lost, alternative="greater").pvalue if gained + lost else 1
    answer = proportion(a).exceeds(proportion(b))
    assert answer.p_value == pytest.approx(expected, rel=1e-9)
    assert answer.estimate.below(0).p_value == proportion(b).exceeds(proportion(a)).p_value
    assert answer.estimate.value == pytest.approx(a.mean() - b.mean(), abs=1e-12)


def test_net_of_nothing_is_the_plain_share():
    lost = np.arange(396) < 3
    net = minus(lost, np.zeros(396, bool))
    assert str(net) == "0.76 % [0.26, 2.20] (3/396)"
    assert net.method == "Wilson"


def test_net_of_something_is_the_paired_difference():
    lost, noop = np.arange(396) < 30, (np.arange(396) >= 28) & (np.arange(396) < 32)
    net = minus(lost, noop)
    assert net.value == pytest.approx(26 / 396)
    assert net.method == "Tango, paired (28 against 2)"
    assert net.values.sum() == 26
    assert net.count is None


def test_net_losses_compare_without_a_bootstrap():
    noop = np.arange(100) < 2
    mild, harsh = np.arange(100) < 5, np.arange(100) < 40
    answer = minus(harsh, noop).exceeds(minus(mild, noop), 0.1)
    direct = proportion(harsh).exceeds(proportion(mild), 0.1)  # the baseline cancels
    assert (answer.estimate.low, answer.estimate.high) == (direct.estimate.low, direct.estimate.high)
    assert answer.verdict is Verdict.SUPPORTED
