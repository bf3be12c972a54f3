"""A learning curve from the lines that training writes: 140 steps whose loss is the step, evaluated at two of them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from genir import __main__ as cli
from genir.errors import GenirError
from genir.report.charts import row
from genir.report.curve import curve


def texts(svg: str) -> list[str]:
    return ["".join(element.itertext()) for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    lines = [{"step": step, "loss": float(step), "rate": 9.0} for step in range(1, 141)]
    lines[69] |= {"queries": 8, "hits@1": 0.25, "hits@10": 0.5, "mrr": 0.4}
    lines[139] |= {"queries": 8, "hits@1": 0.5, "hits@10": 1.0, "mrr": 0.7}
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


def test_loss_is_averaged_and_validation_stands_where_it_was_found(model: Path) -> None:
    loss, validation = curve(model)
    assert list(loss.x) == list(range(2, 141, 2))
    assert list(loss.series[0].values) == [step - 0.5 for step in range(2, 141, 2)]
    assert loss.y_label == "loss, mean of 2 steps"
    assert list(validation.x) == [70, 140]
    assert {series.name: list(series.values) for series in validation.series} == {
        "Hits@1": [25, 50], "Hits@10": [50, 100], "MRR": [40, 70],
    }  # fmt: skip
    assert curve(model / "train.jsonl") == curve(model)


def test_a_run_without_validation_has_one_panel(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"step": 1, "loss": 2.5}\n')
    [loss] = curve(tmp_path)
    assert (list(loss.x), list(loss.series[0].values), loss.y_label) == ([1], [2.5], "loss")


def test_both_panels_stand_in_one_file_that_is_the_same_every_time(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = model / "curve.svg"
    assert cli.main(["report", "curve", str(model), "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert out.read_text() == row(curve(model))
    assert {"step", "loss, mean of 2 steps", "on validation queries, %", "Hits@1", "Hits@10", "MRR"} <= {
        *texts(out.read_text())
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a line a step in .*train.jsonl, got none: train the model first"),
        ('{"step": 1, "loss": 1}\n{"step": 2', r"""expected step and loss, got '\{"step": 2' in .*train.jsonl:2: train the"""),
        ('{"step": 1}', "expected step and loss, got .* in .*train.jsonl:1: train the model again"),
        ("[1]", "expected step and loss, got .* in .*train.jsonl:1: train the model again"),
        (None, "expected a learning curve at .*train.jsonl, got No such file or directory: name train.jsonl or its f"),
    ],
)  # fmt: skip
def test_what_is_no_curve_is_one_line(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "train.jsonl").write_text(text)
    with pytest.raises(GenirError, match=f"^{message}"):
        curve(tmp_path)


def test_the_drawn_curve_of_the_released_model_is_that_of_its_log() -> None:
    root = Path(__file__).parents[2]
    drawn = (root / "docs" / "curve-vital10k.svg").read_text()
    assert texts(drawn) == texts(
        row(curve(root / "fixtures" / "released" / "vital10k"))
    )  # labels, and numbers at the axes
