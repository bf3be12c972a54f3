"""Selective training changes what the recipe names and nothing else."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import torch
from safetensors.torch import load_file

from genir.models.examples import untrained_dsi
from genir.models.obtain import cached, device_of
from genir.models.recipe import SelectiveRecipe
from genir.models.training import train
from tests.models import tiny

RECIPE = SelectiveRecipe(**asdict(replace(tiny.RECIPE, steps=4)), cross_layers=(0, 1), mlp_layers=(1,))


def test_only_the_chosen_sublayers_and_docids_learn(tiny_base: Path, tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    train(RECIPE, tiny.corpus(), tiny_base, tmp_path / "target", tmp_path / "scratch")
    before = untrained_dsi(tiny_base, tiny.corpus(), RECIPE).model.state_dict()
    after = load_file(tmp_path / "target" / "model.safetensors")
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert {
        name.rsplit(".layer.", 1)[0] + ".layer." + name.rsplit(".layer.", 1)[1][0]
        for name in changed - {"lm_head.weight"}
    } == {
        "decoder.block.0.layer.1",
        "decoder.block.1.layer.1",
        "decoder.block.1.layer.2",
    }
    words = int(untrained_dsi(tiny_base, tiny.corpus(), RECIPE).rows[0])
    assert torch.equal(after["lm_head.weight"][:words], before["lm_head.weight"][:words])
    assert not torch.equal(after["lm_head.weight"][words:], before["lm_head.weight"][words:])


def test_a_model_is_not_cached_before_it_was_trained(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("genir.models.obtain.obtain_base", lambda cache: Path("base-0"))
    assert cached(RECIPE, tiny.corpus(), tmp_path, device_of("cpu")) is None
