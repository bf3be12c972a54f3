"""The report: one page that needs no network, with its figures and tables as files beside it."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from genir.errors import GenirError
from genir.report.charts import files, inline
from genir.report.exhibits import read_exhibits, settings_of
from genir.report.figures import panel_csv
from genir.report.findings import sentence
from genir.report.ledger import NAME, in_reading_order, read
from genir.report.record import NO_MODEL
from genir.report.tables import as_csv, ledger_csv, table_csv
from genir.report.terminal import asked, counts, estimate, verdict
from genir.report.views import Show, anchor, figure, papers
from genir.statistics.verdict import Verdict

PAGE = "index.html"
TEMPLATES = Path(__file__).parent / "templates"
MARKS = {Verdict.SUPPORTED: "✓", Verdict.CONTRADICTED: "✗", Verdict.UNDECIDED: "?", Verdict.UNTESTABLE: "–"}


def write_report(folder: Path) -> Path:
    """Write ``folder/index.html``, ``folder/figures`` and ``folder/tables`` from the ledger and exhibits in ``folder``.

    Exhibits that are missing or malformed are named on the page. The same input gives the same bytes. Returns the page's
    path; raises GenirError, one line, where there is no ledger or the folder cannot be written.
    """
    ledger, exhibits = in_reading_order(read(folder / NAME)), read_exhibits(folder)
    found = papers(ledger, exhibits)
    shows = [show for paper in found for show in paper.shows]
    try:
        _put(folder / "tables" / "claims.csv", ledger_csv(ledger))
        drawings = {(show.model, panel): drawn for show in shows for panel, drawn in _files(folder, show).items()}
        style, script = ((TEMPLATES / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        models = [model for model in ledger.models if any(record.model == model for record in ledger.judged)]
        page = _environment().get_template("page.html.j2").render(
            ledger=ledger,
            papers=found,
            drawings=drawings,
            models=models,
            sentences={model: sentence(model, ledger) for model in models},
            tallies={model: _tally(ledger.judged, model) for model in models},
            settings=tuple(settings_of(dict(ledger.settings))),
            environment=tuple(settings_of(exhibits.of(NO_MODEL).get("environment", {}))),
            has_versions="versions" in ledger.settings,
            style=Markup(style),  # noqa: S704 - our own files, which no corpus writes
            script=Markup(script),  # noqa: S704
            script_digest=digest,
        )  # fmt: skip
        return _put(folder / PAGE, page)
    except OSError as error:
        raise GenirError(
            f"expected to write the report into {folder}, got {error.strerror}: choose another folder"
        ) from error


def _environment() -> jinja2.Environment:
    """Templates that escape everything and stop at a name that does not exist."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "Verdict": Verdict, "MARKS": MARKS, "NO_MODEL": NO_MODEL, "anchor": anchor, "asked": asked, "counts": counts,
        "estimate": estimate, "figure": figure, "verdict": verdict, "marked": marked,
    }  # fmt: skip
    return environment


def marked(number: float | str | None, percent: bool = False) -> str:
    """A number of a figure's table of data; a label as it is."""
    if number is None or isinstance(number, str):
        return number or ""
    return f"{100 * number:.4g}" if percent else f"{number:.4g}"


def _files(folder: Path, show: Show) -> dict[str, Markup]:
    """Write a model's tables and figures; return its drawings by panel, ready for the page."""
    for table in show.tables:
        _put(folder / "tables" / f"{show.stem}-{table.name}.csv", table_csv(table))
    if show.words:
        lines = [(row.query, row.head, " ".join(row.words)) for row in show.words]
        _put(folder / "tables" / f"{show.stem}-table6.csv", as_csv(("query", "head", "words"), lines))
    drawings = {}
    for panel in show.panels:
        stem, (vector, pixels) = f"{show.stem}-{panel.name}", files(panel)
        _put(folder / "tables" / f"{stem}.csv", panel_csv(panel))
        _put(folder / "figures" / f"{stem}.svg", vector)
        _put(folder / "figures" / f"{stem}.png", pixels)
        drawings[panel.name] = Markup(inline(vector, stem))  # noqa: S704 - matplotlib escapes its texts
    return drawings


def _tally(records: Any, model: str) -> dict[Verdict, int]:
    return {v: sum(r.verdict is v and r.model == model for r in records) for v in Verdict}


def _put(path: Path, content: str | bytes) -> Path:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(content.encode() if isinstance(content, str) else content)
    os.replace(temporary, path)
    return path
