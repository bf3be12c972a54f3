"""Verdicts follow from intervals, messages from verdicts, and the forecast of more queries comes true."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from genir.statistics import Estimate, Verdict, mean, paired_difference, percent, proportion

SUPPORTED, CONTRADICTED, UNDECIDED = Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.UNDECIDED
numbers = st.floats(-10, 10, allow_nan=False)


@st.composite
def estimates(draw):
    low, value, high = sorted([draw(numbers), draw(numbers), draw(numbers)])
    return Estimate(value, low, high, 0.95, draw(st.integers(1, 1000)), "by hand")


@st.composite
def proportions(draw):
    n = draw(st.integers(1, 400))
    count = draw(st.integers(0, n))
    return proportion(np.arange(n) < count)


def by_hand(value, low, high, n=100, **more):
    return Estimate(value, low, high, 0.95, n, "by hand", **more)


@pytest.mark.parametrize(
    ("margin", "below", "above"),
    [
        (0.1, CONTRADICTED, SUPPORTED),
        (0.2, UNDECIDED, UNDECIDED),  # touches: the margin belongs to the null, the bound to the interval
        (0.25, UNDECIDED, UNDECIDED),
        (0.5, UNDECIDED, UNDECIDED),
        (0.6, SUPPORTED, CONTRADICTED),
    ],
)
def test_below_and_above_read_the_interval(margin, below, above):
    estimate = by_hand(0.3, 0.2, 0.5)
    assert estimate.below(margin).verdict is below
    assert estimate.above(margin).verdict is above


@pytest.mark.parametrize(
    ("region", "verdict"),
    [
        ((0.1, 0.6), SUPPORTED),
        ((0.2, 0.6), UNDECIDED),
        ((0.1, 0.5), UNDECIDED),
        ((0.3, 0.4), UNDECIDED),
        ((-0.1, 0.1), CONTRADICTED),
        ((0.6, 0.9), CONTRADICTED),
        ((-0.1, 0.2), UNDECIDED),
    ],
)
def test_within_is_interval_inclusion(region, verdict):
    assert by_hand(0.3, 0.2, 0.5).within(*region).verdict is verdict


@given(estimates(), numbers)
def test_below_and_above_are_mirrors(estimate, margin):
    below, above = estimate.below(margin).verdict, estimate.above(margin).verdict
    assert (below is SUPPORTED) == (above is CONTRADICTED)
    assert (above is SUPPORTED) == (below is CONTRADICTED)


@given(estimates() | proportions(), numbers, numbers)
def test_a_laxer_margin_never_takes_support_away(estimate, one, two):
    strict, lax = sorted([one, two])
    order = [CONTRADICTED, UNDECIDED, SUPPORTED]
    below = [order.index(estimate.below(margin).verdict) for margin in (strict, lax)]
    above = [order.index(estimate.above(margin).verdict) for margin in (lax, strict)]
    assert below == sorted(below)
    assert above == sorted(above)
    p = [estimate.below(margin).p_value for margin in (strict, lax)]
    assert p[1] <= p[0] + 1e-12


@given(estimates() | proportions(), numbers, numbers)
def test_within_is_above_one_and_below_the_other(estimate, one, two):
    low, high = sorted([one, two])
    assume(low < high)
    within, above, below = estimate.within(low, high), estimate.above(low), estimate.below(high)
    assert (within.verdict is SUPPORTED) == (above.verdict is SUPPORTED and below.verdict is SUPPORTED)
    assert (within.verdict is CONTRADICTED) == (CONTRADICTED in (above.verdict, below.verdict))
    assert within.p_value == max(above.p_value, below.p_value)


@given(estimates(), numbers, numbers)
def test_clearance_says_what_the_verdict_says(estimate, one, two):
    low, high = sorted([one, two])
    assume(low < high)
    for answer in (estimate.below(one), estimate.above(one), estimate.within(low, high)):
        if abs(abs(answer.clearance) - 1) < 1e-9:  # rounding at the margin itself
            continue
        verdict = SUPPORTED if answer.clearance > 1 else CONTRADICTED if answer.clearance < -1 else UNDECIDED
        assert answer.verdict is verdict


@given(proportions(), st.floats(0.001, 0.999))
def test_the_forecast_of_a_share_is_exact(share, margin):
    answer = share.below(margin)
    assume(answer.verdict is UNDECIDED and answer.more_queries is not None)
    assume(share.n + answer.more_queries < 200_000)
    copies = -(-(share.n + answer.more_queries) // share.n)  # the same value needs a multiple of n
    enough = proportion(np.arange(copies * share.n) < copies * share.count)
    short = proportion(np.arange((copies - 1) * share.n) < (copies - 1) * share.count)
    assert enough.below(margin).verdict is not UNDECIDED
    assert short.below(margin).verdict is UNDECIDED


def test_the_forecast_of_a_paired_difference_is_exact():
    def difference(copies):
        first = np.tile(np.arange(50) < 8, copies)
        second = np.tile((np.arange(50) >= 6) & (np.arange(50) < 10), copies)  # 6 gained, 2 lost, 2 both
        return paired_difference(first, second).above(percent(3))

    small = difference(1)
    copies = math.ceil((50 + small.more_queries) / 50)
    assert copies > 2
    assert difference(copies).verdict is SUPPORTED
    assert difference(copies - 1).verdict is UNDECIDED


def test_the_forecast_of_a_mean_comes_true_half_of_the_time():
    rng = np.random.default_rng(20250713)
    pilot = rng.normal(size=100)
    pilot += 0.1 - pilot.mean()  # a value of exactly 0.1, about one standard error above 0
    answer = mean(pilot / pilot.std(), rng).above(0.0)
    assert answer.verdict is UNDECIDED
    needed = 100 + answer.more_queries
    assert needed == pytest.approx((1.96 / 0.1) ** 2, rel=0.25)
    decided = [mean(rng.normal(0.1, 1, needed), rng, resamples=999).above(0).verdict for _ in range(200)]
    share = decided.count(SUPPORTED) / 200
    assert 0.35 < share < 0.65  # three standard errors of 200 runs, and the pilot's rounding


def test_no_number_of_queries_moves_a_value_off_its_margin():
    assert proportion(np.arange(100) < 5).below(percent(5)).more_queries is None
    assert by_hand(0.3, 0.2, 0.5).within(0.3, 0.4).more_queries is None
    assert proportion(np.arange(100) < 5).below(percent(50)).more_queries == 0  # decided already


def test_a_region_needs_both_bounds_to_support_and_one_to_contradict():
    inside = by_hand(0.3, 0.2, 0.4).within(0.25, 0.9)  # arm 0.1, gaps 0.05 and 0.6
    assert inside.more_queries == 301  # (0.1 / 0.05)^2 = 4 times the 100, and one to be past it
    outside = by_hand(0.3, 0.2, 0.4).within(0.35, 0.9)
    assert outside.more_queries == 301
    assert by_hand(0.3, 0.2, 0.6).within(0.25, 0.35).more_queries == 3501  # (0.3 / 0.05)^2 = 36 times


SMALL = proportion(np.arange(396) < 3)
LARGE = proportion(np.arange(396) < 368)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (SMALL.below(percent(5)), "0.76 % [0.26, 2.20] (3/396) is below 5 %: supported"),
        (SMALL.above(percent(5)), "0.76 % [0.26, 2.20] (3/396) is not above 5 %: contradicted"),
        (
            SMALL.below(percent(2)),
            # z^2 0.02 0.98 / (0.00758 - 0.02)^2 = 487.8 queries in all
            "0.76 % [0.26, 2.20] (3/396) may or may not be below 2 %: undecided; "
            "about 92 more queries would decide if the value stayed",
        ),
        (
            by_hand(0.3, 0.2, 0.5).within(0.1, 0.6),
            "0.30 [0.20, 0.50] (n=100) is within [0.1, 0.6]: supported",
        ),
        (
            by_hand(0.3, 0.2, 0.5).below(0.3),
            "0.30 [0.20, 0.50] (n=100) may or may not be below 0.3: undecided; "
            "no number of queries would decide, the value sits on the margin",
        ),
        (
            by_hand(0.3, 0.2, 0.5).below(0.3001),
            "0.30 [0.20, 0.50] (n=100) may or may not be below 0.3001: undecided; "
            "more than ten million more queries would be needed",
        ),
        (
            by_hand(0.3, -math.inf, math.inf, n=1).above(0),
            "0.30 [-inf, inf] (n=1) may or may not be above 0: undecided; "
            "more queries are needed before anything can be said",
        ),
        (
            LARGE.exceeds(SMALL, percent(10)),
            "92.93 % [89.97, 95.06] (368/396) exceeds 0.76 % [0.26, 2.20] (3/396) by more than 10 %: "
            "supported, difference 92.17 % [89.10, 94.43] (n=396)",
        ),
        (
            SMALL.exceeds(LARGE),
            "0.76 % [0.26, 2.20] (3/396) does not exceed 92.93 % [89.97, 95.06] (368/396): contradicted, "
            "difference -92.17 % [-94.43, -89.10] (n=396)",
        ),
    ],
)
def test_message_is_one_line_with_everything(answer, message):
    assert answer.message == message
    assert answer.labelled("Stage I").message == "Stage I: " + message


def test_one_more_query_is_singular():
    answer = by_hand(0.3, 0.2, 0.4).above(0.2)  # touches: at n = 101 it no longer does
    assert answer.more_queries == 1
    assert answer.message.endswith("about 1 more query would decide if the value stayed")


def test_exceeds_keeps_what_was_compared():
    answer = LARGE.exceeds(SMALL, percent(10))
    assert (answer.subject, answer.baseline) == (LARGE, SMALL)
    assert answer.estimate.value == pytest.approx(365 / 396)
    assert answer.margin == percent(10)
    assert SMALL.below(percent(5)).baseline is None
