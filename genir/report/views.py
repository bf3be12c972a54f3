"""What the page shows, put in order: claims with their answers, and the exhibits of each model."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from itertools import groupby
from typing import Any, NamedTuple

from genir.errors import GenirError
from genir.report.charts import Panel
from genir.report.exhibits import Exhibits, settings_of, slug
from genir.report.figures import panels
from genir.report.ledger import PAPERS, Ledger
from genir.report.record import NO_MODEL, Record
from genir.report.strip import Strip, strip
from genir.report.tables import Table, table
from genir.statistics.estimate import Estimate

DEFAULTS = {"protocol": "masked", "stages": "published", "alpha": 0.05}  # of a claims run; the rest goes into commands
WORDS, RECIPES = "table6", ("recipe", "environment")


class Part(NamedTuple):
    """One part of an answer, drawn."""

    figures: Mapping[str, Any]
    strip: Strip | None


class Finding(NamedTuple):
    """What one model says to a claim: the judged record, readings that were only recorded, and how to ask again."""

    record: Record
    strip: Strip | None
    parts: tuple[Part, ...]
    beside: tuple[Part, ...]
    readings: tuple[Record, ...]
    command: tuple[str, ...]


class ClaimView(NamedTuple):
    """A claim with its findings, model by model."""

    first: Record
    anchor: str
    printed: Mapping[str, float]
    findings: tuple[Finding, ...]

    @property
    def by_model(self) -> Mapping[str, Record]:
        """The judged record of each model."""
        return {finding.record.model: finding.record for finding in self.findings}


class Section(NamedTuple):
    """A section of a paper and its claims; ids that name no section have a letter in its place."""

    name: str
    claims: tuple[ClaimView, ...]

    @property
    def title(self) -> str:
        """Its heading: ``Section 5.1``, or none where the paper's claims are not told apart by section."""
        return f"Section {self.name}" if self.name[:1].isdigit() else ""

    @property
    def single(self) -> bool:
        """Whether each claim has one model's answer, so that two claims fit side by side."""
        return all(len(claim.findings) == 1 for claim in self.claims)


class Words(NamedTuple):
    """A line of Table 6: the words that a head promotes for a query."""

    query: str
    head: str
    words: tuple[str, ...]


class Show(NamedTuple):
    """The tables and figures of one model; ``missing`` names what is not there, ``recipe`` says how it was made."""

    model: str
    stem: str
    tables: tuple[Table, ...]
    words: tuple[Words, ...]
    panels: tuple[Panel, ...]
    recipe: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]


class Paper(NamedTuple):
    """A paper: its title and authors, its sections, and what its models have to show."""

    name: str
    title: str
    authors: str
    sections: tuple[Section, ...]
    shows: tuple[Show, ...]

    @property
    def models(self) -> tuple[str, ...]:
        """The models that its claims were asked of."""
        return tuple(show.model for show in self.shows)


def papers(ledger: Ledger, exhibits: Exhibits) -> tuple[Paper, ...]:
    """Everything that the page shows, in the order of the ledger."""
    return tuple(
        Paper(name, title, authors, _sections(records, ledger), _shows(name, records, exhibits))
        for name, group in groupby(ledger.records, key=lambda record: record.paper)
        for records, (title, authors) in [(tuple(group), PAPERS.get(name, (name, "")))]
    )


def command(record: Record, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The command that asks this claim of this model again, under the settings of the ledger, and asks nothing else.

    In pieces that a line may break between; each is quoted for a shell. Claims answer to their id in brackets
    (``-k "[5.1-mlp-I]"``), which no other id contains.
    """
    options = [("-k", f"[{record.id}]")]
    if record.model != NO_MODEL:
        options.append(("--model", record.model))
        if "/" in record.model and record.corpus != NO_MODEL:  # a hub id does not say what it was trained on
            options.append(("--corpus", record.corpus))
    changed = [name for name, default in DEFAULTS.items() if settings.get(name, default) != default]
    options += [(f"--{name}", str(settings[name])) for name in changed]
    return ("python -m pytest claims/", *(shlex.join(option) for option in options))


def figure(quantity: Mapping[str, Any]) -> str:
    """A control or a side of a comparison as the paper writes it; a bare number without an interval."""
    value, low, high, n = (quantity.get(name) for name in ("value", "low", "high", "n"))
    unit = quantity.get("unit") or "1"
    if value is None:
        return "not measured"
    if low is None or high is None or not n:
        return f"{100 * value:.4g} %" if unit == "%" else f"{value:.4g}"
    return str(Estimate(value, low, high, quantity.get("confidence") or 0.95, n, "", unit, count=quantity.get("count")))


def anchor(id: str) -> str:
    """A claim's id as the name of a place on the page."""
    return "claim-" + re.sub(r"[^\w.-]+", "-", id)


def _sections(records: tuple[Record, ...], ledger: Ledger) -> tuple[Section, ...]:
    return tuple(
        Section(name, tuple(_claim(tuple(members), ledger) for _, members in groupby(group, key=lambda r: r.id)))
        for name, group in groupby(records, key=lambda record: record.section)
    )


def _claim(records: tuple[Record, ...], ledger: Ledger) -> ClaimView:
    printed = next((record.printed for record in records if record.printed), {})
    by_model = [tuple(members) for _, members in groupby(records, key=lambda r: r.model)]
    findings = tuple(_finding(members, records, printed, ledger) for members in by_model)
    return ClaimView(records[0], anchor(records[0].id), printed, findings)


def _finding(
    records: tuple[Record, ...], of_claim: tuple[Record, ...], printed: Mapping[str, float], ledger: Ledger
) -> Finding:
    """Of one model's records the judged one comes first; what stands behind it was only recorded."""

    def drawn(record: Record) -> Strip | None:
        fellows = (other for other in of_claim if other.unit == record.unit)  # all models of a claim share an axis
        beside = [number for r in fellows for number in (r.value, r.low, r.high) if number is not None]
        return strip(record.to_json(), printed, beside)

    judged, *readings = sorted(records, key=lambda record: not record.judged)
    parts = tuple(Part(part, strip(part)) for part in judged.parts) if len(judged.parts) > 1 else ()
    beside = tuple(Part(reading.to_json(), drawn(reading)) for reading in readings)
    return Finding(judged, drawn(judged), parts, beside, tuple(readings), command(judged, ledger.settings))


def _shows(paper: str, records: tuple[Record, ...], exhibits: Exhibits) -> tuple[Show, ...]:
    models = sorted({record.model for record in records} - {NO_MODEL})
    return tuple(_show(paper, model, exhibits) for model in models)


def _show(paper: str, model: str, exhibits: Exhibits) -> Show:
    """The exhibits of a model that belong to a paper; one of a wrong form is named among the missing, with the reason."""
    of_model = exhibits.of(model)
    names = [name for name in of_model if name.startswith("heads") is (paper == "retrieval_heads")]
    tables: list[Table] = []
    drawn: list[Panel] = []
    words: tuple[Words, ...] = ()
    wrong: list[str] = []
    figure3 = of_model.get("figure3")
    stages = figure3.get("stages") if isinstance(figure3, Mapping) else None
    for name in sorted(set(names) - set(RECIPES)):
        try:
            if name == WORDS:
                words = _words(of_model[name])
            elif found := panels(name, of_model[name], stages):
                drawn += found
            else:
                tables.append(table(name, of_model[name], exhibits))
        except GenirError as error:
            wrong.append(f"{name} ({error})")
    recipe = tuple(line for name in RECIPES if name in names for line in settings_of(of_model[name]))
    missing = (*exhibits.missing(model, paper), *wrong)
    return Show(model, slug(model), tuple(tables), words, tuple(drawn), recipe, missing)


def _words(payload: Any) -> tuple[Words, ...]:
    rows = payload.get("rows", payload.get("cells")) if isinstance(payload, Mapping) else payload
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) and "query" in row for row in rows):
        raise GenirError(
            "expected a list of queries with the words of a head in the exhibit table6: run the claims again"
        )
    return tuple(
        Words(
            str(row["query"]),
            f"layer {row.get('layer', '?')}, head {row.get('head', '?')}",
            tuple(str(word[0] if isinstance(word, list) and word else word) for word in row.get("words", ())),
        )
        for row in rows
    )
