from __future__ import annotations

import pytest
from hypothesis import given

from genir.report.comparison import compare
from genir.report.ledger import Ledger
from genir.report.record import Record
from genir.statistics.verdict import Verdict
from tests.report.samples import few, record, several


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
