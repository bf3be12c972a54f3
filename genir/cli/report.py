"""``python -m genir report``: pages from a ledger, findings from those that are kept, and what moved between two."""

from __future__ import annotations

from pathlib import Path

from genir.report import compare as moves_between
from genir.report import read


def report(folder: Path) -> int:
    """Write the HTML report of ``folder/claims.json`` and print where it is."""
    from genir.report.html import write_report

    print(write_report(folder))
    return 0


def findings() -> int:
    """Write the findings of the kept ledgers where people read them, and print where that is."""
    from genir.report.findings import write_findings

    for path in write_findings(Path()):
        print(path)
    return 0


def compare(old: Path, new: Path) -> int:
    """Print what moved between two ledgers; 1 if anything did."""
    moves = moves_between(read(old), read(new))
    for move in moves:
        print(move.message)
    if not moves:
        print("nothing moved: every verdict stands, every value is inside its old interval")
    return 1 if moves else 0
