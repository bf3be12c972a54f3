"""What moved between two ledgers: the regression test of findings."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Literal, NamedTuple

from genir.errors import GenirError
from genir.report.ledger import Ledger
from genir.report.record import Record

TIMED = frozenset({"7-efficiency"})  # claims whose values are times: another machine has others, and the same verdicts
ROUNDING = 1e-6


class Move(NamedTuple):
    """One claim on one model that no longer stands where it stood."""

    kind: Literal["verdict", "value", "queries", "appeared", "vanished"]
    old: Record | None
    new: Record | None

    @property
    def message(self) -> str:
        """One line: the claim, where it stood, where it stands."""
        record = self.new or self.old
        assert record is not None  # noqa: S101 - a move has an end
        name = f"{record.id} on {record.model}" + ("" if record.judged else f" ({record.reading})")
        if self.old is None or self.new is None:
            return f"{name} {self.kind}: {record.message}"
        if self.kind == "verdict":
            return f"{name} was {self.old.verdict}, is {self.new.verdict}: {self.new.message}"
        if self.kind == "queries":
            return (
                f"{name} moved by more than one query from {_number(self.old, self.old.value)} (n={self.old.n}) "
                f"to {_number(self.new, self.new.value)} (n={self.new.n})"
            )
        return (
            f"{name} moved from {_number(self.old, self.old.value)} out of "
            f"[{_number(self.old, self.old.low)}, {_number(self.old, self.old.high)}] to {_number(self.new, self.new.value)}"
        )


def compare(old: Ledger, new: Ledger, within_one_query: bool = False) -> list[Move]:
    """The claims whose verdict changed, or whose value left the old interval, and those on one side only.

    A missing bound bounds nothing; a value that exists on one side only has moved. ``within_one_query`` asks more, of a
    model that is the same to the last bit: a value may move by what one query is worth (``one_query``), the number of
    queries by one. Values of claims about time are not compared then. In the order of the ledgers.
    """
    kind: Literal["value", "queries"] = "queries" if within_one_query else "value"
    moved: Callable[[Record, Record], bool] = _more_than_one_query if within_one_query else _left
    before, after = ({record.key: record for record in ledger.records} for ledger in (old, new))
    moves = []
    for key in sorted(before | after, key=lambda key: (after.get(key) or before[key]).place):
        one, other = before.get(key), after.get(key)
        if one is None:
            moves.append(Move("appeared", None, other))
        elif other is None:
            moves.append(Move("vanished", one, None))
        elif one.verdict is not other.verdict:
            moves.append(Move("verdict", one, other))
        elif moved(one, other):
            moves.append(Move(kind, one, other))
    return moves


def of_model(ledger: Ledger, model: str) -> Ledger:
    """The part of ``ledger`` that is about ``model``; GenirError where there is none."""
    found = tuple(record for record in ledger.records if record.model == model)
    if not found:
        raise GenirError(
            f"expected a model of the ledger, {', '.join(ledger.models)}, got {model!r}: check the spelling"
        )
    return replace(ledger, records=found)


def one_query(record: Record) -> float:
    """By how much one query can move the value of ``record``, in its unit.

    A share of n queries moves by 1/n. Of a mean of other things only the interval tells how they vary: its width is four
    standard errors, so width over the root of n is what one query adds that lies four standard deviations from the mean.
    """
    if not record.n:
        return 0.0
    share = 1 / record.n if record.unit == "%" else 0.0
    if record.count is not None or record.low is None or record.high is None:
        return share
    return max(share, (record.high - record.low) / math.sqrt(record.n))


def _more_than_one_query(old: Record, new: Record) -> bool:
    if old.value is None or new.value is None:
        return old.value is not new.value
    if old.id in TIMED:
        return False
    more_queries = old.n is not None and new.n is not None and abs(old.n - new.n) > 1
    return more_queries or abs(new.value - old.value) > max(one_query(old), one_query(new)) + ROUNDING


def _left(old: Record, new: Record) -> bool:
    if old.value is None or new.value is None:
        return old.value is not new.value
    return (old.low is not None and new.value < old.low) or (old.high is not None and new.value > old.high)


def _number(record: Record, value: float | None) -> str:
    if value is None:
        return "nothing"
    return f"{100 * value:.4g} %" if record.unit == "%" else f"{value:.4g}"
