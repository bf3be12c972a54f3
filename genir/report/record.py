"""A record: one claim, asked of one model, with the verdict and all that it was read off."""

from __future__ import annotations

import dataclasses
import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from genir.errors import GenirError
from genir.statistics.answer import Answer
from genir.statistics.estimate import Estimate
from genir.statistics.judgement import Judgement
from genir.statistics.verdict import Verdict

CORRECTED = "corrected"  # the reading that is judged unless a claim says otherwise (docs/protocol.md)
NO_MODEL = "-"  # the model of a claim about the paper itself

Scalar = str | int | float | bool | None
_number, _text = (int, float, type(None)), (str,)
_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("id", "paper", "where", "sentence", "model", "corpus", "scale", "reading", "message"), _text),
    **dict.fromkeys(("value", "low", "high", "confidence", "p_value", "p_holm", "seconds"), _number),
    **dict.fromkeys(("unit", "question", "method"), (str, type(None))),
    **dict.fromkeys(("controls", "printed", "records"), (dict,)),
    "verdict": _text,
    "n": (int, type(None)),
    "count": (int, type(None)),
    "margin": (int, float, list, type(None)),
    "parts": (list,),
    "judged": (bool,),
    "known": (str, type(None)),
}


@dataclass(frozen=True)
class Record:
    """One claim's verdict on one model; every field is JSON.

    Values, bounds and margins are fractions; ``unit`` is "%" or "1" and says how to print them. The figures are those of
    the part that decides; ``parts`` holds all of them. ``printed`` are the paper's own figures by setting, in the unit of
    the paper. ``reading`` is "corrected" or "as published"; a reading that was only recorded beside the judged one has
    ``judged`` false. ``known`` is the reason why a contradiction was expected. ``p_holm`` is filled in when the ledger is
    written. null stands for what does not exist or is not finite.
    """

    id: str
    paper: str
    where: str
    sentence: str
    model: str
    corpus: str
    scale: str
    verdict: Verdict
    message: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    n: int | None = None
    count: int | None = None
    unit: str | None = None
    question: str | None = None
    margin: float | list[float] | None = None
    method: str | None = None
    p_value: float | None = None
    p_holm: float | None = None
    controls: dict[str, dict[str, Scalar]] = field(default_factory=dict)
    printed: dict[str, float] = field(default_factory=dict)
    parts: list[dict[str, Any]] = field(default_factory=list)
    records: dict[str, Scalar] = field(default_factory=dict)
    reading: str = CORRECTED
    judged: bool = True
    known: str | None = None
    seconds: float | None = None

    @property
    def section(self) -> str:
        """The section of the paper that the claim is from: "5.1" of "5.1-mlp-I"."""
        return self.id.partition("-")[0]

    @property
    def key(self) -> tuple[str, str, str]:
        """What identifies a record within a ledger: claim, model and reading."""
        return self.id, self.model, self.reading

    @property
    def place(self) -> tuple[Any, ...]:
        """The sort key of a ledger: paper, section, claim, model, with the judged reading first; 10 sorts after 9."""
        return (
            self.paper,
            _natural(self.section),
            _natural(self.id),
            _natural(self.model),
            not self.judged,
            self.reading,
        )

    def to_json(self) -> dict[str, Any]:
        """The record as JSON values, in the order of its fields."""
        return dataclasses.asdict(self) | {"verdict": str(self.verdict)}

    @classmethod
    def from_json(cls, data: object, where: str = "record") -> Self:
        """The record of JSON values; GenirError names the field that is missing, unknown or of another type."""
        if not isinstance(data, dict):
            raise GenirError(f"expected {where} to be an object, got {_kind(data)}: was the ledger edited by hand?")
        where = f"{where} ({data.get('id')} on {data.get('model')})"
        if missing := sorted(set(_TYPES) - set(data)):
            raise GenirError(f"expected the field {missing[0]!r} in {where}, it is missing: run the claims again")
        if unknown := sorted(set(data) - set(_TYPES)):
            raise GenirError(
                f"expected only fields of this schema in {where}, got {unknown[0]!r}: run the claims again"
            )
        for name, types in _TYPES.items():
            value = data[name]
            if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
                names = " or ".join("null" if t is type(None) else t.__name__ for t in types)
                raise GenirError(f"expected {name} of {where} to be {names}, got {_kind(value)}: run the claims again")
            if not _sound(name, value):
                raise GenirError(
                    f"expected {name} of {where} as this schema has it, got {str(value)[:40]!r}: run the claims again"
                )
        if data["verdict"] not in set(Verdict):
            raise GenirError(f"expected verdict of {where} to be one of {', '.join(Verdict)}, got {data['verdict']!r}")
        return cls(**(data | {"verdict": Verdict(data["verdict"])}))


def evidence(judged: Answer | Judgement) -> dict[str, Any]:
    """The fields of a record that come from its judgement: verdict, message, the deciding part's figures, all parts."""
    parts = judged.parts if isinstance(judged, Judgement) else (judged,)
    deciding = judged.deciding if isinstance(judged, Judgement) else judged
    fields: dict[str, Any] = {
        "verdict": judged.verdict,
        "message": judged.message,
        "parts": [_part(part) for part in parts],
        "p_value": _finite(judged.p_value),
    }
    if deciding is not None:
        fields |= {name: value for name, value in _part(deciding).items() if name in _DECIDING}
    return fields


def figure(quantity: Estimate | float) -> dict[str, Scalar]:
    """A quantity as JSON: value, interval, sample and unit; a bare number has no interval."""
    if not isinstance(quantity, Estimate):
        return {"value": _finite(quantity), "low": None, "high": None, "n": None, "count": None, "unit": "1"}
    return {
        "value": _finite(quantity.value),
        "low": _finite(quantity.low),
        "high": _finite(quantity.high),
        "n": quantity.n,
        "count": quantity.count,
        "unit": quantity.unit,
    }


_DECIDING = ("value", "low", "high", "confidence", "n", "count", "unit", "question", "margin", "method")


def _part(answer: Answer) -> dict[str, Any]:
    return {
        "label": answer.label,
        "verdict": str(answer.verdict),
        **figure(answer.estimate),
        "confidence": answer.estimate.confidence,
        "method": answer.estimate.method,
        "question": answer.question,
        "margin": list(answer.margin) if isinstance(answer.margin, tuple) else answer.margin,
        "p_value": _finite(answer.p_value),
        "subject": None if answer.subject is None else figure(answer.subject),
        "baseline": None if answer.baseline is None else figure(answer.baseline),
        "message": answer.message,
    }


def scalars(values: Mapping[str, Any], what: str) -> dict[str, Any]:
    """``values`` as flat JSON, numpy scalars as Python's own; GenirError for anything nested."""
    flat = {}
    for name, value in values.items():
        plain = value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value
        if not isinstance(plain, str | int | float | bool | None):
            raise GenirError(
                f"expected {what}[{name!r}] to be a number or a text, got {_kind(value)}: flatten it first"
            )
        flat[name] = _finite(plain) if isinstance(plain, float) else plain
    return flat


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _sound(name: str, value: Any) -> bool:
    """Whether the inside of a field is what the type of the whole does not tell."""
    if name == "controls":
        return all(isinstance(control, dict) and _flat(control) for control in value.values())
    if name in ("printed", "records"):
        return _flat(value)
    if name == "parts":
        return all(isinstance(part, dict) for part in value)
    if name == "margin" and isinstance(value, list):
        return all(isinstance(bound, int | float) and not isinstance(bound, bool) and _scalar(bound) for bound in value)
    return _scalar(value)


def _flat(values: Mapping[str, Any]) -> bool:
    return all(isinstance(value, Scalar) and _scalar(value) for value in values.values())


def _scalar(value: object) -> bool:
    return (
        not isinstance(value, int | float) or abs(value) <= sys.float_info.max
    )  # no NaN, no Infinity, no longer integer


def _natural(text: str) -> tuple[tuple[bool, int, str], ...]:
    return tuple(
        (False, len(part.lstrip("0")), part.lstrip("0")) if part.isdecimal() else (True, 0, part)
        for part in re.findall(r"\d+|\D+", text)
    )


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__
