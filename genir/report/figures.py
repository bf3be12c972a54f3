"""Figures 3, 4 and 5 of the first paper and the maps and ladders of the second, as panels made from exhibits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

from genir.errors import GenirError
from genir.report.charts import Panel, Series
from genir.report.exhibits import number, numbers
from genir.report.tables import COMPONENTS, as_csv

FIGURE_3 = {
    "ratio": ("Figure 3: norm of what a component adds, over the norm of the layer's change", "ratio of norms"),
    "cosine_input": ("Figure 3: cosine with the residual stream before the layer (the paper's text)", "cosine"),
    "cosine_output": ("Figure 3: cosine with the residual stream after the layer (the paper's caption)", "cosine"),
}
FIGURE_4 = {
    "relevant": "relevant document",
    "docids_mean": "docids, mean",
    "docids_median": "docids, median",
    "words_mean": "words, mean",
    "words_median": "words, median",
}
FIGURE_5 = {
    "mlp_III": "Figure 5: what activates the MLP neurons of Stage III",
    "cross_II": "Figure 5: what the cross-attention of Stage II reads",
}


def panels(name: str, payload: Any, stages: Any = None) -> tuple[Panel, ...]:
    """The panels that an exhibit holds; none if it is not a figure. ``stages`` are bounds for one that has none.

    Raises GenirError, naming the place, for an exhibit that has another form.
    """
    if isinstance(payload, Mapping) and payload.get("kind") in ("matrix", "curves", "bars"):
        return (_drawn_as_told(name, payload),)
    draw = {"figure3": _figure3, "figure4": _figure4, "figure5": _figure5}.get(name)
    if draw is None:
        return ()
    if not isinstance(payload, Mapping):
        raise GenirError(
            f"expected an object in the exhibit {name}, got {type(payload).__name__}: run the claims again"
        )
    drawn = tuple(draw(payload, _stages(payload.get("stages") or stages, name)))
    if not drawn:
        raise GenirError(
            f"expected curves in the exhibit {name}, got {', '.join(payload) or 'none'}: run the claims again"
        )
    return drawn


def panel_csv(panel: Panel) -> str:
    """The numbers of a panel: one line for each place, one column for each series and bound."""
    header = [panel.x_label]
    columns: list[list[float | str | None]] = [[*panel.x]]
    for series in panel.series:
        for suffix, values in (("", series.values), (", low", series.low), (", high", series.high)):
            if values is not None:
                header.append(f"{series.name}{suffix}")
                columns.append([None if math.isnan(v) else v for v in values])
    return as_csv(header, zip(*columns, strict=True))


def _figure3(payload: Mapping[str, Any], stages: tuple[tuple[int, int], ...]) -> list[Panel]:
    found = []
    for key, (title, y_label) in FIGURE_3.items():
        curves = payload.get(key)
        if isinstance(curves, Mapping):
            series = [_curve(name, curves[name], f"figure3 {key}") for name in sorted(curves, key=_component)]
            x = _layers(series, payload.get("layers"), f"figure3 {key}")
            found.append(Panel("curves", f"figure3-{key}", title, "decoder layer", y_label, x, tuple(series), stages))
    return found


def _figure4(payload: Mapping[str, Any], stages: tuple[tuple[int, int], ...]) -> list[Panel]:
    found = []
    for key, curves in payload.items():
        if isinstance(curves, Mapping) and set(curves) & set(FIGURE_4):
            where = f"figure4 {key}"
            series = [_curve(title, curves[name], where) for name, title in FIGURE_4.items() if name in curves]
            of = "the residual stream" if key == "stream" else f"{key} outputs"
            title = f"Figure 4: rank in the logit lens of {of}"
            x = _layers(series, payload.get("layers"), where)
            name = f"figure4-{key}"
            found.append(
                Panel("curves", name, title, "decoder layer", "rank (log scale)", x, tuple(series), stages, log=True)
            )
    return found


def _figure5(payload: Mapping[str, Any], stages: tuple[tuple[int, int], ...]) -> list[Panel]:
    sources = payload.get("sources")
    if not isinstance(sources, list) or not sources:
        raise GenirError("expected a list of sources in the exhibit figure5, got none: run the claims again")
    found = []
    for key, title in FIGURE_5.items():
        readings = payload.get(key)
        if readings is not None:
            named = readings if isinstance(readings, Mapping) else {"share": readings}
            series = tuple(_bar(name, values, f"figure5 {key}", len(sources)) for name, values in named.items())
            labels = [str(source) for source in sources]
            stem, y_label = f"figure5-{key}", "share of contributions, %"
            found.append(Panel("bars", stem, title, "source", y_label, labels, series, percent=True))
    return found


def _drawn_as_told(name: str, payload: Mapping[str, Any]) -> Panel:
    """An exhibit that says itself how it is drawn: {kind, title, x, y, values, x_labels, y_labels, range}."""
    kind, values = payload["kind"], payload.get("values")
    rows = isinstance(values, list) and bool(values) and isinstance(values[0], list)
    if kind == "matrix" and not rows:
        raise GenirError(f"expected rows of numbers as values of the exhibit {name}: run the claims again")
    if isinstance(values, Mapping):
        series = tuple(_curve(str(label), row, name) for label, row in values.items())
    elif rows:
        labels = _labels(payload.get("y_labels"), len(cast(Any, values)), "rows", name)
        series = tuple(_curve(str(label), row, name) for label, row in zip(labels, cast(Any, values), strict=True))
    else:
        series = (_bar(str(payload.get("y", "")), values, name),)
    if not series:
        raise GenirError(f"expected numbers as values of the exhibit {name}, got none: run the claims again")
    lengths = {len(s.values) for s in series}
    if len(lengths) > 1:
        raise GenirError(
            f"expected rows of one length in the exhibit {name}, got {sorted(lengths)}: run the claims again"
        )
    x = _labels(payload.get("x_labels"), lengths.pop(), "numbers in each row", name)
    title, x_label, y_label = (str(payload.get(key, "")) for key in ("title", "x", "y"))
    return Panel(
        cast(Any, kind), name, title or name, x_label, y_label, x, series, range=_range(payload.get("range"), name)
    )


def _range(given: Any, name: str) -> tuple[float, float] | None:
    """The range of an exhibit's colours, if it gives one."""
    if given is None:
        return None
    if isinstance(given, list) and len(given) == 2 and all(isinstance(end, int | float) for end in given):
        lowest, highest = given
        if lowest < highest:
            return float(lowest), float(highest)
    raise GenirError(f"expected a range [lowest, highest] in the exhibit {name}, got {given!r}: run the claims again")


def _labels(given: Any, count: int, what: str, name: str) -> list[Any]:
    """The labels that an exhibit gives, one for each place, or else the places' numbers."""
    if not isinstance(given, list):
        return list(range(count))
    if len(given) != count:
        raise GenirError(f"expected {len(given)} {what} of the exhibit {name}, one for each label, got {count}")
    return [label if isinstance(label, int | float) else str(label) for label in given]


def _curve(name: str, values: Any, where: str) -> Series:
    """Numbers, or {"mean" or "value", "low", "high"} of numbers."""
    where = f"{where} {name}"
    if not isinstance(values, Mapping):
        return Series(name, numbers(values, where))
    centre = numbers(values.get("mean", values.get("value", values.get("values"))), where)
    bounds = [numbers(values[b], f"{where} {b}", len(centre)) if b in values else None for b in ("low", "high")]
    return Series(name, centre, *bounds)


def _bar(name: str, values: Any, where: str, length: int | None = None) -> Series:
    """Numbers, or a list of {"value", "low", "high"}."""
    if isinstance(values, list) and values and all(isinstance(value, Mapping) for value in values):
        columns = [[value.get(key) for value in values] for key in ("value", "low", "high")]
        centre, low, high = (numbers(column, where, length) for column in columns)
        return Series(name, centre, *((None, None) if all(map(math.isnan, low)) else (low, high)))
    return Series(name, numbers(values, where, length))


def _layers(series: list[Series], layers: Any, where: str) -> list[int]:
    """Layer numbers of a curve; one more number than layers means that the first is the embedding, at -1."""
    length = len(series[0].values)
    if any(len(s.values) != length for s in series):
        raise GenirError(f"expected curves of one length at {where}, got {sorted({len(s.values) for s in series})}")
    first = length - layers if isinstance(layers, int) else 0
    if first not in (0, 1):
        raise GenirError(f"expected {layers} or {layers + 1} numbers at {where}, got {length}: run the claims again")
    return list(range(-first, length - first))


def _stages(bounds: Any, name: str) -> tuple[tuple[int, int], ...]:
    if bounds is None:
        return ()
    pairs = bounds.values() if isinstance(bounds, Mapping) else bounds
    found = tuple(tuple(int(number(b, (name, "stages")) or 0) for b in pair) for pair in pairs)
    if any(len(pair) != 2 for pair in found):
        raise GenirError(f"expected first and end layer of each stage in the exhibit {name}: run the claims again")
    return cast(tuple[tuple[int, int], ...], found)


def _component(name: str) -> tuple[int, str]:
    return COMPONENTS.index(name) if name in COMPONENTS else len(COMPONENTS), name
