"""The paper's tables with measured figures beside the printed ones, as rows for the page and for CSV files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from genir.errors import GenirError
from genir.report.exhibits import Exhibits, Quantity, published, quantities
from genir.report.ledger import Ledger
from genir.report.terminal import asked, verdict
from genir.statistics.estimate import Estimate

STAGES = ("I", "II", "III")
COMPONENTS = ("attention", "MLP", "cross-attention")  # in the order of the paper's rows
KINDS = ("zero", "mean", "T5")
NOOP = "noop"
TITLES: Mapping[str, str] = {
    "table1": "Table 1: ranks of the relevant document on test queries",
    "table2": "Table 2: removed documents, ranked with the encoder of a model that never saw them",
    "table3": "Table 3: correct queries that leave rank 1 when outputs are replaced",
    "table4": "Table 4: what the reduced graph keeps",
    "table5": "Table 5: docids among the tokens that Stage II cross-attention heads promote most",
    "table6": "Table 6: words that single heads promote",
}
_UNITS = {"table1": "%", "table2": "%", "table3": "%", "table4": "%", "table5": "%"}
_RATIOS = ("MRR", "mean rank", "rank")  # rows of a table of percentages that are none


class Cell(NamedTuple):
    """One place of a table: the number, how strongly it is shaded (percent, None: not at all), what the paper prints there."""

    quantity: Quantity | None
    shade: int | None = None

    @property
    def main(self) -> str:
        """The number alone: ``0.76 %``."""
        return _main(self.quantity) if self.quantity else ""

    @property
    def detail(self) -> str:
        """Its interval and sample: ``[0.26, 2.20] (3/396)``; empty for a bare number."""
        return _detail(self.quantity) if self.quantity else ""

    @property
    def printed(self) -> Mapping[str, str]:
        """The paper's figures by setting, as printed."""
        return self.quantity.printed if self.quantity else {}


class Row(NamedTuple):
    """A row of a table; ``group`` heads the rows that share it."""

    group: str
    name: str
    cells: tuple[Cell, ...]


class Table(NamedTuple):
    """A table to show: its name as a file, its title, its column headings without that of the names, its rows."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""

    @property
    def settings(self) -> tuple[str, ...]:
        """The settings of which the paper prints figures somewhere in this table, in its order."""
        cells = (cell for row in self.rows for cell in row.cells)
        return tuple(dict.fromkeys(setting for cell in cells for setting in cell.printed))


def table(name: str, payload: Any, exhibits: Exhibits) -> Table:
    """A table of the paper from its exhibit; GenirError where the exhibit is not of that form."""
    found = _with_printed(quantities(payload, _UNITS.get(name)), published(exhibits, name))
    if not found:
        raise GenirError(f"expected numbers in the exhibit {name}, got none: run the claims again")
    return _losses(found) if name == "table3" else _grid(name, found)


def _losses(found: Sequence[Quantity]) -> Table:
    """Table 3 as the paper prints it: what replaces the output and of which component, by stage; doing nothing first."""
    by_labels = {frozenset(quantity.labels): quantity for quantity in found}
    rows = []
    doing_nothing = next((quantity for quantity in found if NOOP in quantity.labels), None)
    if doing_nothing is not None:
        rows.append(Row("control", "doing nothing", (_shaded(doing_nothing),) * len(STAGES)))
    for kind in KINDS:
        for component in COMPONENTS:
            cells = [by_labels.get(frozenset((kind, component, stage))) for stage in STAGES]
            if any(cells):
                name = f"{component} {kind}"
                rows.append(Row(kind, name, tuple(_shaded(cell) if cell else Cell(None) for cell in cells)))
    if not rows:
        labels = " / ".join(found[0].labels)
        raise GenirError(f"expected cells by kind, component and stage in the exhibit table3, got {labels!r}")
    note = "Lost: percent of correct queries, net of doing nothing, with the interval and the count. Darker is more."
    return Table("table3", TITLES["table3"], tuple(f"Stage {stage}" for stage in STAGES), tuple(rows), note)


def _grid(name: str, found: Sequence[Quantity]) -> Table:
    """Numbers with two labels by row and column; with any other number of labels, one to a row."""
    title = TITLES.get(name, name)
    if all(len(quantity.labels) == 2 for quantity in found):
        columns = tuple(dict.fromkeys(quantity.labels[1] for quantity in found))
        places = {quantity.labels: quantity for quantity in found}
        names = tuple(dict.fromkeys(quantity.labels[0] for quantity in found))
        cells = {row: tuple(Cell(places.get((row, column))) for column in columns) for row in names}
        return Table(name, title, columns, tuple(Row("", row, cells[row]) for row in names))
    rows = tuple(Row("", ", ".join(quantity.labels), (Cell(quantity),)) for quantity in found)
    return Table(name, title, ("measured",), rows)


def _with_printed(found: Iterable[Quantity], paper: Mapping[frozenset[str], Mapping[str, str]]) -> list[Quantity]:
    """Each quantity with what the paper prints for its labels, unless it brings that along; ratios lose their percent."""
    result = []
    for quantity in found:
        printed = quantity.printed or paper.get(frozenset(quantity.labels), {})
        ratio = any(label.startswith(_RATIOS) for label in quantity.labels)
        result.append(replace(quantity, printed=printed, unit="1" if ratio else quantity.unit))
    return result


def _shaded(quantity: Quantity) -> Cell:
    return Cell(quantity, None if quantity.value is None else round(100 * min(1.0, max(0.0, quantity.value))))


def _main(quantity: Quantity) -> str:
    if quantity.value is None:
        return "not measured"
    return f"{100 * quantity.value:.2f} %" if quantity.unit == "%" else f"{quantity.value:.4g}"


def _detail(quantity: Quantity) -> str:
    if None in (quantity.value, quantity.low, quantity.high):
        return "" if quantity.n is None else f"(n={quantity.n})"
    assert quantity.value is not None and quantity.low is not None and quantity.high is not None  # noqa: S101, PT018
    shown = Estimate(
        quantity.value,
        quantity.low,
        quantity.high,
        0.95,
        quantity.n or 1,
        "",
        quantity.unit or "1",
        count=quantity.count,
    )
    interval, _, sample = str(shown).partition("[")[2].partition("]")
    return f"[{interval}]{sample if quantity.n else ''}"


def table_csv(table: Table) -> str:
    """A table as CSV, one cell to a line: fractions as measured, the paper's figures as printed."""
    header = ("group", "row", "column", "value", "low", "high", "count", "n", "unit", *table.settings)
    lines = []
    for row in table.rows:
        for column, cell in zip(table.columns, row.cells, strict=True):
            if (q := cell.quantity) is not None:
                printed = (q.printed.get(setting, "") for setting in table.settings)
                lines.append((row.group, row.name, column, q.value, q.low, q.high, q.count, q.n, q.unit, *printed))
    return as_csv(header, lines)


def ledger_csv(ledger: Ledger) -> str:
    """The verdicts as CSV, one record to a line."""
    names = (
        "id",
        "paper",
        "where",
        "sentence",
        "model",
        "corpus",
        "reading",
        "value",
        "low",
        "high",
        "count",
        "n",
        "unit",
    )
    more = ("question", "margin", "method", "p_value", "p_holm", "known", "message")
    lines = [
        (*(getattr(r, name) for name in names), verdict(r), asked(r), *(getattr(r, name) for name in more))
        for r in ledger.records
    ]
    return as_csv((*names, "verdict", "asked", *more), lines)


def as_csv(header: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    """Lines of values as CSV; None is empty, numbers are written in full."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    return text.getvalue()
