"""The tutorial runs from top to bottom, and ``python -m genir patch`` prints what the API says."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from genir import CROSS, MLP, GenIR, Stage, mean, zero
from genir import __main__ as cli

TUTORIAL = Path(__file__).parents[2] / "examples" / "tutorial.py"


def test_the_tutorial_runs_and_says_what_the_api_says(
    folder: Path, beir: Path, model: GenIR, capsys: pytest.CaptureFixture[str]
) -> None:
    runpy.run_path(str(TUTORIAL))["main"](str(folder), str(beir))
    said = capsys.readouterr().out
    assert said.startswith("mine: 3 decoder layers, 10 documents")
    correct = model.correct()
    for component in (MLP, CROSS):
        for stage in Stage:
            label, loss = f"Stage {stage} {component} mean", str(model.loss(correct, mean(component, stage)))
            assert re.search(rf"^{label} +{re.escape(loss)}$", said, re.MULTILINE)
    assert re.search(r"\(loss below 5 %\): .*(supported|contradicted|undecided)", said)


def run(*arguments: object) -> int:
    return cli.main(["patch", *map(str, arguments)])


def test_patch_prints_the_loss_beside_its_controls(
    folder: Path, beir: Path, model: GenIR, capsys: pytest.CaptureFixture[str]
) -> None:
    correct = model.correct()
    for sites, by, plan, random in (
        (["mlp:I"], "mean", mean(MLP, Stage.I), "1 random sites"),
        (["cross:1-2"], "zero", zero(CROSS, [1, 2]), "2 random sites"),
        (["cross:2.1"], "zero", zero(CROSS, 2, head=1), "1 random heads"),
        (["mlp", "cross"], "zero", zero(MLP) | zero(CROSS), "6 random sites"),
    ):
        assert run(folder, "--corpus", beir, "--sites", *sites, "--by", by) == 0
        lines = [re.split(r"\s{2,}", line) for line in capsys.readouterr().out.splitlines()]
        assert lines[0] == [f"mine: {len(correct.queries)} of 10 validation queries of beir at rank 1"]
        assert lines[1] == ["3 layers, stages I 0-0, II 1-1, III 2-2"]
        assert lines[3] == [model.intervention(plan).label, str(model.loss(correct, plan))]
        assert lines[4] == ["no-op", str(model.noop(correct))]
        assert lines[5][0] == f"{random}, 20 draws"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sites", "mpl:I"], "expected a site such as mlp:I, cross:3, .*, got 'mpl:I'"),
        (["--sites", "mlp:IIII"], "expected a site such as"),
        (["--sites", "mlp:3-1"], "expected layers whose MLP to replace, got none: name some"),
        (["--sites", "mlp:7"], "expected a decoder layer from 0 to 2, got 7"),
        (["--sites", "cross:1.9"], "expected an attention head from 0 to 1, got the cross-attention of layer 1, head 9"),
        (["--sites", "mlp:I.0"], "expected an attention head from 0 to 1, got the MLP"),
        (["--sites", "mlp:I", "--by", "base"], "expected a base model to take the MLP of layer 0 from"),
        (["--sites", "mlp:I", "--base", "/no/such"], "expected a model folder or a hub id within reach, got '/no/such'"),
        (["--sites", "mlp:I", "--split", "test", "--corpus", "/no/such"], "expected a BEIR folder, got /no/such"),
    ],
)  # fmt: skip
def test_wrong_input_is_one_line(
    folder: Path, beir: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    corpus = [] if "--corpus" in options else ["--corpus", str(beir)]
    assert run(folder, *corpus, *options) == 2
    said = capsys.readouterr()
    assert said.out == "" or said.out.startswith("mine: ")
    assert re.match(message, said.err.splitlines()[-1]), said.err
    assert "Traceback" not in said.err
