"""Which counts a printed percentage allows, on the published tables and against brute force."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genir.errors import GenirError
from genir.statistics import consistent_ratio, possible, sample_sizes

# Table 3: stages I, II, III
NQ10K = [
    *("1.52", "2.27", "6.57"),  # attention zero
    *("92.86", "7.83", "96.72"),  # MLP zero
    *("4.29", "21.72", "39.65"),  # cross zero
    *("0.00", "2.02", "6.06"),  # attention mean
    *("0.76", "5.56", "48.23"),  # MLP mean
    *("4.55", "20.45", "42.93"),  # cross mean
    *("5.30", "5.56", "7.32"),  # attention T5
    *("5.30", "7.07", "74.49"),  # MLP T5
    *("7.58", "17.93", "34.09"),  # cross T5
]
NQ320K = [
    *("2.67", "4.46", "11.23"),  # attention zero
    *("34.40", "30.30", "99.28"),  # MLP zero
    *("15.86", "50.62", "41.89"),  # cross zero
    *("1.78", "5.35", "11.76"),  # attention mean
    *("3.39", "17.47", "71.48"),  # MLP mean
    *("16.04", "53.30", "50.80"),  # cross mean
    *("10.16", "11.05", "13.37"),  # attention T5
    *("14.62", "14.62", "92.69"),  # MLP T5
    *("13.19", "24.96", "33.16"),  # cross T5
]


@pytest.mark.parametrize(("cells", "n", "misfit"), [(NQ10K, 396, "92.86"), (NQ320K, 561, "99.28")])
def test_the_published_sample_sizes(cells, n, misfit):
    assert len(cells) == 27
    (best,) = sample_sizes(cells, range(300, 701))  # 792 fits wherever 396 does
    assert (best.n, best.misfits) == (n, (misfit,))
    assert len(best.fits) == 26


def test_the_neighbours_of_the_cells_that_do_not_fit():
    assert possible("92.86", 396) == []
    assert possible("92.68", 396) == [367]
    assert possible("99.28", 561) == []
    assert possible("99.29", 561) == [557]
    assert possible("0.76", 396) == [3]


def rounded(k, n, decimals, mode):
    # exact: the quotient of two integers has no more digits than this where it can be a tie
    return (Decimal(100 * k) / Decimal(n)).quantize(Decimal(1).scaleb(-decimals), rounding=mode)


@given(st.integers(1, 700).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.integers(0, 3))
def test_a_count_is_possible_for_what_it_prints(drawn, decimals):
    k, n = drawn
    for mode in (ROUND_HALF_UP, ROUND_HALF_EVEN):
        assert k in possible(str(rounded(k, n, decimals, mode)), n)


@given(st.integers(0, 10_000), st.integers(1, 150))
def test_no_count_is_missed_or_invented(hundredths, n):
    printed = f"{hundredths / 100:.2f}"
    brute = [
        k
        for k in range(n + 1)
        if Decimal(printed) in (rounded(k, n, 2, ROUND_HALF_UP), rounded(k, n, 2, ROUND_HALF_EVEN))
    ]
    assert possible(printed, n) == brute


def test_ties_may_go_up_or_to_even():
    # 1/32 = 3.125 %, 3/32 = 9.375 %
    assert possible("3.13", 32) == [1]  # up
    assert possible("3.12", 32) == [1]  # to even
    assert possible("9.38", 32) == [3]  # both
    assert possible("9.37", 32) == []  # neither


def test_decimals_come_with_the_text_or_are_named():
    assert possible("50", 396) == list(range(197, 200))  # 49.5 % to 50.5 %: 196.02 to 199.98
    assert possible(50.0, 396) == possible("50.00", 396) == [198]
    assert possible(50.0, 396, decimals=0) == possible("50", 396)


def test_large_samples_may_leave_several_counts():
    assert possible("50.00", 100_000) == list(range(49_995, 50_006))  # 50,005 goes to even, 49,995 up


def test_a_sample_size_that_ties_is_reported_with_the_others():
    assert [size.n for size in sample_sizes(["50.00"], range(1, 7))] == [2, 4, 6]


@pytest.mark.parametrize(
    ("absolute", "base", "relative", "consistent"),
    [
        ("38.0", "40.4", "94", True),  # 37.95 / 40.45 = 93.8 to 38.05 / 40.35 = 94.3
        ("38.0", "40.4", "93", False),
        ("38.0", "40.4", "95", False),
        ("38.0", "40.4", "94.1", True),
        ("38.0", "40.4", "93.7", False),
        ("0.0", "40.4", "0", True),
        ("40.4", "40.4", "100", True),
    ],
)
def test_ratios_of_rounded_figures(absolute, base, relative, consistent):
    assert consistent_ratio(absolute, base, relative) is consistent
    assert consistent_ratio(float(absolute), float(base), float(relative), decimals=2) in (True, False)


@given(st.integers(1, 10_000), st.integers(1, 10_000), st.integers(0, 2), st.integers(0, 1))
def test_a_true_ratio_is_always_consistent(top, bottom, decimals, relative_decimals):
    absolute, base = Decimal(top) / 100, 10 + Decimal(bottom) / 100
    relative = Fraction(absolute) / Fraction(base) * 100

    def printed(x, places):
        return str(x.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP))

    exact = Decimal(relative.numerator) / Decimal(relative.denominator)
    assert consistent_ratio(printed(absolute, decimals), printed(base, decimals), printed(exact, relative_decimals))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: possible("1.00", 0), r"^expected a sample of at least one query, got n = 0$"),
        (lambda: possible("many", 10), r"^expected a printed number such as '92.86', got 'many'$"),
        (lambda: possible(float("nan"), 10), r"^expected a printed number such as '92.86', got nan$"),
        (lambda: sample_sizes([], range(1, 5)), r"^expected at least one printed percentage, got none$"),
        (lambda: sample_sizes(["1.00"], range(0)), r"^expected at least one sample size to try, got none$"),
        (
            lambda: consistent_ratio("1.0", "0.0", "1"),
            r"^expected a base that is not zero within rounding, got 0.0$",
        ),
    ],
)
def test_refuses(call, message):
    with pytest.raises(GenirError, match=message):
        call()
