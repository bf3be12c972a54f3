from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from genir.errors import GenirError
from genir.report.comparison import compare, of_model, one_query
from genir.report.ledger import Ledger, read
from genir.report.record import Record
from genir.statistics.verdict import Verdict
from tests.report.samples import few, record, several

KEPT = Path(__file__).parents[2] / "claims" / "ledgers" / "embedded.json"


def ledgers(old: Record, new: Record) -> tuple[Ledger, Ledger]:
    return Ledger.of([old]), Ledger.of([new])


@few
@given(several())
def test_nothing_moves_between_a_ledger_and_itself(members: list[Record]) -> None:
    ledger = Ledger.of(members)
    assert compare(ledger, ledger) == []


@few
@given(several(), several())
def test_what_appears_one_way_vanishes_the_other(old: list[Record], new: list[Record]) -> None:
    kinds = {"appeared": "vanished", "vanished": "appeared"}
    there = compare(Ledger.of(old), Ledger.of(new))
    back = compare(Ledger.of(new), Ledger.of(old))
    assert {(kinds[m.kind], (m.new or m.old).key) for m in there if m.kind in kinds} == {  # type: ignore[union-attr]
        (m.kind, (m.new or m.old).key)
        for m in back
        if m.kind in kinds  # type: ignore[union-attr]
    }


@pytest.mark.parametrize(
    ("value", "moved"),
    [(0.0026, False), (0.022, False), (0.01, False), (0.0025, True), (0.0221, True), (None, True)],
)
def test_a_value_moves_when_it_leaves_the_old_interval(value: float | None, moved: bool) -> None:
    found = compare(*ledgers(record(), record(value=value)))
    assert [move.kind for move in found] == ["value"] * moved


def test_an_open_bound_bounds_nothing() -> None:
    assert compare(*ledgers(record(low=None), record(value=-9.0))) == []
    assert compare(*ledgers(record(high=None), record(value=9.0))) == []
    assert [move.kind for move in compare(*ledgers(record(low=None), record(value=9.0)))] == ["value"]
    assert [move.kind for move in compare(*ledgers(record(value=None), record()))] == ["value"]
    assert compare(*ledgers(record(value=None), record(value=None))) == []


def test_a_verdict_moves_before_its_value() -> None:
    new = record(verdict=Verdict.CONTRADICTED, value=0.9, message="90 % is not below 5 %: contradicted")
    [move] = compare(*ledgers(record(), new))
    assert move.kind == "verdict"
    assert move.message == "5.1-mlp-I on vital600 was supported, is contradicted: 90 % is not below 5 %: contradicted"


def test_messages_name_the_figures() -> None:
    [percent] = compare(*ledgers(record(), record(value=0.5)))
    assert percent.message == "5.1-mlp-I on vital600 moved from 0.7576 % out of [0.26 %, 2.2 %] to 50 %"
    [plain] = compare(*ledgers(record(unit="1"), record(unit="1", value=-0.5)))
    assert plain.message == "5.1-mlp-I on vital600 moved from 0.007576 out of [0.0026, 0.022] to -0.5"
    [gone] = compare(Ledger.of([record()]), Ledger.of([]))
    assert gone.message == "5.1-mlp-I on vital600 vanished: 0.76 % [0.26, 2.20] (3/396) is below 5 %: supported"


def test_a_second_reading_is_compared_with_itself() -> None:
    also = record(reading="as published", judged=False)
    old, new = (
        Ledger.of([record(), also]),
        Ledger.of([record(), record(reading="as published", judged=False, value=0.3)]),
    )
    assert [move.message.split(" moved")[0] for move in compare(old, new)] == ["5.1-mlp-I on vital600 (as published)"]


@pytest.mark.parametrize(
    ("changes", "moved"),
    [
        ({"value": 4 / 396, "count": 4}, False),
        ({"value": 2 / 396, "count": 2}, False),
        ({"value": 5 / 396, "count": 5}, True),
        ({"value": 3 / 397, "n": 397}, False),
        ({"value": 3 / 398, "n": 398}, True),
        ({"value": None}, True),
        ({"verdict": Verdict.UNDECIDED}, True),
    ],
)
def test_a_share_moves_by_more_than_one_query_or_it_stands(changes: dict[str, Any], moved: bool) -> None:
    """3 of 396, whose interval would have let it go to 8."""
    old = record(value=3 / 396)
    found = compare(*ledgers(old, replace(old, **changes)), within_one_query=True)
    assert bool(found) is moved


def test_a_mean_moves_when_a_query_four_deviations_out_could_not_have_moved_it() -> None:
    """100 queries with an interval of width 0.4, so a standard error of 0.1 and a deviation of 1: one query adds 0.04."""
    old = record(value=2.0, low=1.8, high=2.2, n=100, count=None, unit="1")
    assert one_query(old) == pytest.approx(0.04)
    for value, moved in ((2.039, False), (1.961, False), (2.041, True), (1.959, True)):
        assert bool(compare(*ledgers(old, replace(old, value=value)), within_one_query=True)) is moved


def test_times_are_compared_by_verdict_alone() -> None:
    old = record(id="7-efficiency", value=1.75, low=1.73, high=1.78, n=21, count=None, unit="1")
    assert compare(*ledgers(old, replace(old, value=9.0)), within_one_query=True) == []
    [move] = compare(*ledgers(old, replace(old, value=9.0)))
    assert move.kind == "value"
    [move] = compare(*ledgers(old, replace(old, verdict=Verdict.CONTRADICTED)), within_one_query=True)
    assert move.kind == "verdict"


def test_what_moved_by_queries_is_said_with_their_number() -> None:
    [move] = compare(*ledgers(record(), record(value=0.1, n=390)), within_one_query=True)
    assert move.message == "5.1-mlp-I on vital600 moved by more than one query from 0.7576 % (n=396) to 10 % (n=390)"


def test_one_model_of_a_ledger() -> None:
    both = Ledger.of([record(), record(model="other")])
    assert [r.model for r in of_model(both, "other").records] == ["other"]
    with pytest.raises(
        GenirError, match=r"^expected a model of the ledger, other, vital600, got 'x': check the spelling"
    ):
        of_model(both, "x")


def test_the_kept_ledger_stands_within_one_query_of_itself_and_not_of_three_more() -> None:
    """What continuous integration ends in, on the released model's own ledger: both ways."""
    kept = of_model(read(KEPT), "vital10k")
    assert compare(kept, kept, within_one_query=True) == []
    counted = [r for r in kept.records if r.count is not None and r.n and r.value is not None]
    assert len(counted) > 10
    for one in counted:
        other = replace(one, value=one.value + 3 / one.n)  # type: ignore[operator]
        changed = replace(kept, records=tuple(other if r is one else r for r in kept.records))
        assert [move.new for move in compare(kept, changed, within_one_query=True)] == [other]
