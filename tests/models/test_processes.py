"""Several processes train one model: the same curve as one process with the same global batch, and no step lost to a kill."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from genir.errors import GenirError
from genir.models import training
from genir.models.checkpoint import LOG
from tests.models import tiny

Start = Callable[..., BaseProcess]


def places(number: int = 2) -> list[dict[str, str]]:
    """The environment that ``accelerate launch --cpu`` gives to each of ``number`` processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"WORLD_SIZE": str(number), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "ACCELERATE_USE_CPU": "true"}
    return [
        shared | {"RANK": str(rank), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": str(number)} for rank in range(number)
    ]


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / LOG).read_text().splitlines()]


@pytest.fixture(scope="module")
def alone(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone")
    tiny.run(tiny_base, folder / "target", folder / "scratch", checkpoint_seconds=1e9)
    return folder / "target"


def test_two_processes_give_the_curve_of_one(alone: Path, tiny_base: Path, tmp_path: Path, start: Start) -> None:
    children = [start(tiny.run, tiny_base, tmp_path / "target", tmp_path / "scratch", **place) for place in places()]
    for child in children:
        child.join(300)
    assert [child.exitcode for child in children] == [0, 0]
    assert [(tmp_path / "target" / f"size-seen-by-{rank}").read_text() for rank in (0, 1)] == ["2", "2"]
    assert np.abs(np.array(losses(alone)) - losses(tmp_path / "target")).max() < 1e-3
    one, two = (load_file(folder / "model.safetensors") for folder in (alone, tmp_path / "target"))
    assert max(float((one[name] - two[name]).abs().max()) for name in one) < 1e-2


def test_a_killed_process_costs_no_step_beyond_the_last_checkpoint(
    tiny_base: Path, tmp_path: Path, start: Start
) -> None:
    recipe = replace(tiny.RECIPE, steps=60)
    for folder in ("whole", "killed"):
        target, scratch = tmp_path / folder / "target", tmp_path / folder / "scratch"
        if folder == "killed":
            children = [start(tiny.run, tiny_base, target, scratch, recipe, **place) for place in places()]
            while children[0].is_alive() and (not (scratch / LOG).exists() or len(losses(scratch)) < 10):
                time.sleep(0.002)
            children[1].kill()
            children[0].join(20)
            assert children[0].exitcode not in (0, None)  # it does not go on alone, and does not wait for ever
            reached = len(losses(scratch))
            assert 10 <= reached < 60
            before = (scratch / LOG).read_bytes().splitlines()[: reached - 1]
        children = [start(tiny.run, tiny_base, target, scratch, recipe, **place) for place in places()]
        for child in children:
            child.join(300)
        assert [child.exitcode for child in children] == [0, 0]
    lines = (tmp_path / "killed" / "target" / LOG).read_bytes().splitlines()
    assert lines[: reached - 1] == before  # a checkpoint a step: at most the step that was under way is done again
    assert [json.loads(line)["step"] for line in lines] == list(range(1, 61))
    whole, killed = (load_file(tmp_path / folder / "target" / "model.safetensors") for folder in ("whole", "killed"))
    assert all(torch.equal(whole[name], killed[name]) for name in whole)


def test_two_processes_obtain_one_folder_and_a_second_time_do_not_train(
    tiny_base: Path, tmp_path: Path, start: Start
) -> None:
    seen = []
    for _ in range(2):
        children = [start(tiny.obtain, tiny_base, tmp_path / "cache", tmp_path, **place) for place in places()]
        for child in children:
            child.join(300)
        assert [child.exitcode for child in children] == [0, 0]
        folder = Path((tmp_path / "0").read_text())
        assert (tmp_path / "1").read_text() == str(folder)
        seen.append((folder / "model.safetensors").stat().st_mtime_ns)
    assert seen[0] == seen[1]
    assert not list((tmp_path / "cache" / "models" / "partial").glob("*/"))


def test_a_batch_that_cannot_be_shared_evenly_is_one_line(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    three = SimpleNamespace(num_processes=3, process_index=0)
    monkeypatch.setattr(training, "Accelerator", lambda **settings: three)
    with pytest.raises(
        GenirError, match=r"^expected a batch size that 3 processes share evenly, got 8: start another n"
    ):
        training.train(tiny.RECIPE, tiny.corpus(), tiny_base, tmp_path, tmp_path)


def test_processes_that_read_other_checkpoints_are_one_line() -> None:
    apart = SimpleNamespace(device=torch.device("cpu"), gather=lambda step: torch.cat([step, step + 7]))
    with pytest.raises(
        GenirError, match=r"^expected every process to continue at the same step, got \[5, 12\]: put --cac"
    ):
        training._agree(apart, 5)  # type: ignore[arg-type]
