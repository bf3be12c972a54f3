from __future__ import annotations

import numpy as np
import pytest

from genir.errors import GenirError
from genir.statistics import Verdict, census, percent


def test_a_census_leaves_nothing_to_estimate() -> None:
    estimate = census([True] * 26 + [False])
    assert estimate.value == estimate.low == estimate.high == 26 / 27
    assert str(estimate) == "96.30 % [96.30, 96.30] (26/27)"
    assert estimate.above(percent(99)).verdict is Verdict.CONTRADICTED
    assert estimate.above(percent(96)).verdict is Verdict.SUPPORTED
    assert estimate.above(26 / 27).verdict is Verdict.UNDECIDED


@pytest.mark.parametrize("outcomes", [[], [0, 1], [[True]], np.ones(3)])
def test_a_census_refuses_what_is_not_counted(outcomes: object) -> None:
    with pytest.raises(GenirError, match="expected one true or false for each case, got"):
        census(outcomes)
