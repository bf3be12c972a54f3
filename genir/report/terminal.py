"""The table of verdicts, as lines of styled text for a terminal of any width, coloured or not."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import NamedTuple

from genir.report.ledger import Ledger
from genir.report.record import NO_MODEL, Record
from genir.statistics.estimate import Estimate
from genir.statistics.verdict import Verdict

Style = Mapping[str, bool]  # pytest's markup: {"red": True, "bold": True}
Line = list[tuple[str, Style]]

PLAIN: Style = {}
DIM: Style = {"light": True}
KNOWN: Style = {"yellow": True}
COLOURS: Mapping[Verdict, Style] = {
    Verdict.SUPPORTED: {"green": True},
    Verdict.CONTRADICTED: {"red": True, "bold": True},
    Verdict.UNDECIDED: {"yellow": True},
    Verdict.UNTESTABLE: {"blue": True},
}
HEADER = ("claim", "model", "verdict", "estimate [interval] (n)", "asked", "paper")
PAPER = HEADER.index("paper")
GAP, INDENT = "  ", "    "


class _Row(NamedTuple):
    cells: tuple[str, ...]
    record: Record


def table(ledger: Ledger, width: int = 100) -> list[Line]:
    """The verdicts of ``ledger``, section by section, in lines of at most ``width`` columns.

    Estimates and margins are in the unit of the quantity, the paper's figures in the paper's: in a column of their own, in
    the order that the section's title names, or below each claim where the column would be too narrow. Below a
    contradicted or undecided claim stands why; a contradiction that was expected is "contradicted (known)". A
    verdict in brackets is that of a second reading, which is not judged. A run on one model names it in no column.
    """
    rows = [_Row(_cells(record), record) for record in ledger.records]
    names = {record.model for record in ledger.records}
    shown = [i for i, name in enumerate(HEADER) if name != "model" or len(names - {NO_MODEL}) > 1]
    widths = {i: max(len(row.cells[i]) for row in [_Row(HEADER, rows[0].record), *rows]) for i in shown} if rows else {}
    if rows:  # a long name of a second reading is cut before it takes the room of figures
        published = len("  as published")
        widths[0] = max(len(row.cells[0]) if row.record.judged else min(published, len(row.cells[0])) for row in rows)
    if _total(widths) > width:
        del widths[PAPER]
    _shrink(widths, width)
    lines: list[Line] = []
    for (paper, section), members in groupby(rows, key=lambda row: (row.record.paper, row.record.section)):
        group = list(members)
        settings = list(dict.fromkeys(name for row in group for name in row.record.printed)) if PAPER in widths else []
        title = f"{paper}, Section {section}" + (f" (paper: {' / '.join(settings)})" if settings else "")
        lines += [[], [(_elide(title, width), {"bold": True})], [(_aligned(HEADER, widths).rstrip(), DIM)]]
        for _, asked_of in groupby(group, key=lambda row: row.record.id):
            lines += _claim(list(asked_of), widths, width)
    return lines


def counts(ledger: Ledger) -> str:
    """One line: how many verdicts of each kind, on how many models."""
    judged, models = ledger.judged, [model for model in ledger.models if model != NO_MODEL]
    known = sum(record.known is not None for record in judged if record.verdict is Verdict.CONTRADICTED)
    tally = ", ".join(
        f"{ledger.count(verdict)} {verdict}"
        + (f" ({known} known)" if verdict is Verdict.CONTRADICTED and known else "")
        for verdict in Verdict
    )
    on = f" on {', '.join(models)}" if models else ""
    return f"{len(judged)} {'verdict' if len(judged) == 1 else 'verdicts'}{on}: {tally}"


def estimate(record: Record) -> str:
    """The figure that decides, as the paper writes it: ``0.76 % [0.26, 2.20] (3/396)``; empty where there is none."""
    if record.value is None or record.n is None:
        return ""
    low = -math.inf if record.low is None else record.low
    high = math.inf if record.high is None else record.high
    confidence = record.confidence or 0.95
    return str(
        Estimate(
            record.value,
            low,
            high,
            confidence,
            record.n,
            record.method or "",
            record.unit or "1",
            count=record.count,
        )
    )


def asked(record: Record) -> str:
    """The question and its margin: ``< 5 %``; for a paired comparison it is asked of the difference."""
    if record.question is None or record.margin is None:
        return ""
    scale, unit = (100, " %") if record.unit == "%" else (1, "")
    margins = record.margin if isinstance(record.margin, list) else [record.margin]
    shown = ", ".join(f"{scale * margin:.4g}" for margin in margins)
    sign = {"below": "<", "above": ">", "within": "in", "exceeds": "diff >"}[record.question]
    parts = f" ({len(record.parts)} parts)" if len(record.parts) > 1 else ""
    return f"{sign} {f'[{shown}]' if len(margins) > 1 else shown}{unit}{parts}"


def verdict(record: Record) -> str:
    """The verdict in words, as the tables show it."""
    if not record.judged:
        return f"({record.verdict})"
    return f"{record.verdict}{' (known)' if record.known and record.verdict is Verdict.CONTRADICTED else ''}"


def printed(record: Record) -> str:
    """The paper's own figures, in the order in which the claim gives them."""
    return "/".join(_figure(value) for value in record.printed.values())


def _cells(record: Record) -> tuple[str, ...]:
    name = record.id if record.judged else f"  {record.reading}"
    return name, record.model, verdict(record), estimate(record), asked(record), printed(record)


def _total(widths: Mapping[int, int]) -> int:
    return sum(widths.values()) + len(GAP) * (len(widths) - 1)


def _shrink(widths: dict[int, int], width: int) -> None:
    """Make margins, then models, then estimates, and names last, give way until a line fits."""
    for column, least in ((4, 8), (1, 8), (3, 12), (0, 10), (2, 10)):
        if column in widths:
            widths[column] = max(min(least, widths[column]), widths[column] - max(0, _total(widths) - width))


def _claim(rows: list[_Row], widths: Mapping[int, int], width: int) -> Iterator[Line]:
    """The lines of one claim: a row for each model and reading, and what is to be said below."""
    for i, (cells, record) in enumerate(rows):
        name = "" if i and record.judged else cells[0]
        before = _aligned((name, cells[1]), widths) + GAP
        word = _elide(cells[2], widths[2]).ljust(widths[2])
        if record.verdict is Verdict.UNTESTABLE:
            indent = len(before + word + GAP)
            reason = textwrap.wrap(record.message.removeprefix(f"{record.verdict}: "), max(20, width - indent)) or [""]
            yield [(before, PLAIN), (word, _colour(record)), (f"{GAP}{reason[0]}".rstrip(), PLAIN)]
            yield from ([(" " * indent + more, PLAIN)] for more in reason[1:])
            continue
        after = GAP + _aligned(("", "", "", *cells[3:]), {i: w for i, w in widths.items() if i > 2})
        yield [(before, PLAIN), (word, _colour(record)), (after.rstrip(), PLAIN)]
        if record.judged and not record.known and record.verdict in (Verdict.CONTRADICTED, Verdict.UNDECIDED):
            yield from _note(record.message, width)
    figures = next((row.record.printed for row in rows if row.record.printed), {})
    if figures and PAPER not in widths:
        yield from _note("paper: " + ", ".join(f"{name} {_figure(value)}" for name, value in figures.items()), width)


def _note(text: str, width: int) -> Iterator[Line]:
    for part in textwrap.wrap(text, width, initial_indent=INDENT, subsequent_indent=INDENT):
        yield [(part, DIM)]


def _colour(record: Record) -> Style:
    if not record.judged:
        return DIM
    return KNOWN if record.known and record.verdict is Verdict.CONTRADICTED else COLOURS[record.verdict]


def _figure(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.2f}"


def _aligned(cells: tuple[str, ...], widths: Mapping[int, int]) -> str:
    return GAP.join(_elide(cell, widths[i]).ljust(widths[i]) for i, cell in enumerate(cells) if i in widths)


def _elide(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(1, width - 3)].rstrip() + "..."
