"""The strip: one estimate drawn on a line, its interval against the margin and the paper's own figures.

Here is the arithmetic only; the template draws it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

WIDTH, LEFT, RIGHT = 300.0, 8.0, 292.0  # of the drawing, and of its axis, in SVG units


class Tick(NamedTuple):
    """A place on the axis and what it says."""

    x: float
    label: str


class Strip(NamedTuple):
    """Where the marks of one estimate stand.

    ``claimed`` is the stretch of the axis on which the claim would hold, or the stretches where nothing but a
    band between two margins is claimed; ``text`` says in words what the drawing shows.
    """

    value: float
    low: float
    high: float
    claimed: tuple[float, float]
    margins: tuple[Tick, ...]
    printed: tuple[Tick, ...]
    ends: tuple[str, str]
    text: str


def strip(
    figures: Mapping[str, Any], printed: Mapping[str, float] | None = None, beside: Iterable[float] = ()
) -> Strip | None:
    """The strip of a record or of one of its parts, or None where there is nothing to draw.

    ``figures`` has value, low, high, unit, question and margin, as ``Record`` has them; ``printed`` are the paper's own, in
    the unit of the paper: percent where ``unit`` is "%". They are left out of a paired comparison, whose axis is a
    difference, while the paper prints the two sides. The axis also holds the numbers ``beside``, in the unit of the value, so
    that strips of one claim on several models can be compared.
    """
    value, margin, question = figures.get("value"), figures.get("margin"), figures.get("question")
    if value is None or margin is None or question is None:
        return None
    scale = 100.0 if figures.get("unit") == "%" else 1.0
    margins = [scale * m for m in (margin if isinstance(margin, list) else [margin])]
    known = {} if question == "exceeds" else dict(printed or {})
    value = scale * value
    low, high = (value if bound is None else scale * bound for bound in (figures.get("low"), figures.get("high")))
    others = [*margins, *known.values(), *(scale * number for number in beside)]
    lowest, highest = _axis([value, low, high, *others], percent=scale == 100)

    def x(number: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * (number - lowest) / (highest - lowest), 2)

    claimed = {"below": (lowest, margins[0]), "within": (margins[0], margins[-1])}.get(question, (margins[0], highest))
    unit = " %" if scale == 100 else ""
    return Strip(
        x(value),
        x(low),
        x(high),
        (x(claimed[0]), x(claimed[1])),
        tuple(Tick(x(m), f"{m:.4g}{unit}") for m in margins),
        tuple(Tick(x(v), f"{name}: {v:g}{unit}") for name, v in known.items()),
        (f"{lowest:.4g}{unit}", f"{highest:.4g}{unit}"),
        _words(value, low, high, margins, question, unit, known),
    )


def _axis(numbers: list[float], percent: bool) -> tuple[float, float]:
    """A rounded range that holds all numbers and zero, and never leaves what a percentage can be."""
    low, high = min(0.0, *numbers), max(0.0, *numbers)
    step = 10.0 ** math.floor(math.log10((high - low) or 1.0))
    step = next(s for s in (step / 5, step / 2, step, 2 * step) if (high - low) / s <= 6)
    low, high = step * math.floor(low / step), step * math.ceil(1.02 * high / step)
    if percent and max(numbers) <= 100:
        high = min(high, 100.0)
    if percent and min(numbers) >= -100:
        low = max(low, -100.0)
    return low, high if high > low else low + step


def _words(
    value: float, low: float, high: float, margins: list[float], question: str, unit: str, printed: Mapping[str, float]
) -> str:
    asked = {"below": "below", "above": "above", "within": "within", "exceeds": "a difference above"}[question]
    edge = " to ".join(f"{m:.4g}" for m in margins)
    text = f"Measured {value:.4g}{unit}, interval {low:.4g} to {high:.4g}{unit}; asked: {asked} {edge}{unit}"
    paper = ", ".join(f"{name} {figure:g}" for name, figure in printed.items())
    return f"{text}; the paper: {paper}{unit}." if paper else f"{text}."
