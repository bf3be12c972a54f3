"""Processes that share the parameters (FSDP) train the model that one process trains, and go on where they were stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from genir.models.checkpoint import BEST, CHECKPOINT, LOG
from genir.models.sharding import sharding_wanted
from tests.models import tiny
from tests.models.test_processes import losses, places

Start = Callable[..., BaseProcess]
RECIPE = replace(tiny.RECIPE, steps=8, evaluate_every=4)
FSDP = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2"}  # what accelerate's configuration sets


@pytest.fixture(scope="module")
def alone(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone")
    tiny.run(tiny_base, folder / "target", folder / "scratch", RECIPE)
    return folder


def far_apart(one: Path, other: Path) -> float:
    """The largest difference of any number in two files of the same tensors."""
    tensors = [load_file(path) for path in (one, other)]
    assert tensors[0].keys() == tensors[1].keys()
    return max(float((tensors[0][name] - tensors[1][name]).abs().max()) for name in tensors[0])


@pytest.mark.slow
def test_shared_parameters_give_the_curve_of_one_process(
    alone: Path, tiny_base: Path, tmp_path: Path, start: Start
) -> None:
    """With an evaluation on the way, after which the best weights are kept."""
    target, scratch = tmp_path / "target", tmp_path / "scratch"
    children = [start(tiny.run, tiny_base, target, scratch, RECIPE, 1e9, **place, **FSDP) for place in places()]
    for child in children:
        child.join(300)
    assert [child.exitcode for child in children] == [0, 0]
    assert np.abs(np.array(losses(alone / "target")) - losses(target)).max() < 1e-3
    assert far_apart(alone / "scratch" / BEST, scratch / BEST) < 1e-2
    assert far_apart(alone / "target" / "model.safetensors", target / "model.safetensors") < 1e-2
    metrics = [json.loads((folder / "metrics.json").read_text()) for folder in (alone / "target", target)]
    assert metrics[0] == metrics[1]


def test_shared_parameters_go_on_from_a_checkpoint_and_leave_one(
    alone: Path, tiny_base: Path, tmp_path: Path, start: Start
) -> None:
    """Three steps by one process, five by two that share, an evaluation among them: the checkpoint is that of one process alone."""
    target, scratch = tmp_path / "target", tmp_path / "scratch"
    one = start(tiny.run_until, tiny_base, target, scratch, 3, RECIPE)
    one.join(300)
    before = (scratch / LOG).read_bytes().splitlines()
    assert len(before) == 3
    children = [start(tiny.run, tiny_base, target, scratch, RECIPE, **place, **FSDP) for place in places()]
    for child in children:
        child.join(300)
    assert [child.exitcode for child in children] == [0, 0]
    assert (target / LOG).read_bytes().splitlines()[:3] == before
    assert np.abs(np.array(losses(alone / "target")) - losses(target)).max() < 1e-3
    assert far_apart(alone / "scratch" / CHECKPOINT, scratch / CHECKPOINT) < 1e-2


def test_sharding_is_asked_for_by_accelerate_and_by_more_than_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACCELERATE_USE_FSDP", raising=False)
    assert not sharding_wanted(2)
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    assert sharding_wanted(2)
    assert not sharding_wanted(1)
