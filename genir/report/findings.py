"""Findings as Markdown: what every claim came to on every model, negative results included."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from genir.errors import GenirError
from genir.report.ledger import Ledger, in_reading_order, read
from genir.report.record import NO_MODEL, Record
from genir.report.terminal import asked, counts, estimate, printed, verdict
from genir.statistics.verdict import Verdict

BEGIN, END = "<!-- findings: begin, written by genir report findings -->", "<!-- findings: end -->"
TOLD = (Verdict.CONTRADICTED, Verdict.UNDECIDED, Verdict.UNTESTABLE)


LEDGERS, DOCUMENT, README = Path("claims/ledgers"), Path("claims/FINDINGS.md"), Path("README.md")
GENERATED = "<!-- Generated from claims/ledgers/*.json, do not edit: write_findings in genir/report/findings.py -->"
INTRODUCTION = """\
What every claim came to on every model whose ledger is kept in `claims/ledgers/`: the verdict, the estimate with its interval,
the margin that was fixed before the run, and what the paper prints. What is contradicted or undecided comes first.

`vital600` is trained by a run of the claims; models below `fixtures/released` are loaded from there. `realq10k` was trained by its
recipe on a folder of real questions that is not part of this project: its checkpoint is not in the repository."""
NEGATIVE = {
    Verdict.CONTRADICTED: ("Contradicted", "The whole interval lies on the wrong side of the margin."),
    Verdict.UNDECIDED: ("Undecided", "The interval straddles the margin: this many queries cannot tell."),
    Verdict.UNTESTABLE: ("Untestable", "The model lacks what the claim is about."),
}


def write_findings(root: Path) -> tuple[Path, ...]:
    """Write claims/FINDINGS.md and the block of README.md from the ledgers of the project at ``root``; return their paths.

    Raises GenirError where there is no ledger, where two of them disagree, and where README.md lacks its markers.
    """
    ledger = merged(read_ledgers(root / LEDGERS))
    page, readme = root / DOCUMENT, root / README
    page.write_text(document(ledger), encoding="utf-8")
    readme.write_text(block(readme.read_text(encoding="utf-8"), ledger), encoding="utf-8")
    return page, readme


def read_ledgers(folder: Path) -> tuple[Ledger, ...]:
    """The ledgers kept in ``folder``, one for each file, in the order of their names."""
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise GenirError(f"expected ledgers in {folder}, there are none: copy claims.json there, named after its model")
    return tuple(read(path) for path in paths)


def merged(ledgers: Iterable[Ledger]) -> Ledger:
    """One ledger of several runs; what two of them hold, such as claims about the paper itself, must agree.

    Settings that differ are kept side by side. Raises GenirError for a claim on a model with two verdicts or values.
    """
    records: dict[tuple[str, str, str], Record] = {}
    settings: dict[str, list[str]] = {}
    for ledger in ledgers:
        for name, value in ledger.settings.items():
            settings.setdefault(name, []).append(str(value))
        for record in ledger.records:
            other = records.setdefault(record.key, record)
            if (record.verdict, record.value, record.margin) != (other.verdict, other.value, other.margin):
                raise GenirError(
                    f"expected one finding of {record.id} on {record.model}, got {other.message!r} and {record.message!r}: "
                    "keep one ledger for each model"
                )
    joined = Ledger.of(records.values(), {name: " / ".join(dict.fromkeys(values)) for name, values in settings.items()})
    return in_reading_order(joined)


def document(ledger: Ledger) -> str:
    """The whole of FINDINGS.md: a sentence per model, what does not hold or cannot be told, then every claim."""
    lines = [GENERATED, "", "# Findings", "", INTRODUCTION, "", *_sentences(ledger), ""]
    if ledger.settings:
        told = ", ".join(f"{_escaped(name)} {_escaped(str(value))}" for name, value in ledger.settings.items())
        lines += [f"Settings: {told}.", ""]
    for negative, (heading, meaning) in NEGATIVE.items():
        found = [record for record in ledger.judged if record.verdict is negative]
        lines += [f"## {heading}", "", f"{meaning}" if found else "Nothing.", "", *map(_negative, found)]
        lines += [""] if found else []
    return "\n".join(lines) + "\n## All claims\n\n" + findings(ledger, level=3)


def block(text: str, ledger: Ledger) -> str:
    """README's text with a sentence per model and a word per claim and model between its findings markers."""
    more = f"Estimates, intervals and margins are in [{DOCUMENT}]({DOCUMENT})."
    return within_markers(text, "\n".join([*_sentences(ledger), "", overview(ledger), more]), str(README))


def sentence(model: str, ledger: Ledger) -> str:
    """One sentence on a model: how many of its claims came out how."""
    records = [record for record in ledger.judged if record.model == model]
    found = {verdict: [r for r in records if r.verdict is verdict] for verdict in Verdict}
    known = sum(record.known is not None for record in found[Verdict.CONTRADICTED])
    first = next((record for record in records if record.corpus != NO_MODEL), None)
    of = f" ({first.corpus}, {first.scale})" if first else ""
    subject = "Of the papers themselves, without a model" if model == NO_MODEL else f"Of {model}{of}"
    tested = len(records) - len(found[Verdict.UNTESTABLE])
    told = [f"{len(found[Verdict.SUPPORTED])} of {tested} testable claims {_are(found[Verdict.SUPPORTED])} supported"]
    told.append(f"{len(found[Verdict.CONTRADICTED])} contradicted" + (f" ({known} known before)" if known else ""))
    told.append(f"{len(found[Verdict.UNDECIDED])} undecided")
    missing = f"; {len(found[Verdict.UNTESTABLE])} could not be tested" if found[Verdict.UNTESTABLE] else ""
    return f"{subject}, {', '.join(told)}{missing}."


def findings(ledger: Ledger, level: int = 2) -> str:
    """All claims, a table per section with a column per model, and below it what is not simply supported.

    ``level`` is the depth of the papers' headings; sections stand one deeper. The same ledger gives the same text.
    """
    lines = [f"{counts(ledger)}.", ""]
    for paper, of_paper in groupby(ledger.records, key=lambda record: record.paper):
        lines += [f"{'#' * level} {_escaped(paper)}", ""]
        for section, of_section in groupby(of_paper, key=lambda record: record.section):
            if section[:1].isdigit():  # the second paper's claims are not told apart by section
                lines += [f"{'#' * (level + 1)} Section {_escaped(section)}", ""]
            lines += [*_section(list(of_section)), ""]
    return "\n".join(lines).rstrip() + "\n"


def overview(ledger: Ledger) -> str:
    """For each paper, one line per claim and one word per model that it was asked of: the tables of a README."""
    tables = []
    for _, of_paper in groupby(ledger.judged, key=lambda record: record.paper):
        asked_of = list(of_paper)
        models, rows = _columns(asked_of), []
        for _, of_claim in groupby(asked_of, key=lambda record: record.id):
            members = list(of_claim)
            words = {record.model: _escaped(verdict(record)) for record in members}
            cells = [words.get(model, "") for model in models]
            rows.append([f"`{members[0].id}`", _escaped(members[0].sentence), *cells])
        tables.append("\n".join(_table(["claim", "sentence", *map(_heading, models)], rows)) + "\n")
    return "\n".join(tables)


def within_markers(text: str, block: str, name: str = "README.md") -> str:
    """``text`` with ``block`` in place of what stands between the two findings markers.

    Raises GenirError unless both markers stand there once and in order.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise GenirError(f"expected {BEGIN} and then {END} in {name}, once each: put them where the table belongs")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{block.strip()}\n\n{END}{rest.split(END)[1]}"


def _sentences(ledger: Ledger) -> list[str]:
    return [f"- {_escaped(sentence(model, ledger))}" for model in _columns(ledger.judged)]


def _negative(record: Record) -> str:
    """A line on what was not supported: the claim, where it stands, what was found, what the paper prints."""
    known = f" Known: {record.known}." if record.known and record.verdict is Verdict.CONTRADICTED else ""
    figures = f" The paper: {printed(record)} ({', '.join(record.printed)})." if record.printed else ""
    said = record.message.removeprefix(f"{record.verdict}: ")
    line = f"{record.sentence} ({record.where}): {said}.{figures}{known}"
    return f"- `{record.id}` on {_heading(record.model)}: {_escaped(line)}"


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
            f"- `{record.id}` on {_heading(record.model)}: {_escaped(record.message)}"
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


def _are(records: list[Record]) -> str:
    return "is" if len(records) == 1 else "are"
