"""``python -m genir train needle-lm`` trains three seeds and continues each; the folders are what it prints."""

from __future__ import annotations

import json

import pytest

import genir.cli.needle as command
from genir.__main__ import main
from genir.errors import GenirError
from genir.models import needle_released
from genir.models.catalogue import NEEDLE_SEEDS
from genir.models.needle_language import Language
from genir.models.needle_lm import NeedleRecipe, untrained_model
from genir.models.needle_released import language_of, load_needle_lm, needle_folder
from genir.models.needle_training import Progress


def test_every_seed_and_its_continuation_are_obtained(monkeypatch, tmp_path, capsys):
    asked = []

    def obtain(recipe, cache, *, continued, watch, device):
        watch(Progress(0, 4, 1, 10, 2.0, 3.0, 9.0))
        asked.append((recipe.seed, continued, cache, device))
        folder = tmp_path / f"{recipe.seed}-{continued}"
        folder.mkdir()
        (folder / "metrics.json").write_text("{}")
        return folder

    monkeypatch.setattr(command, "obtain_needle_lm", obtain)
    assert main(["train", "needle-lm", "--cache", str(tmp_path), "--device", "cpu"]) == 0
    assert asked == [(seed, continued, tmp_path, "cpu") for seed in NEEDLE_SEEDS for continued in (False, True)]
    printed = capsys.readouterr()
    assert printed.out.split() == [str(tmp_path / f"{seed}-{continued}") for seed, continued, _, _ in asked]
    assert "needle-lm-2-long" in printed.err
    assert "texts of 4, loss 2.000, at most 9 s left" in printed.err


def test_releases_are_sealed_and_loaded_by_name(monkeypatch, tmp_path, capsys):
    recipe = NeedleRecipe(0, layers=1, heads=2, head_size=4, hidden=8, intermediate=8)
    monkeypatch.setattr(needle_released, "RELEASED", tmp_path / "released")
    monkeypatch.setattr(command, "NEEDLE_SEEDS", (0,))

    def obtain(asked, cache, *, continued, watch, device):
        folder = tmp_path / f"{continued}"
        untrained_model(recipe).half().save_pretrained(folder)
        (folder / "metrics.json").write_text('{"needle": 0.9791}')
        (folder / "language.json").write_text('{"seed": 3}')
        (folder / "train.jsonl").write_text(
            '{"rung": 0, "step": 1, "loss": 2.0}\n{"rung": 1, "step": 1, "loss": 1.0}\n'
        )
        return folder

    monkeypatch.setattr(command, "obtain_needle_lm", obtain)
    assert main(["export", "needle-lm", "--cache", str(tmp_path), "--device", "cpu"]) == 0
    folder = needle_folder("needle-lm-0-long", tmp_path)
    assert folder == tmp_path / "released" / "needle-lm-0-long"
    assert "texts of 192: needle 98%" in (folder / "README.md").read_text()
    assert [json.loads(line)["step"] for line in (folder / "train.jsonl").read_text().splitlines()] == [1, 2]
    assert language_of(folder) == Language(seed=3)
    assert load_needle_lm(folder, "mine").head_count == 2
    assert main(["export", "needle-lm", "--cache", str(tmp_path), "--device", "cpu"]) == 2
    assert "remove it to write another" in capsys.readouterr().err
    (folder / "metrics.json").write_text("{}")
    with pytest.raises(
        GenirError, match="expected the files of the released needle-lm-0-long as SHA256SUMS lists them"
    ):
        needle_folder("needle-lm-0-long", tmp_path)


def test_without_a_release_the_model_is_trained(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(needle_released, "RELEASED", tmp_path / "released")
    monkeypatch.setattr(
        needle_released,
        "obtain_needle_lm",
        lambda recipe, cache, **options: asked.append((recipe.seed, options["continued"])),
    )
    needle_folder("needle-lm-2", tmp_path)
    needle_folder("needle-lm-1-long", tmp_path)
    assert asked == [(2, False), (1, True)]
