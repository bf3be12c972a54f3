"""The ledger: every verdict of one run in one file, ``claims.json``.

It holds what ran and nothing else: a run of some of the claims writes a shorter ledger, never a mixture of two runs.
The same findings give the same bytes, except for ``seconds``.
"""

from __future__ import annotations

import json
import math
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from genir import strict_json
from genir.errors import GenirError
from genir.report.record import Record
from genir.statistics.multiplicity import holm
from genir.statistics.verdict import Verdict

SCHEMA = 1
NAME = "claims.json"


PAPERS: Mapping[str, tuple[str, str]] = {  # what a reader calls the papers that the ledger names
    "retrieval_process": (
        "Reverse-Engineering the Retrieval Process in GenIR Models",
        "Reusch and Belinkov, SIGIR 2025",
    ),
    "retrieval_heads": (
        "Retrieval Head Mechanistically Explains Long-Context Factuality",
        "Wu et al., arXiv 2404.15574",
    ),
}


@dataclass(frozen=True)
class Ledger:
    """The records of a run, sorted by paper, section, claim and model, and the settings that they share."""

    records: tuple[Record, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Iterable[Record], settings: Mapping[str, Any] | None = None) -> Ledger:
        """A ledger of ``records`` in any order, with ``p_holm`` filled in.

        Holm's correction runs over the judged claims of a section of a paper, for each model by itself.
        Raises GenirError where two records have the same claim, model and reading.
        """
        family: dict[tuple[str, str, str], list[Record]] = defaultdict(list)
        seen: set[tuple[str, str, str]] = set()
        for record in records:
            if record.key in seen:
                claim, model, reading = record.key
                raise GenirError(
                    f"expected one record of {claim} on {model} ({reading}), got two: name each reading once"
                )
            seen.add(record.key)
            family[record.paper, record.section, record.model].append(record)
        corrected = [record for members in family.values() for record in _corrected(members)]
        return cls(tuple(sorted(corrected, key=lambda record: record.place)), dict(settings or {}))

    @property
    def judged(self) -> tuple[Record, ...]:
        """The records whose verdict counts; the others are second readings, kept beside them."""
        return tuple(record for record in self.records if record.judged)

    @property
    def models(self) -> tuple[str, ...]:
        """The models in the order of the ledger's sorting, without repetition."""
        return tuple(sorted({record.model: None for record in self.records}))

    def count(self, verdict: Verdict) -> int:
        """How many judged records have ``verdict``."""
        return sum(record.verdict is verdict for record in self.judged)


def _corrected(members: list[Record]) -> list[Record]:
    """Fill in p_holm over the judged members; the p-values of recorded readings are no part of the family."""
    p_values = [math.nan if r.p_value is None or not r.judged else r.p_value for r in members]
    return [
        replace(record, p_holm=None if math.isnan(adjusted) else float(adjusted))
        for record, adjusted in zip(members, holm(p_values), strict=True)
    ]


def in_reading_order(ledger: Ledger) -> Ledger:
    """The ledger with the papers in the order of ``PAPERS``, and as it was within each."""
    order = {name: place for place, name in enumerate(PAPERS)}
    return replace(ledger, records=tuple(sorted(ledger.records, key=lambda r: order.get(r.paper, len(order)))))


def write(ledger: Ledger, folder: Path) -> Path:
    """Write ``folder/claims.json``, whole or not at all, and return its path."""
    document = {
        "schema": SCHEMA,
        "settings": dict(ledger.settings),
        "records": [record.to_json() for record in ledger.records],
    }
    path = folder / NAME
    temporary = folder / f".{NAME}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary.write_text(
            json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
        )
        os.replace(temporary, path)
    except OSError as error:
        raise GenirError(
            f"expected to write {path}, got {error.strerror}: choose a folder with --claims-report"
        ) from error
    return path


def read(path: Path) -> Ledger:
    """Read a ledger from a file, or from ``claims.json`` in a folder.

    Raises GenirError, one line, for a file that is missing, is not JSON, or has another schema.
    """
    path = path / NAME if path.is_dir() else path
    try:
        document = strict_json.loads(path.read_bytes())
    except FileNotFoundError:
        raise GenirError(f"expected a ledger at {path}, there is none: run pytest claims/ first") from None
    except (ValueError, OSError) as error:
        raise GenirError(f"expected a ledger at {path}, got {error}: run the claims again") from None
    if not isinstance(document, dict) or type(document.get("schema")) is not int or document["schema"] != SCHEMA:
        found = document.get("schema") if isinstance(document, dict) else type(document).__name__
        raise GenirError(f"expected a ledger of schema {SCHEMA} at {path}, got {found}: run the claims again")
    if unknown := sorted(set(document) - {"schema", "settings", "records"}):
        raise GenirError(
            f"expected only schema, settings and records in {path}, got {unknown[0]!r}: run the claims again"
        )
    records, settings = document.get("records"), document.get("settings")
    if not isinstance(records, list) or not isinstance(settings, dict):
        raise GenirError(f"expected a list of records and an object of settings in {path}: run the claims again")
    found = tuple(Record.from_json(data, f"record {i} of {path}") for i, data in enumerate(records))
    seen: set[tuple[str, str, str]] = set()
    for record in found:
        if record.key in seen:
            raise GenirError(
                f"expected one record of {' on '.join(record.key[:2])} in {path}, got two: run the claims again"
            )
        seen.add(record.key)
    return Ledger(found, settings)
