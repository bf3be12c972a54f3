"""Intervals cover what they promise: enumerated where the outcomes can be, simulated where they cannot.

A simulated coverage is held to its nominal value within three standard errors of the simulation and the
small-sample error that is known of the method; a 90 % interval that calls itself 95 % is refused.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from genir.statistics import Verdict, difference, mean, paired_difference, proportion, ratio_of_means, trend
from genir.statistics.proportions import wilson
from genir.statistics.tango import interval
from genir.statistics.weighted import spearman

NOMINAL = 0.95


def wilson_coverage(n, truth, confidence=NOMINAL):
    bounds = np.array([wilson(count, n, confidence) for count in range(n + 1)])
    inside = (bounds[:, 0] <= truth[:, None]) & (truth[:, None] <= bounds[:, 1])
    return (stats.binom.pmf(np.arange(n + 1), n, truth[:, None]) * inside).sum(axis=1)


@pytest.mark.parametrize("n", [20, 150, 396])
def test_wilson_by_enumeration(n):
    coverage = wilson_coverage(n, np.linspace(0.01, 0.99, 393))
    assert abs(coverage.mean() - NOMINAL) < 0.006
    assert coverage.min() > 0.83  # at shares of the order of 1 / n
    assert wilson_coverage(n, np.linspace(5 / n, 1 - 5 / n, 301)).min() > 0.91
    assert wilson_coverage(n, np.linspace(0.01, 0.99, 393), 0.9).mean() < 0.92  # the check can fail


@pytest.mark.parametrize("margin", [0.01, 0.05, 0.15, 0.4])
@pytest.mark.parametrize("n", [150, 396])
def test_a_share_at_its_margin_is_rarely_called_below_it(n, margin):
    supported = [proportion(np.arange(n) < count).below(margin).verdict is Verdict.SUPPORTED for count in range(n + 1)]
    assert stats.binom.pmf(np.arange(n + 1), n, margin) @ supported < 0.035  # nominal 0.025, in steps of a query


def test_proportion_by_simulation():
    rng = np.random.default_rng(1)
    truth, n, runs = 0.05, 150, 2000
    estimates = [proportion(rng.random(n) < truth) for _ in range(runs)]
    covered = np.mean([e.low <= truth <= e.high for e in estimates])
    exact = wilson_coverage(n, np.array([truth]))[0]
    assert covered == pytest.approx(exact, abs=3.5 * np.sqrt(exact * (1 - exact) / runs))


@pytest.mark.parametrize(("n", "most"), [(15, 0.98), (40, 0.96)])
def test_tango_by_enumeration(n, most):
    cells = [(gained, lost) for gained in range(n + 1) for lost in range(n + 1 - gained)]
    bounds = np.array([interval(*cell, n, NOMINAL) for cell in cells])
    gained, lost = np.array(cells).T
    coverages = []
    for p_gained in (0.02, 0.1, 0.2, 0.4):
        for p_lost in (0.0, 0.05, 0.1, 0.3, 0.5):
            truth = p_gained - p_lost
            inside = (bounds[:, 0] <= truth) & (truth <= bounds[:, 1])
            counts = np.column_stack([gained, lost, n - gained - lost])
            pmf = stats.multinomial.pmf(counts, n, [p_gained, p_lost, 1 - p_gained - p_lost])
            coverages.append(pmf @ inside)
    assert NOMINAL - 0.005 < np.mean(coverages) < most  # cautious where pairs hardly ever differ
    assert min(coverages) > 0.91


def test_paired_difference_by_simulation():
    rng = np.random.default_rng(2)
    runs, n, covered = 1500, 396, 0
    for _ in range(runs):
        base = rng.random(n) < 0.3
        first, second = base | (rng.random(n) < 0.1), base & (rng.random(n) < 0.9)
        estimate = paired_difference(first, second)
        covered += estimate.low <= 0.7 * 0.1 + 0.3 * 0.1 <= estimate.high
    assert covered / runs == pytest.approx(NOMINAL, abs=3 * np.sqrt(NOMINAL * (1 - NOMINAL) / runs))


SAMPLERS = {
    "normal": (lambda rng, n: rng.normal(0.3, 1.0, n), 0.3),
    "uniform": (lambda rng, n: rng.random(n), 0.5),
    "skewed": (lambda rng, n: rng.exponential(1.0, n), 1.0),
}


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("n", [50, 200])
def test_mean_by_simulation(name, n):
    sampler, truth = SAMPLERS[name]
    rng = np.random.default_rng(n)
    runs = 600
    estimates = [mean(sampler(rng, n), rng, resamples=799) for _ in range(runs)]
    covered = np.mean([e.low <= truth <= e.high for e in estimates])
    short = 0.02 if n == 50 else 0.01  # BCa is second-order: short by some 1 / n, more where skewed
    error = 3 * np.sqrt(NOMINAL * (1 - NOMINAL) / runs)
    assert NOMINAL - short - error < covered < NOMINAL + error
    # and the p-value keeps its level, 5 % on each side
    for side in ([e.below(truth).p_value for e in estimates], [e.above(truth).p_value for e in estimates]):
        assert np.mean(np.array(side) < 0.05) < 0.05 + short + 3 * np.sqrt(0.05 * 0.95 / runs)


def test_paired_means_by_simulation():
    rng = np.random.default_rng(4)
    runs, covered, unpaired = 250, 0, 0
    for _ in range(runs):
        query = rng.normal(size=100)  # what both have in common
        first, second = query + rng.normal(0.2, 0.3, 100), query + rng.normal(0.0, 0.3, 100)
        a, b = mean(first, rng, resamples=799), mean(second, rng, resamples=799)
        estimate = difference(a, b, rng)
        covered += estimate.low <= 0.2 <= estimate.high
        unpaired += a.low <= b.high
    assert NOMINAL - 0.05 < covered / runs < NOMINAL + 0.04
    assert unpaired / runs > 0.9  # overlapping intervals would have seen nothing


def test_ratio_and_trend_by_simulation():
    rng = np.random.default_rng(5)
    runs, ratio, slope = 400, 0, 0
    curve = -0.5 * np.arange(5)
    truth = spearman(curve + rng.normal(size=(200_000, 5))).mean()
    for _ in range(runs):
        bottom = rng.gamma(4.0, size=100)
        estimate = ratio_of_means(0.5 * bottom + rng.normal(0, 0.5, 100), bottom, rng, resamples=799)
        ratio += estimate.low <= 0.5 <= estimate.high
        estimate = trend(curve + rng.normal(size=(100, 5)), rng, over="queries", resamples=799)
        slope += estimate.low <= truth <= estimate.high
    assert NOMINAL - 0.045 < ratio / runs < NOMINAL + 0.03
    assert NOMINAL - 0.045 < slope / runs < NOMINAL + 0.03


def test_clusters_must_be_drawn_whole_to_cover():
    rng = np.random.default_rng(6)
    runs, by_cluster, by_row = 400, 0, 0
    clusters = np.repeat(np.arange(30), 10)
    for _ in range(runs):
        values = rng.normal(size=30)[clusters] + rng.normal(size=300)
        whole, rows = mean(values, rng, clusters=clusters, resamples=799), mean(values, rng, resamples=799)
        by_cluster += whole.low <= 0 <= whole.high
        by_row += rows.low <= 0 <= rows.high
    assert NOMINAL - 0.06 < by_cluster / runs < NOMINAL + 0.03
    assert by_row / runs < 0.75  # queries of one needle are no independent evidence
