"""``python -m genir train needle-lm`` trains three seeds and continues each; the folders are what it prints."""

from __future__ import annotations

import genir.cli.needle as command
from genir.__main__ import main
from genir.models.needle_training import Progress


def test_every_seed_and_its_continuation_are_obtained(monkeypatch, tmp_path, capsys):
    asked = []

    def obtain(recipe, cache, *, continued, watch, device):
        watch(Progress(0, 4, 1, 10, 2.0, 3.0, None, 9.0))
        asked.append((recipe.seed, continued, cache, device))
        folder = tmp_path / f"{recipe.seed}-{continued}"
        folder.mkdir()
        (folder / "metrics.json").write_text("{}")
        return folder

    monkeypatch.setattr(command, "obtain_needle_lm", obtain)
    assert main(["train", "needle-lm", "--cache", str(tmp_path), "--device", "cpu"]) == 0
    assert asked == [(seed, continued, tmp_path, "cpu") for seed in (0, 1, 2) for continued in (False, True)]
    printed = capsys.readouterr()
    assert printed.out.split() == [str(tmp_path / f"{seed}-{continued}") for seed, continued, _, _ in asked]
    assert "needle-lm-2-long" in printed.err
    assert "texts of 4, loss 2.000, at most 9 s left" in printed.err
