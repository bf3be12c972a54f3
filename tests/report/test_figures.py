from __future__ import annotations

import csv
import io
import math
import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from genir.errors import GenirError
from genir.report import charts
from genir.report.charts import Panel, Series, files, inline
from genir.report.figures import panel_csv, panels
from tests.report.sample_run import LM, MODEL, exhibits

CURVES = Panel("curves", "figure3-ratio", "A title", "layer", "ratio", [0, 1, 2], (Series("MLP", [0.1, 0.2, 0.3]),))


def drawn(panel: Panel) -> Any:
    return charts._figure(panel).axes[0]


def test_figure_3_has_a_panel_for_ratios_and_for_each_cosine() -> None:
    found = panels("figure3", exhibits()[MODEL, "figure3"])
    assert [panel.name for panel in found] == ["figure3-ratio", "figure3-cosine_input", "figure3-cosine_output"]
    assert [series.name for series in found[0].series] == ["attention", "MLP", "cross-attention"]
    assert list(found[0].x) == list(range(8))


def test_curves_pass_through_their_numbers_and_stages_are_marked_between_layers() -> None:
    payload = exhibits()[MODEL, "figure3"]
    axes = drawn(panels("figure3", payload)[0])
    lines = {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}
    assert list(lines["MLP"].get_ydata()) == payload["ratio"]["MLP"]["mean"]
    assert list(lines["MLP"].get_xdata()) == list(range(8))
    marks = {float(line.get_xdata()[0]) for line in axes.lines if len(set(line.get_xdata())) == 1}
    assert marks == {1.5, 5.5}  # stages [0, 2), [2, 6), [6, 8)
    places = {text.get_text(): text.xy[0] for text in axes.texts}
    assert places == {"I": 0.5, "II": 3.5, "III": 6.5}


def test_figure_4_takes_stages_from_elsewhere_and_starts_at_the_embedding() -> None:
    found = panels("figure4", exhibits()[MODEL, "figure4"], [[0, 2], [2, 6], [6, 8]])
    assert [panel.name for panel in found] == ["figure4-stream", "figure4-MLP"]
    assert list(found[0].x) == [-1, *range(8)]
    assert found[0].stages == ((0, 2), (2, 6), (6, 8))
    axes = drawn(found[0])
    assert axes.get_yscale() == "log"
    assert axes.xaxis.get_major_formatter()(-1, 0) == "emb."
    assert axes.yaxis.get_major_formatter()(10000, 0) == "10,000"


def test_figure_5_draws_shares_in_percent() -> None:
    payload = exhibits()[MODEL, "figure5"]
    found = panels("figure5", payload)
    assert [panel.name for panel in found] == ["figure5-mlp_III", "figure5-cross_II"]
    widths = [bar.get_width() for bar in drawn(found[0]).patches]
    assert widths == pytest.approx([100 * share for share in payload["mlp_III"]])


def test_figure_5_with_intervals_and_two_readings() -> None:
    bars = [{"value": 0.5, "low": 0.4, "high": 0.6}, {"value": 0.1, "low": None, "high": 0.2}]
    found = panels("figure5", {"sources": ["a", "b"], "mlp_III": {"positive": bars, "signed": [0.2, -0.1]}})
    assert [series.name for series in found[0].series] == ["positive", "signed"]
    assert found[0].series[0].high == [0.6, 0.2]
    assert math.isnan(found[0].series[0].low[1])  # type: ignore[index]


def test_exhibits_that_say_how_they_are_drawn() -> None:
    heads, ladder, recall, histogram = (
        panels(name, exhibits()[LM, name])[0]
        for name in ("heads_map", "heads_ladder", "heads_recall", "heads_histogram")
    )
    assert (heads.kind, len(heads.series), len(heads.x)) == ("matrix", 30, 9)
    assert list(ladder.x) == [0, 2, 5, 10]
    assert ladder.series[1] == Series("random heads", [0.98, 0.97, 0.92, 0.84])
    assert math.isnan(recall.series[1].values[1])
    assert [bar.get_width() for bar in drawn(histogram).patches] == [154, 80, 24, 12]
    assert drawn(recall).collections[0].get_clim() == (0.0, 1.0)
    assert [text.get_text() for text in drawn(recall).texts] == ["1", "0.9", "0.8", "0.9", "none", "0.7"]


def test_a_matrix_is_coloured_over_the_range_that_it_names() -> None:
    payload = {"kind": "matrix", "values": [[0.2, 0.5]], "range": [0, 1]}
    assert drawn(panels("heads_recall_masked", payload)[0]).collections[0].get_clim() == (0.0, 1.0)
    assert drawn(panels("heads_map", payload | {"range": None})[0]).collections[0].get_clim() == (0.0, 0.5)


def test_an_exhibit_that_is_no_figure() -> None:
    assert panels("table1", {"a": 1}) == ()


@pytest.mark.parametrize(
    ("name", "payload", "message"),
    [
        ("figure3", [1], "expected an object in the exhibit figure3, got list"),
        ("figure3", {"layers": 8}, "expected curves in the exhibit figure3, got layers"),
        ("figure3", {"layers": 8, "ratio": {"MLP": [1, 2]}}, "expected 8 or 9 numbers at figure3 ratio, got 2"),
        ("figure3", {"ratio": {"MLP": [1], "attention": [1, 2]}}, r"expected curves of one length .* got \[1, 2\]"),
        (
            "figure3",
            {"ratio": {"MLP": {"mean": [1, 2], "low": [1]}}},
            "expected 2 numbers at figure3 ratio MLP low, got 1",
        ),
        ("figure3", {"ratio": {"MLP": ["x"]}}, "expected a number at figure3 ratio MLP, got 'x'"),
        ("figure3", {"stages": [[0]], "ratio": {"MLP": [1]}}, "expected first and end layer of each stage"),
        ("figure5", {"mlp_III": [1]}, "expected a list of sources in the exhibit figure5"),
        ("figure5", {"sources": ["a"], "mlp_III": [1, 2]}, "expected 1 numbers at figure5 mlp_III, got 2"),
        ("heads_map", {"kind": "matrix", "values": 3}, "expected rows of numbers as values of the exhibit heads_map"),
        (
            "heads_map",
            {"kind": "matrix", "values": [[1], [1, 2]]},
            r"expected rows of one length in the exhibit heads_map, got \[1, 2\]",
        ),
        ("heads_map", {"kind": "matrix", "values": [[1]], "y_labels": ["a", "b"]}, "expected 2 rows .* got 1"),
        ("heads_map", {"kind": "matrix", "values": [[1]], "range": [1, 0]}, r"expected a range .* got \[1, 0\]"),
        ("curves", {"kind": "curves", "values": {}}, "expected numbers as values of the exhibit curves, got none"),
        (
            "bars",
            {"kind": "bars", "values": [1, 2], "x_labels": ["a"]},
            "expected 1 numbers in each row of the exhibit bars, one for each label, got 2",
        ),
    ],
)
def test_exhibits_of_another_form(name: str, payload: Any, message: str) -> None:
    with pytest.raises(GenirError, match=message):
        panels(name, payload)


def test_the_same_panel_gives_the_same_bytes_and_no_date() -> None:
    first, second = files(CURVES), files(CURVES)
    assert first == second
    assert "<dc:date>" not in first[0]
    assert first[1].startswith(b"\x89PNG")
    assert b"Software" not in first[1]


def test_texts_of_a_drawing_are_escaped_and_no_formulas() -> None:
    hostile = "<script>$x^2$ & </script>"
    vector, _ = files(CURVES._replace(series=(Series(hostile, [1, 2, 3]), Series("b", [1, 2, 3]))))
    root = ET.fromstring(vector)
    assert hostile in ["".join(node.itertext()).strip() for node in root.iter("{http://www.w3.org/2000/svg}text")]


def test_an_inlined_drawing_shares_no_id_and_follows_the_theme() -> None:
    vector, _ = files(CURVES)
    one, other = inline(vector, "one"), inline(vector, "other")
    names = [set(re.findall(r'\bid="([^"]+)"', text)) for text in (one, other)]
    assert names[0]
    assert not names[0] & names[1]
    for text, own in zip((one, other), names, strict=True):
        assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', text)) <= own
    assert charts.INK not in one
    assert "var(--ink)" in one
    assert "var(--series-1)" in one
    assert "<metadata" not in one
    assert one.startswith("<svg viewBox=")


def test_csv_of_a_panel() -> None:
    panel = CURVES._replace(series=(Series("MLP", [0.1, math.nan, 0.3], [0.0, 0.1, 0.2], [0.2, 0.3, 0.4]),))
    assert list(csv.reader(io.StringIO(panel_csv(panel)))) == [
        ["layer", "MLP", "MLP, low", "MLP, high"],
        ["0", "0.1", "0.0", "0.2"],
        ["1", "", "0.1", "0.3"],
        ["2", "0.3", "0.2", "0.4"],
    ]


def test_a_summary_says_in_words_what_is_drawn() -> None:
    assert CURVES.summary == "A title. ratio by layer: MLP from 0.1 to 0.3."
    assert CURVES._replace(kind="matrix").summary == "A title. ratio by layer: 1 by 3 values."
