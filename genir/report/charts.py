"""Charts: curves, bars and matrices drawn the same way every time, as SVG and PNG, with their numbers beside them.

The same panel gives the same bytes: no dates, no random ids, and nothing of matplotlib's global state is left changed.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure, FigureBase
from matplotlib.ticker import MaxNLocator

INK, FAINT = "#1c2128", "#c9ced6"
CELL_INK = "#1c2129"  # on a coloured cell, which is the same in a dark theme
ABREAST = 20  # characters of a name of which two stand side by side below a figure
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#aa4499", "#6b7280")  # Okabe and Ito's, told apart without colour vision
LINES = (("-", "o"), ("--", "s"), ("-.", "^"), (":", "D"), ((0, (5, 1, 1, 1, 1, 1)), "v"))  # and in black and white
SHEET = LinearSegmentedColormap.from_list("sheet", ("#f4f7fb", "#0072b2"))
THEME = {INK: "--ink", FAINT: "--rule", **{colour: f"--series-{i}" for i, colour in enumerate(PALETTE, start=1)}}
EMBEDDING = -1  # the place on an axis of layers before the first of them
WIDTH, HEIGHT = 4.0, 3.1  # inches: letters stay legible when a phone shows it 300 pixels wide
_RC: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: small, selectable, read aloud
    "text.parse_math": False,  # a label with two dollar signs is no formula
    "font.family": "sans-serif",
    "font.size": 9.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.unicode_minus": False,  # a font without the sign would warn
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


class Series(NamedTuple):
    """A named row of numbers, nan where there is none, with its interval where it has one."""

    name: str
    values: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None


class Panel(NamedTuple):
    """One chart. ``name`` is its file's, ``x`` the places on its first axis, one for each number of a series.

    Curves are drawn over ``x`` (numbers, or else evenly); bars and matrices take its labels. ``stages`` are half-open
    ranges of layers, marked as the paper marks them. A matrix's colours cover ``range``, by default its numbers and zero.
    """

    kind: Literal["curves", "bars", "matrix"]
    name: str
    title: str
    x_label: str
    y_label: str
    x: Sequence[float | str]
    series: tuple[Series, ...]
    stages: tuple[tuple[int, int], ...] = ()
    log: bool = False
    percent: bool = False
    range: tuple[float, float] | None = None

    @property
    def summary(self) -> str:
        """What the chart shows in one sentence, for those who do not see it."""
        ends = [f"{s.name} {_ends(s.values, self.percent)}" for s in self.series[:6] if self.kind != "matrix"]
        rows = f"{len(self.series)} by {len(self.x)} values" if self.kind == "matrix" else "; ".join(ends)
        return f"{self.title}. {self.y_label} by {self.x_label}: {rows}."


def files(panel: Panel, dpi: int = 200) -> tuple[str, bytes]:
    """The panel as a complete SVG file and as a PNG file."""
    vector, pixels = io.StringIO(), io.BytesIO()
    with mpl.rc_context({**_RC, "svg.hashsalt": panel.name}):
        drawn = _figure(panel)
        drawn.savefig(vector, format="svg", metadata={"Date": None, "Creator": None})
        drawn.set_layout_engine("none")  # the same places, and half the time
        drawn.savefig(pixels, format="png", dpi=dpi, facecolor="white", metadata={"Software": None})
    return vector.getvalue(), pixels.getvalue()


def row(panels: Sequence[Panel]) -> str:
    """The panels beside each other, as one complete SVG file."""
    vector = io.StringIO()
    with mpl.rc_context({**_RC, "svg.hashsalt": " ".join(panel.name for panel in panels)}):
        drawn = Figure(figsize=(WIDTH * len(panels), HEIGHT), layout="constrained")
        for part, panel in zip(drawn.subfigures(1, len(panels), squeeze=False)[0], panels, strict=True):
            _draw(part, panel)
        drawn.savefig(vector, format="svg", metadata={"Date": None, "Creator": None}, facecolor="white")
    return vector.getvalue()


def inline(file: str, salt: str) -> str:
    """An SVG file as an element of a page: ids that no other drawing has, colours that follow the page's theme.

    It is hidden from screen readers: the element around it carries the summary.
    """
    prefix = "g" + hashlib.sha256(salt.encode()).hexdigest()[:8]
    body = file[file.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="', f'id="{prefix}-', body)
    body = re.sub(r'(url\(#|href="#)', rf"\g<1>{prefix}-", body)
    body = re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" aria-hidden="true">', body, count=1)
    body = re.sub(r'fill: #ffffff; stroke: #ffffff|(?<=style=")fill: #ffffff', "fill: none", body)
    for colour, variable in THEME.items():
        body = body.replace(colour, f"var({variable})")
    return "\n".join(line.strip() for line in body.splitlines() if line.strip())


def _figure(panel: Panel) -> Figure:
    height = max(HEIGHT, 0.9 + 0.24 * len(panel.x) * len(panel.series)) if panel.kind == "bars" else HEIGHT
    if panel.kind == "matrix":
        height = max(2.2, 0.9 + 0.13 * len(panel.series))
    drawn = Figure(figsize=(WIDTH, height), layout="constrained")
    _draw(drawn, panel)
    return drawn


def _draw(drawn: FigureBase, panel: Panel) -> None:
    axes = drawn.add_subplot()
    {"curves": _curves, "bars": _bars, "matrix": _matrix}[panel.kind](axes, panel)
    if panel.kind != "matrix" and len(panel.series) > 1:
        abreast = 2 if max(len(series.name) for series in panel.series) <= ABREAST else 1
        drawn.legend(loc="outside lower center", ncols=abreast, frameon=False, handlelength=2.6)


def _curves(axes: Axes, panel: Panel) -> None:
    places = (
        [float(p) for p in panel.x] if all(isinstance(p, int | float) for p in panel.x) else list(range(len(panel.x)))
    )
    for i, series in enumerate(panel.series):
        (dashes, marker), colour = LINES[i % len(LINES)], PALETTE[i % len(PALETTE)]
        marks = marker if len(places) <= 30 else None
        axes.plot(
            places,
            series.values,
            linestyle=dashes,
            marker=marks,
            markersize=3.2,
            lw=1.5,
            color=colour,
            label=series.name,
        )
        if series.low is not None and series.high is not None:
            axes.fill_between(places, series.low, series.high, color=colour, alpha=0.18, lw=0)
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    if panel.log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")
    elif _crosses_zero(panel):
        axes.axhline(0, color=FAINT, lw=0.8, zorder=0)
    if all(isinstance(p, int) for p in panel.x):
        axes.xaxis.set_major_locator(MaxNLocator(nbins=9, integer=True))
        if EMBEDDING in panel.x and panel.stages:
            axes.xaxis.set_major_formatter(lambda value, _: "emb." if value == EMBEDDING else f"{value:.0f}")
    elif not all(isinstance(p, int | float) for p in panel.x):
        axes.set_xticks(places, [str(p) for p in panel.x], rotation=30 if len(panel.x) > 6 else 0)
    _stages(axes, panel)


def _stages(axes: Axes, panel: Panel) -> None:
    for name, (first, end) in zip(("I", "II", "III"), panel.stages, strict=False):
        if first > 0:
            axes.axvline(first - 0.5, color=INK, lw=0.8, linestyle=(0, (2, 2)), zorder=0)
        axes.annotate(
            name, ((first + end - 1) / 2, 1.0), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=9
        )  # fmt: skip


def _bars(axes: Axes, panel: Panel) -> None:
    count, scale = len(panel.series), 100 if panel.percent else 1
    thickness = 0.8 / count
    for i, series in enumerate(panel.series):
        places = [place + (i - (count - 1) / 2) * thickness for place in range(len(panel.x))]
        values = [scale * value for value in series.values]
        hatch = ("", "///", "...", "xxx")[i % 4]
        bars = axes.barh(
            places, values, thickness * 0.92, color=PALETTE[i % len(PALETTE)], alpha=0.75, hatch=hatch, edgecolor=INK,
            lw=0.4, label=series.name,
        )  # fmt: skip
        axes.bar_label(bars, [f"{v:.3g}" if math.isfinite(v) else "" for v in values], padding=3, fontsize=8.5)
        if series.low is not None and series.high is not None:
            for place, low, high in zip(places, series.low, series.high, strict=True):
                axes.plot([scale * low, scale * high], [place, place], color=INK, lw=1)
    axes.set_yticks(range(len(panel.x)), [str(label) for label in panel.x])
    axes.invert_yaxis()
    axes.margins(x=0.16)
    axes.set_xlabel(panel.y_label)
    axes.set_ylabel(panel.x_label)
    if _crosses_zero(panel):
        axes.axvline(0, color=INK, lw=0.8)


def _matrix(axes: Axes, panel: Panel) -> None:
    values = [list(series.values) for series in panel.series]
    finite = [value for row in values for value in row if math.isfinite(value)] or [0.0]
    own = min(0.0, *finite), max(0.0, *finite) or 1.0  # zero is the palest: a pale place is a small number
    lowest, highest = panel.range or own
    image = axes.pcolormesh(values, cmap=SHEET, vmin=lowest, vmax=highest, edgecolors="white", linewidth=0.4)
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    every = max(1, math.ceil(len(panel.x) / 12))
    axes.set_xticks([i + 0.5 for i in range(0, len(panel.x), every)], [str(x) for x in panel.x[::every]])
    every = max(1, math.ceil(len(values) / 16))
    axes.set_yticks([i + 0.5 for i in range(0, len(values), every)], [s.name for s in panel.series[::every]])
    axes.invert_yaxis()
    axes.figure.colorbar(image, ax=axes, shrink=0.9, pad=0.02)
    if len(values) * len(panel.x) <= 144:
        for r, row in enumerate(values):
            for c, value in enumerate(row):
                dark = math.isfinite(value) and value - lowest > 0.6 * (highest - lowest)
                text = f"{value:.2g}" if math.isfinite(value) else "none"
                place, ink = (c + 0.5, r + 0.5), "white" if dark else CELL_INK
                axes.annotate(text, place, ha="center", va="center", fontsize=7, color=ink)


def _crosses_zero(panel: Panel) -> bool:
    values = [v for s in panel.series for v in s.values if math.isfinite(v)]
    return bool(values) and min(values) < 0


def _ends(values: Sequence[float], percent: bool) -> str:
    finite = [v for v in values if math.isfinite(v)]
    if not finite:
        return "nothing"
    scale, unit = (100, " %") if percent else (1, "")
    return f"from {scale * finite[0]:.3g}{unit} to {scale * finite[-1]:.3g}{unit}"
