from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genir.report.strip import LEFT, RIGHT, strip


def figures(**fields: object) -> dict[str, object]:
    return {"value": 0.02, "low": 0.01, "high": 0.04, "unit": "%", "question": "below", "margin": 0.05} | fields


def at(percent: float, end: float = 6.0) -> float:
    """Where a percentage stands on an axis from 0 to ``end``: 284 units from 8."""
    return pytest.approx(8 + 284 * percent / end, abs=0.01)


def test_marks_stand_in_proportion() -> None:
    found = strip(figures(), {"NQ10k": 3.0})
    assert found is not None
    assert (found.value, found.low, found.high) == (at(2), at(1), at(4))
    assert found.claimed == (LEFT, at(5))
    assert [(m.x, m.label) for m in found.margins] == [(at(5), "5 %")]
    assert [(p.x, p.label) for p in found.printed] == [(at(3), "NQ10k: 3 %")]
    assert found.ends == ("0 %", "6 %")
    assert found.text == "Measured 2 %, interval 1 to 4 %; asked: below 5 %; the paper: NQ10k 3 %."


def test_above_claims_the_other_side() -> None:
    found = strip(figures(question="above", margin=0.01, low=0.005))
    assert found is not None
    assert found.claimed == (found.margins[0].x, RIGHT)


def test_a_band_has_two_margins() -> None:
    found = strip(figures(question="within", margin=[-0.1, 0.1], value=0.0, low=-0.05, high=0.05, unit="1"))
    assert found is not None
    assert found.claimed == (found.margins[0].x, found.margins[1].x)
    assert [m.label for m in found.margins] == ["-0.1", "0.1"]
    assert found.value == at(40, 100)  # zero on an axis from -0.1 to 0.15


def test_a_difference_is_not_drawn_beside_what_the_paper_prints_of_one_side() -> None:
    found = strip(figures(question="exceeds"), {"NQ10k": 92.86})
    assert found is not None
    assert found.printed == ()
    assert "paper" not in found.text


def test_percentages_end_where_percentages_end() -> None:
    found = strip(figures(question="above", value=0.99, low=0.95, high=1.0))
    assert found is not None
    assert found.ends == ("0 %", "100 %")


def test_an_axis_is_shared_with_what_stands_beside() -> None:
    found = strip(figures(), beside=[0.55])
    assert found is not None
    assert found.ends == ("0 %", "60 %")
    assert found.value == at(2, 60)


@pytest.mark.parametrize("missing", ["value", "margin", "question"])
def test_nothing_to_draw(missing: str) -> None:
    assert strip(figures(**{missing: None})) is None


def test_a_missing_bound_is_drawn_at_the_value() -> None:
    found = strip(figures(low=None, high=None))
    assert found is not None
    assert found.low == found.value == found.high


number = st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: round(x, 6))


@given(
    st.lists(number, min_size=3, max_size=3).map(sorted),
    number,
    st.sampled_from(["%", "1"]),
    st.lists(number, max_size=4),
)
def test_every_mark_is_on_the_axis_and_in_order(
    bounds: list[float], margin: float, unit: str, printed: list[float]
) -> None:
    low, value, high = bounds
    found = strip(
        figures(low=low, value=value, high=high, margin=margin, unit=unit), {str(i): p for i, p in enumerate(printed)}
    )
    assert found is not None
    marks = [found.low, found.value, found.high, *(m.x for m in found.margins), *(p.x for p in found.printed)]
    assert all(LEFT <= mark <= RIGHT for mark in marks)
    assert found.low <= found.value <= found.high
    if value < margin:
        assert found.value <= found.margins[0].x
