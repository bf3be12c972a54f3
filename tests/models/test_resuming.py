"""Training that is killed, stopped, or finds a damaged checkpoint ends in the weights of an uninterrupted run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from genir.models import training
from genir.models.checkpoint import CHECKPOINT, LOG
from genir.models.training import Progress, train
from tests.models import tiny
from tests.models.tiny import equal, log, weights

RECIPE = tiny.RECIPE
Start = Callable[..., BaseProcess]


@pytest.mark.parametrize("change", [{}, {"dropout": 0.1}, {"evaluate_every": 5}], ids=["plain", "dropout", "best"])
def test_killed_at_random_moments_it_ends_in_the_same_weights(
    tiny_base: Path, tmp_path: Path, start: Start, change: dict[str, Any]
) -> None:
    """Seven kills a recipe, 21 in all, each at a moment drawn over the writing of a step and its checkpoint."""
    recipe = replace(RECIPE, steps=48, **change)
    whole, rng = tmp_path / "whole", np.random.default_rng(23)
    tiny.run(tiny_base, whole, tmp_path / "s", recipe, checkpoint_seconds=1e9)
    target, scratch = tmp_path / "target", tmp_path / "scratch"
    reached = []
    for kill in range(7):
        child = start(tiny.run, tiny_base, target, scratch, recipe)
        goal = (kill + 1) * 3 - 1  # killed a little after this step
        while child.is_alive() and lines(scratch) < goal:
            child.join(0.001)
        child.join(float(rng.uniform(0, 0.03)))
        child.kill()
        child.join()
        assert child.exitcode == -9, "it ended before it was killed"
        reached.append(lines(scratch))
    assert reached == sorted(reached)
    assert reached[-1] >= 20
    told: list[Progress] = []
    train(recipe, tiny.corpus(), tiny_base, target, scratch, told.append)
    assert 1 < told[0].step <= reached[-1] + 1  # it went on, it did not start again
    assert equal(weights(whole), weights(target))
    assert [line["step"] for line in log(target)] == list(range(1, recipe.steps + 1))
    assert [line["loss"] for line in log(target)] == [line["loss"] for line in log(whole)]
    assert {path.name for path in scratch.iterdir()} <= {CHECKPOINT, LOG, "best.safetensors"}


def lines(scratch: Path) -> int:
    return (scratch / LOG).read_bytes().count(b"\n") if (scratch / LOG).exists() else 0


@pytest.mark.parametrize("damage", ["empty", "cut", "noise", "other shapes", "other moments", "no moments"])
def test_a_checkpoint_that_cannot_be_read_is_as_none(
    trained: Path, tiny_base: Path, tmp_path: Path, damage: str
) -> None:
    target, scratch = tmp_path / "target", tmp_path / "scratch"
    tiny.run(tiny_base, target, scratch, replace(RECIPE, steps=3))
    path = scratch / CHECKPOINT
    data, tensors = path.read_bytes(), load_file(path)
    notes = {"step": "3", "best": "-1.0"}
    if damage == "other shapes":
        save_file(
            {name: value[..., :1].contiguous() if value.dim() else value for name, value in tensors.items()},
            path,
            notes,
        )
    elif damage == "other moments":
        longer = {name: torch.zeros(999) if "exp_avg" in name else value for name, value in tensors.items()}
        save_file(longer, path, notes)
    elif damage == "no moments":
        save_file({name: value for name, value in tensors.items() if "optimizer" not in name}, path, notes)
    else:
        path.write_bytes({"empty": b"", "cut": data[: len(data) // 2], "noise": bytes(200)}[damage])
    told: list[Progress] = []
    train(RECIPE, tiny.corpus(), tiny_base, target, scratch, told.append)
    assert told[0].step == 1
    assert equal(weights(trained), weights(target))


def test_a_stopped_run_starts_where_it_was(tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stop(Exception):  # noqa: N818
        pass

    def stop(progress: Progress) -> None:
        if progress.step == 10:
            raise Stop

    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", -1.0)
    with pytest.raises(Stop):
        train(RECIPE, tiny.corpus(), tiny_base, tmp_path, scratch, stop)
    told: list[Progress] = []
    train(RECIPE, tiny.corpus(), tiny_base, tmp_path, scratch, told.append)
    assert [progress.step for progress in told] == list(range(10, 25))  # step 10 had no checkpoint yet
    assert {progress.steps for progress in told} == {24}
    assert told[-1].seconds_left == 0
    assert all(progress.rate > 0 for progress in told)
