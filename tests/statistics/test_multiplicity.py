"""Holm's adjustment against statsmodels and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from genir.errors import GenirError
from genir.statistics import holm

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=20)


def test_by_hand():
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])


@settings(max_examples=20)  # the oracle takes a tenth of a second
@given(p_values)
def test_is_statsmodels(p):
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-12)


@given(p_values)
def test_untested_claims_stay_so_and_do_not_count(p):
    with_gaps = [x for p_value in p for x in (np.nan, p_value)]
    adjusted = holm(with_gaps)
    assert np.isnan(adjusted[::2]).all()
    assert adjusted[1::2].tolist() == holm(p).tolist()


@given(p_values)
def test_is_never_below_the_raw_value_and_keeps_its_order(p):
    adjusted = holm(p)
    assert (adjusted >= np.array(p)).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()


def test_nothing_to_adjust():
    assert holm([]).tolist() == []
    assert np.isnan(holm([np.nan])).all()


@pytest.mark.parametrize("wrong", [-0.1, 1.1])
def test_refuses_what_is_no_probability(wrong):
    with pytest.raises(GenirError, match=r"^expected p-values between 0 and 1, got "):
        holm([0.5, wrong])
