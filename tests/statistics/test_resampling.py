"""The bootstrap against SciPy's, on the same draws, and on samples whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from genir.errors import GenirError
from genir.statistics import Verdict, bootstrap, mean, median, ratio_of_means, trend
from genir.statistics import resampling as room
from genir.statistics.weighted import (
    spearman,
    trend_of_median,
    weighted_mean,
    weighted_median,
    weighted_ratio,
)

SAMPLE = np.random.default_rng(7).exponential(size=60)


def rng(seed=11):
    return np.random.default_rng(seed)


def scipys(statistic, *columns, method="BCa", paired=False):
    result = stats.bootstrap(
        columns,
        statistic,
        n_resamples=2000,
        method=method,
        paired=paired,
        vectorized=True,
        axis=-1,
        rng=rng(),
    )
    return tuple(result.confidence_interval)


@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_interval_is_scipys_on_the_same_draws(statistic):
    ours = {"mean": mean, "median": median}[statistic](SAMPLE, rng(), resamples=2000)
    assert ours.value == pytest.approx(getattr(np, statistic)(SAMPLE))
    assert (ours.low, ours.high) == pytest.approx(scipys(getattr(np, statistic), SAMPLE), rel=1e-9)
    assert ours.method == "BCa bootstrap"


def test_ratio_is_scipys_on_the_same_draws():
    top, bottom = SAMPLE, 1 + SAMPLE**2
    ours = ratio_of_means(top, bottom, rng(), resamples=2000)
    theirs = scipys(lambda a, b, axis: a.mean(axis=axis) / b.mean(axis=axis), top, bottom, paired=True)
    assert ours.value == pytest.approx(top.mean() / bottom.mean())
    assert (ours.low, ours.high) == pytest.approx(theirs, rel=1e-9)


def test_blocks_do_not_change_the_draws(monkeypatch):
    whole = mean(SAMPLE, rng(), resamples=500)
    monkeypatch.setattr(room, "ENTRIES", 7 * 60)  # seven resamples at a time
    blocks = mean(SAMPLE, rng(), resamples=500)
    assert (whole.low, whole.high) == pytest.approx((blocks.low, blocks.high), rel=1e-12)


def test_the_global_generator_is_left_alone():
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    mean(SAMPLE, rng())
    assert (np.random.get_state()[1] == before).all()


@pytest.mark.parametrize("seed", range(5))
def test_p_value_agrees_with_the_interval(seed):
    sample = np.random.default_rng(seed).gamma(1.5, size=50)
    estimate = mean(sample, rng(seed))
    for margin in np.linspace(estimate.low - 0.1, estimate.high + 0.1, 41):
        for answer in (estimate.below(margin), estimate.above(margin)):
            if abs(answer.p_value - 0.025) > 0.001:  # a few draws' worth
                assert (answer.verdict is Verdict.SUPPORTED) == (answer.p_value < 0.025)
    assert estimate.below(estimate.high).p_value == pytest.approx(0.025, abs=0.001)
    assert estimate.above(estimate.low).p_value == pytest.approx(0.025, abs=0.001)
    beyond = estimate.below(estimate.high + 100).p_value  # no draw was there: no certainty either
    assert beyond == estimate.below(estimate.high + 200).p_value
    assert 1 / 10_000 <= beyond < 0.002


def test_p_values_of_a_mean_are_those_of_the_t_test():
    sample = np.random.default_rng(3).normal(0.1, 1, 400)
    estimate = mean(sample, rng(), resamples=50_000)
    for margin in (0.0, 0.05, 0.2):
        expected = stats.ttest_1samp(sample, margin, alternative="less").pvalue
        assert estimate.below(margin).p_value == pytest.approx(expected, abs=0.005)


def test_constant_data_have_an_interval_of_no_width():
    estimate = mean([0.1] * 30, rng())  # 30 times 0.1 is not 3 in binary: still constant
    assert (estimate.low, estimate.high) == pytest.approx((0.1, 0.1), abs=1e-12)
    assert estimate.method == "percentile bootstrap, constant draws"
    assert estimate.above(0.0).verdict is Verdict.SUPPORTED
    assert estimate.above(0.0).p_value == pytest.approx(1 / 10_000)


def test_where_bca_degenerates_percentiles_are_taken_and_named():
    values = np.array([1.0] * 6 + [2.0] * 3)  # no query alone moves the median: the acceleration would be 0 / 0
    estimate = median(values, rng(), resamples=2000)
    assert estimate.method == "percentile bootstrap, BCa undefined"
    assert (estimate.low, estimate.high) == scipys(np.median, values, method="percentile") == (1, 2)


def test_one_query_says_nothing_of_the_spread():
    estimate = mean([0.4], rng())
    assert (estimate.low, estimate.value, estimate.high) == (-math.inf, 0.4, math.inf)
    assert estimate.method == "no interval from one query"
    assert estimate.above(-1e9).verdict is Verdict.UNDECIDED


def test_the_mean_of_booleans_is_their_share():
    assert mean(np.arange(10) < 4, rng()).value == 0.4


def test_clusters_of_one_are_queries():
    plain = mean(SAMPLE, rng())
    single = mean(SAMPLE, rng(), clusters=np.arange(60))
    assert (plain.low, plain.high) == (single.low, single.high)
    assert single.method == "BCa bootstrap, 60 clusters"


def test_clusters_are_drawn_whole():
    means = np.random.default_rng(5).normal(size=12)
    values, clusters = np.repeat(means, 50), np.repeat([f"needle {i}" for i in range(12)], 50)
    shuffled = np.random.default_rng(6).permutation(600)
    by_cluster = mean(values[shuffled], rng(), clusters=clusters[shuffled])
    of_means = mean(means[np.argsort([f"needle {i}" for i in range(12)])], rng())  # names are drawn in sorted order
    assert (by_cluster.low, by_cluster.high) == pytest.approx((of_means.low, of_means.high), rel=1e-9)
    assert by_cluster.n == 600


def test_clusters_of_unequal_size_weigh_by_their_queries():
    estimate = mean([0.0, 0.0, 0.0, 1.0], rng(), clusters=["a", "a", "a", "b"])
    assert estimate.value == 0.25
    assert (estimate.low, estimate.high) == (0, 1)  # aa, ab or bb


def test_one_cluster_says_nothing():
    estimate = mean([0.1, 0.2], rng(), clusters=[3, 3])
    assert estimate.method == "no interval from one cluster"
    assert estimate.high == math.inf


def test_trend_of_a_falling_curve():
    layers = np.arange(8)
    curves = 100.0 - 10 * layers + np.random.default_rng(0).normal(0, 1, (40, 8))
    estimate = trend(curves, rng())
    assert estimate.value == -1
    assert estimate.below(-0.8).verdict is Verdict.SUPPORTED


def test_trend_of_each_query_sees_what_the_average_hides():
    layers = np.arange(6)
    steep = np.tile(-100.0 * layers, (1, 1))
    curves = np.vstack([steep, np.tile(1.0 * layers, (9, 1))])  # one steep fall, nine gentle rises
    assert trend(curves, rng()).value == -1
    assert trend(curves, rng(), over="median").value == 1
    assert trend(curves, rng(), over="queries").value == pytest.approx((9 - 1) / 10)


def test_a_constant_curve_has_no_trend():
    assert trend(np.ones((5, 4)), rng()).value == 0


@given(hnp.arrays(float, st.tuples(st.integers(1, 5), st.integers(3, 9)), elements=st.integers(0, 4)))
def test_spearman_is_scipys(curves):
    for row, ours in zip(curves, spearman(curves), strict=True):
        expected = stats.spearmanr(np.arange(len(row)), row).statistic if np.ptp(row) else 0
        assert ours == pytest.approx(expected, abs=1e-12)


@given(
    hnp.arrays(float, st.integers(1, 12), elements=st.integers(-5, 5)).flatmap(
        lambda v: st.tuples(st.just(v), hnp.arrays(int, len(v), elements=st.integers(0, 4)).filter(np.any))
    )
)
def test_weighted_statistics_are_those_of_the_repeated_sample(drawn):
    values, counts = drawn
    repeated, weights = np.repeat(values, counts), counts[None].astype(float)
    assert weighted_mean(values, weights)[0] == pytest.approx(repeated.mean())
    assert weighted_median(values, weights)[0] == np.median(repeated)
    pairs = np.column_stack([values, np.arange(1, len(values) + 1)])
    again = np.repeat(pairs, counts, axis=0).sum(axis=0)
    assert weighted_ratio(pairs, weights)[0] == pytest.approx(again[0] / again[1])
    curves = np.column_stack([values, values[::-1], values**2])
    expected = spearman(np.median(np.repeat(curves, counts, axis=0), axis=0)[None])
    assert trend_of_median(curves, weights) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean([], rng()), r"^expected at least one query, got none"),
        (
            lambda: mean([1.0, np.nan, np.inf], rng()),
            r"^expected finite outcomes, got 2 queries with nan or infinity, first 1$",
        ),
        (
            lambda: mean([[1.0, 2.0]], rng()),
            r"^expected one outcome per query, got shape \(1, 2\); average or select",
        ),
        (
            lambda: bootstrap(np.ones((2, 2, 2)), weighted_mean, rng()),
            r"^expected values of shape \(queries,\) or \(queries, k\), got \(2, 2, 2\)$",
        ),
        (
            lambda: mean([1.0, 2.0], rng(), resamples=98),
            r"^expected at least 99 resamples, got 98; 9999 is the default$",
        ),
        (
            lambda: mean([1.0, 2.0], rng(), clusters=[1]),
            r"^expected one cluster for each of 2 queries, got shape \(1,\)$",
        ),
        (
            lambda: ratio_of_means([1.0, 2.0], [1.0], rng()),
            r"^expected outcomes of the same queries, got 2 and 1 of them$",
        ),
        (
            lambda: ratio_of_means([1.0] * 3, [0.0, 0.0, 1.0], rng()),
            r"^expected a statistic that is finite on every resample, got \d+ of 9999 that are not; ch",
        ),
        (
            lambda: bootstrap([1.0, 2.0], lambda values, weights: weights @ values[:, None], rng()),
            r"^expected one statistic for each of 1 resamples, got shape \(1, 1\)$",
        ),
        (
            lambda: trend(np.ones((4, 2)), rng()),
            r"^expected curves of shape \(queries, 3 or more layers\), got \(4, 2\)$",
        ),
        (
            lambda: trend(np.ones((4, 3)), rng(), over="layers"),
            r"^expected a trend over 'mean', 'median' or 'queries', got 'layers'$",
        ),
    ],
)
def test_refuses(call, message):
    with pytest.raises(GenirError, match=message):
        call()
