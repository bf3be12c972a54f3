"""``python -m genir report``: pages from a ledger, findings from those that are kept, and what moved between two."""

from __future__ import annotations

from pathlib import Path

from genir.errors import GenirError
from genir.report import compare as moves_between
from genir.report import read
from genir.report.comparison import of_model


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


def curve(model: Path, out: Path) -> int:
    """Draw the learning curve of ``model``, a folder or its train.jsonl, into the SVG file ``out``."""
    from genir.report.charts import row
    from genir.report.curve import curve as panels_of

    drawn = row(panels_of(model))
    try:
        out.write_text(drawn, encoding="utf-8")
    except OSError as error:
        raise GenirError(f"expected to write {out}, got {error.strerror}: choose another with --out") from None
    print(out)
    return 0


def compare(old: Path, new: Path, model: str | None = None, within_one_query: bool = False) -> int:
    """Print what moved between two ledgers, of all models or of one; 1 if anything did."""
    before, after = read(old), read(new)
    if model is not None:
        before, after = of_model(before, model), of_model(after, model)
    moves = moves_between(before, after, within_one_query)
    for move in moves:
        print(move.message)
    if not moves:
        where = "within one query of its old place" if within_one_query else "inside its old interval"
        print(f"nothing moved: every verdict stands, every value is {where}")
    return 1 if moves else 0
