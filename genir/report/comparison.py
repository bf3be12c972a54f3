"""What moved between two ledgers: the regression test of findings."""

from __future__ import annotations

from typing import Literal, NamedTuple

from genir.report.ledger import Ledger
from genir.report.record import Record


class Move(NamedTuple):
    """One claim on one model that no longer stands where it stood."""

    kind: Literal["verdict", "value", "appeared", "vanished"]
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
        return (
            f"{name} moved from {_number(self.old, self.old.value)} out of "
            f"[{_number(self.old, self.old.low)}, {_number(self.old, self.old.high)}] to {_number(self.new, self.new.value)}"
        )


def compare(old: Ledger, new: Ledger) -> list[Move]:
    """The claims whose verdict changed, or whose value left the old interval, and those on one side only.

    A missing bound bounds nothing; a value that exists on one side only has moved. In the order of the ledgers.
    """
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
        elif _left(one, other):
            moves.append(Move("value", one, other))
    return moves


def _left(old: Record, new: Record) -> bool:
    if old.value is None or new.value is None:
        return old.value is not new.value
    return (old.low is not None and new.value < old.low) or (old.high is not None and new.value > old.high)


def _number(record: Record, value: float | None) -> str:
    if value is None:
        return "nothing"
    return f"{100 * value:.4g} %" if record.unit == "%" else f"{value:.4g}"
