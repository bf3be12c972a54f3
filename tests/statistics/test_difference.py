"""Differences over the same queries: counted where they can be, drawn together where they cannot."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from genir.errors import GenirError
from genir.statistics import (
    Estimate,
    Verdict,
    bootstrap,
    difference,
    every,
    mean,
    median,
    paired_difference,
    proportion,
    trend,
)
from genir.statistics.weighted import weighted_mean


def rng(seed=3):
    return np.random.default_rng(seed)


def test_shares_are_counted_without_a_generator():
    a, b = np.arange(50) < 20, np.arange(50) < 5
    ours, direct = difference(proportion(a), proportion(b)), paired_difference(a, b)
    assert (ours.low, ours.value, ours.high, ours.unit) == (direct.low, direct.value, direct.high, "%")


def test_means_are_those_of_the_differences():
    a = rng(1).normal(size=80)
    b = 0.9 * a + rng(2).normal(size=80) / 10
    ours = difference(mean(a, rng()), mean(b, rng()), rng())
    direct = mean(a - b, rng())
    assert (ours.low, ours.value, ours.high) == (direct.low, direct.value, direct.high)
    assert ours.high - ours.low < 0.2 * (mean(a, rng()).high - mean(a, rng()).low)  # what pairing is for


def test_p_value_is_that_of_the_paired_t_test():
    a = rng(1).normal(0.1, 1, 300)
    b = rng(2).normal(0.0, 1, 300)
    answer = mean(a, rng()).exceeds(mean(b, rng()), rng=rng())
    assert answer.p_value == pytest.approx(stats.ttest_rel(a, b, alternative="greater").pvalue, abs=0.01)


def test_a_share_against_a_mean_is_bootstrapped():
    lost = np.arange(100) < 60
    of_draws = rng(4).random((100, 20)).round(1) * 0.2  # means over random sets are no booleans
    answer = proportion(lost, unit="1").exceeds(mean(of_draws.mean(axis=1), rng()), 0.3, rng())
    assert answer.verdict is Verdict.SUPPORTED
    assert answer.estimate.value == pytest.approx(0.6 - of_draws.mean())


def test_a_difference_of_differences_is_an_estimate_again():
    """Chain of thought against direct answers, each with and without masking: values from -2 to 2."""
    cot_full, cot_masked = np.ones(60, bool), np.arange(60) < 10
    direct_full, direct_masked = np.ones(60, bool), np.arange(60) < 45
    cot = paired_difference(cot_full, cot_masked)
    direct = paired_difference(direct_full, direct_masked)
    assert difference(cot, direct).value == pytest.approx(35 / 60)
    opposite = paired_difference(direct_masked, direct_full)
    with pytest.raises(GenirError, match="expected a generator for the paired bootstrap"):
        difference(cot, opposite)  # 1 - (-1) = 2: no share any more
    assert difference(cot, opposite, rng()).value == pytest.approx(65 / 60)


def test_other_statistics_are_drawn_together():
    values = rng(1).exponential(size=60)
    ours = difference(median(values, rng()), mean(values, rng()), rng())
    theirs = stats.bootstrap(
        (values,),
        lambda x, axis: np.median(x, axis=axis) - x.mean(axis=axis),
        rng=rng(),
        method="BCa",
    ).confidence_interval
    assert ours.value == pytest.approx(np.median(values) - values.mean())
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs), rel=1e-9)


def test_trends_of_two_components_are_compared():
    layers = np.arange(8)
    falling = -10.0 * layers + rng(1).normal(size=(50, 8))
    flat = rng(2).normal(size=(50, 8))
    answer = trend(flat, rng()).exceeds(trend(falling, rng()), 0.2, rng())
    assert answer.estimate.value == pytest.approx(trend(flat, rng()).value + 1)
    assert answer.estimate.values.shape == (50, 16)
    again = answer.estimate.exceeds(answer.estimate, rng=rng())  # and a difference of such differences
    assert again.estimate.value == 0


def test_clusters_are_taken_over():
    clusters = np.repeat(np.arange(10), 6)
    values = rng(1).normal(size=10)[clusters] + rng(2).normal(size=60) / 10
    clustered = mean(values, rng(), clusters=clusters)
    share = proportion(np.arange(60) < 30, unit="1")
    assert difference(clustered, share, rng()).method.endswith("10 clusters")
    assert difference(share, clustered, rng()).method.endswith("10 clusters")
    zero = mean(np.zeros(60), rng(), clusters=clusters)
    assert difference(clustered, zero, rng()).low == pytest.approx(clustered.low)
    with pytest.raises(GenirError, match=r"^expected both estimates over the same clusters, got different ones$"):
        difference(clustered, mean(values, rng(), clusters=clusters[::-1]), rng())


def test_the_largest_of_several():
    """A claim such as "the largest of the nine cells" is a conjunction of paired comparisons."""
    outcomes = [np.arange(200) < k for k in (10, 30, 96)]
    cells = [proportion(o) for o in outcomes]
    assert every(*(cells[2].exceeds(other) for other in cells[:2])).verdict is Verdict.SUPPORTED
    assert every(*(cells[1].exceeds(other) for other in (cells[0], cells[2]))).verdict is Verdict.CONTRADICTED


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (
            (proportion([True]), proportion([True, False])),
            r"^expected outcomes of the same queries, got 1 and 2 of them$",
        ),
        ((proportion([True]), proportion([True], 0.9)), r"^expected one confidence, got 0.95 and 0.9$"),
        (
            (proportion([True]), Estimate(0.1, 0, 1, 0.95, 1, "by hand")),
            r"^expected outcomes per query, which a paired difference needs, got",
        ),
        (
            (Estimate(0.1, 0, 1, 0.95, 1, "by hand", values=np.array([0.3])), proportion([True])),
            r"^expected the mean of the outcomes, 0.3, got 0.1; name the statistic$",
        ),
        (
            (mean([1.0, 2.0], rng()), mean([2.0, 1.0], rng())),
            r"^expected a generator for the paired bootstrap, got none",
        ),
    ],
)
def test_refuses(pair, message):
    with pytest.raises(GenirError, match=message):
        difference(*pair)


def test_one_pair_says_nothing():
    one = bootstrap([0.5], weighted_mean, rng())
    assert difference(one, one, rng()).high == math.inf
