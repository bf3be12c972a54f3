"""``python -m genir prune`` on a model that trains in a second."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from genir import __main__ as cli
from genir.corpora.beir import write_beir
from genir.interventions.sites import published_stages
from genir.models.dsi import load_dsi
from genir.models.recipe import Recipe
from genir.models.training import train
from tests.models import tiny


@pytest.fixture
def deep(tmp_path: Path, tiny_base: Path) -> Path:
    """A model of four decoder layers that has learned its corpus by heart."""
    base = tmp_path / "base"
    base.mkdir()
    tiny.write_base(base, num_decoder_layers=4)
    recipe = Recipe(
        "deep", steps=60, batch_size=8, learning_rate=5e-3, docid_learning_rate=5e-2, warmup=4, max_length=12
    )
    (tmp_path / "scratch").mkdir()
    train(recipe, tiny.corpus(), base, tmp_path / "deep", tmp_path / "scratch")
    return tmp_path / "deep"


def test_a_pruned_model_is_written_read_again_and_described(deep, tmp_path, capsys):
    write_beir(tiny.corpus(), tmp_path / "beir")
    arguments = ["prune", str(deep), "--corpus", str(tmp_path / "beir"), "--out", str(tmp_path / "small")]
    assert cli.main([*arguments, "--cache", str(tmp_path), "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    sizes = [float(size) for size in re.findall(r"([\d.]+) M decoder parameters", said)]
    assert len(sizes) == 2
    assert "whole" in said
    assert "reduced" in said
    assert "Hits@10" in said
    assert said.endswith(f"{tmp_path / 'small'}\n")
    small, whole = load_dsi(tmp_path / "small"), load_dsi(deep)
    stages = published_stages(4)
    assert small.layers == len(stages.II) + len(stages.III)
    assert small.docids == whole.docids
    inputs = small.pad(small.tokenize(["w1 w2"]))
    assert torch.isfinite(small.logits(inputs)).all()
    assert cli.main([*arguments, "--cache", str(tmp_path), "--device", "cpu"]) == 2
    assert "expected a new or an empty folder to write to" in capsys.readouterr().err
