"""Findings as Markdown: what every claim came to on every model, negative results included."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby

from genir.errors import GenirError
from genir.report.ledger import Ledger
from genir.report.record import NO_MODEL, Record
from genir.report.terminal import asked, counts, estimate, printed, verdict
from genir.statistics.verdict import Verdict

BEGIN, END = "<!-- findings: begin, written by genir report findings -->", "<!-- findings: end -->"
TOLD = (Verdict.CONTRADICTED, Verdict.UNDECIDED, Verdict.UNTESTABLE)


def findings(ledger: Ledger, level: int = 2) -> str:
    """All claims, a table per section with a column per model, and below it what is not simply supported.

    ``level`` is the depth of the papers' headings; sections stand one deeper. The same ledger gives the same text.
    """
    lines = [f"{counts(ledger)}.", ""]
    for paper, of_paper in groupby(ledger.records, key=lambda record: record.paper):
        lines += [f"{'#' * level} {_escaped(paper)}", ""]
        for section, of_section in groupby(of_paper, key=lambda record: record.section):
            lines += [f"{'#' * (level + 1)} Section {_escaped(section)}", "", *_section(list(of_section)), ""]
    return "\n".join(lines).rstrip() + "\n"


def overview(ledger: Ledger) -> str:
    """One line per claim and one word per model: the table of a README."""
    models, rows = _columns(ledger.judged), []
    for _, of_claim in groupby(ledger.judged, key=lambda record: (record.paper, record.id)):
        members = list(of_claim)
        words = {record.model: _escaped(verdict(record)) for record in members}
        cells = [words.get(model, "") for model in models]
        rows.append([f"`{members[0].id}`", _escaped(members[0].sentence), *cells])
    return "\n".join(_table(["claim", "sentence", *map(_heading, models)], rows)) + "\n"


def within_markers(text: str, block: str, name: str = "README.md") -> str:
    """``text`` with ``block`` in place of what stands between the two findings markers.

    Raises GenirError unless both markers stand there once and in order.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise GenirError(f"expected {BEGIN} and then {END} in {name}, once each: put them where the table belongs")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{block.strip()}\n\n{END}{rest.split(END)[1]}"


def _section(records: list[Record]) -> list[str]:
    models = _columns(records)
    rows, notes = [], []
    for _, of_claim in groupby(records, key=lambda record: record.id):
        members = list(of_claim)
        first = members[0]
        figures = next((record for record in members if record.printed), first)
        paper = f"{printed(figures)} ({', '.join(figures.printed)})" if figures.printed else ""
        cells = ["<br>".join(_finding(record) for record in members if record.model == model) for model in models]
        question = next((asked(record) for record in members if record.judged and record.question), "")
        rows.append(
            [
                f"`{first.id}` {_escaped(first.sentence)} ({_escaped(first.where)})",
                _escaped(question),
                _escaped(paper),
                *cells,
            ]
        )
        notes += [
            f"- `{record.id}` on {_escaped(record.model)}: {_escaped(record.message)}"
            for record in members
            if record.judged and record.verdict in TOLD
        ]
    return [
        *_table(["claim", "asked", "paper", *map(_heading, models)], rows),
        *([""] if notes else []),
        *notes,
    ]


def _finding(record: Record) -> str:
    word = f"**{verdict(record)}**" if record.judged else f"{_escaped(record.reading)}: {record.verdict}"
    figure = _escaped(estimate(record))
    return f"{word}, {figure}" if figure else word


def _columns(records: Iterable[Record]) -> list[str]:
    return sorted({record.model for record in records})


def _heading(model: str) -> str:
    return "the paper itself" if model == NO_MODEL else _escaped(model)


def _table(header: list[str], rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(cells) + " |" for cells in (header, ["---"] * len(header), *rows)]


def _escaped(text: str) -> str:
    """Text that Markdown and HTML show as it is; a corpus or a hub id may hold anything."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_|\[\]])", r"\\\1", text)
