"""Exhibits: the tables and curves behind the verdicts, one JSON file per model and name, as a run of the claims leaves them.

They lie at ``exhibits/<model>/<name>.json`` beside the ledger; the model "-" holds what the paper itself prints. A file that
is missing or malformed costs its own place on the page and nothing else: it is named there, with the reason.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genir import strict_json
from genir.errors import GenirError
from genir.report.record import NO_MODEL

FOLDER = "exhibits"
EXPECTED: Mapping[str, tuple[str, ...]] = {
    "retrieval_process": (
        "table1", "table3", "table4", "table5", "table6", "figure3", "figure4", "figure5",
    ),
    "retrieval_heads": ("heads_map", "heads_ladder", "heads_recall", "heads_recall_masked", "heads_histogram"),
}  # fmt: skip
_FIGURES = ("value", "low", "high", "count", "n", "unit", "method", "confidence")
_CONTAINERS = ("cells", "rows")  # names of the list in an exhibit, which are no labels of its entries


@dataclass(frozen=True)
class Exhibits:
    """What was found: ``payloads[model][name]`` is plain JSON, ``broken[model, name]`` why a file could not be read."""

    payloads: Mapping[str, Mapping[str, Any]]
    broken: Mapping[tuple[str, str], str]

    def of(self, model: str) -> Mapping[str, Any]:
        """The exhibits of a model by name, whether its folder is its label or the label as a file name."""
        return self.payloads.get(model) or self.payloads.get(slug(model)) or {}

    def missing(self, model: str, paper: str) -> tuple[str, ...]:
        """Names of the exhibits that ``paper`` should have for ``model`` and that are not there, with why if it is known."""
        absent = [name for name in EXPECTED.get(paper, ()) if name not in self.of(model)]
        reasons = {name: why for (of, name), why in self.broken.items() if of in (model, slug(model))}
        return tuple(f"{name} ({reasons[name]})" if name in reasons else name for name in absent)


@dataclass(frozen=True)
class Quantity:
    """A number of an exhibit with its interval; ``labels`` say what it is of, ``printed`` what the paper prints there.

    Value and bounds are fractions where the unit is "%"; printed figures stay as the paper prints them.
    """

    labels: tuple[str, ...]
    value: float | None
    low: float | None = None
    high: float | None = None
    count: int | None = None
    n: int | None = None
    unit: str | None = None
    printed: Mapping[str, str] = field(default_factory=dict)


def read_exhibits(folder: Path) -> Exhibits:
    """Every exhibit below ``folder/exhibits``; a hub id, which has a slash, is two folders deep."""
    root = folder / FOLDER
    payloads: dict[str, dict[str, Any]] = {}
    broken = {}
    for path in sorted(root.rglob("*.json")):
        model = path.parent.relative_to(root).as_posix()
        try:
            payloads.setdefault(model, {})[path.stem] = strict_json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            broken[model, path.stem] = f"unreadable: {error}"
    return Exhibits(payloads, broken)


def quantities(payload: Any, unit: str | None = None) -> tuple[Quantity, ...]:
    """Every number of an exhibit with the labels that lead to it, however its objects and lists are nested.

    An object with "value", or with "printed" alone, is one number; its texts are labels. A bare number has no interval.
    ``unit`` is that of numbers which do not say theirs. GenirError for values that are no numbers.
    """
    return tuple(_walk(payload, (), unit))


def _walk(node: Any, labels: tuple[str, ...], unit: str | None) -> Iterator[Quantity]:
    if isinstance(node, Mapping) and ("value" in node or "printed" in node):
        own = [str(value) for name, value in node.items() if name not in (*_FIGURES, "printed") and _is_label(value)]
        printed = node.get("printed") or {}
        if not isinstance(printed, Mapping):
            raise GenirError(f"expected printed figures by setting at {_where(labels)}, got {printed!r:.40}")
        value, low, high = (number(node.get(name), (*labels, *own, name)) for name in ("value", "low", "high"))
        count, n = (_count(node.get(name)) for name in ("count", "n"))
        settings = {str(setting): str(figure) for setting, figure in printed.items()}
        yield Quantity((*labels, *own), value, low, high, count, n, node.get("unit") or unit, settings)
    elif isinstance(node, Mapping):
        for name, child in node.items():
            deeper = labels if name in _CONTAINERS else (*labels, str(name))
            yield from _walk(child, deeper, unit)
    elif isinstance(node, list):
        for child in node:
            yield from _walk(child, labels, unit)
    elif isinstance(node, int | float | None) and not isinstance(node, bool):
        yield Quantity(labels, number(node, labels), unit=unit)


def number(value: Any, where: tuple[str, ...] = ()) -> float | None:
    """A finite number, or None for null; GenirError for anything else."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise GenirError(f"expected a number at {_where(where)}, got {value!r:.40}: run the claims again")
    return float(value)


def numbers(value: Any, where: str, length: int | None = None) -> list[float]:
    """A list of numbers of that length, null as nan so that a curve has a gap there; GenirError for anything else."""
    if not isinstance(value, list) or (length is not None and len(value) != length):
        wanted = "numbers" if length is None else f"{length} numbers"
        found = f"{len(value)}" if isinstance(value, list) else f"{value!r:.40}"
        raise GenirError(f"expected {wanted} at {where}, got {found}: run the claims again")
    return [math.nan if (item := number(entry, (where,))) is None else item for entry in value]


def slug(label: str) -> str:
    """A model's label as part of a file name: ``AnReu/DSI-large`` is ``AnReu--DSI-large``."""
    return re.sub(r"[^\w.-]+", "--", label).strip(".") or "model"


def settings_of(payload: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Name and value of every leaf of nested JSON, as two texts; for recipes and environments."""
    if isinstance(payload, Mapping):
        for name, child in payload.items():
            yield from settings_of(child, (*path, str(name)))
    elif isinstance(payload, list):
        yield ".".join(path), ", ".join(map(str, payload))
    else:
        yield ".".join(path), "none" if payload is None else str(payload)


def published(exhibits: Exhibits, name: str) -> Mapping[frozenset[str], Mapping[str, str]]:
    """What the paper prints in one of its tables: settings and figures by the labels of a cell, in any order."""
    found = quantities(exhibits.of(NO_MODEL).get(name, {}))
    return {frozenset(quantity.labels): quantity.printed for quantity in found if quantity.printed}


def _is_label(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _where(labels: tuple[str, ...]) -> str:
    return " / ".join(labels) or "the top"
