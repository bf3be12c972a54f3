"""Disks that are full, limited or cannot be written to: one line, nothing half-written, and what is whole is served."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from genir.errors import GenirError
from genir.models.store import obtain
from tests.models.crashing import CONTENT, ENTRY, built, is_whole, never, obtain_under_a_limit

Start = Callable[..., BaseProcess]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk; the limit on file sizes is tested everywhere")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_one_line_and_the_next_call_works(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"b" * 48_000)
    pattern = rf"^expected room for {ENTRY} in {small_disk}, 0 MB are free: free space or use --cache$"
    with pytest.raises(GenirError, match=pattern) as told:
        obtain(small_disk, "thing", CONTENT, large)
    assert isinstance(told.value.__cause__, OSError)
    assert not (small_disk / ENTRY).exists()
    assert not (small_disk / "partial" / ENTRY / "target").exists()  # its space is free again
    ballast.unlink()
    assert is_whole(built(small_disk))


def test_a_full_disk_under_safetensors_is_the_same_line(small_disk: Path) -> None:
    import torch
    from safetensors.torch import save_file

    def weights(target: Path, scratch: Path) -> None:
        save_file({"w": torch.zeros(50_000)}, target / "model.safetensors")

    with pytest.raises(GenirError, match=r"^expected room for thing"):
        obtain(small_disk, "thing", CONTENT, weights)
    assert not (small_disk / ENTRY).exists()
    assert is_whole(built(small_disk))


def large(target: Path, scratch: Path) -> None:
    (target / "weights.bin").write_bytes(b"w" * 100_000)


@pytest.mark.parametrize("size", [0, 3, 1_500, 4_500])
def test_a_limit_on_file_sizes_is_one_line_and_the_next_call_works(tmp_path: Path, start: Start, size: int) -> None:
    answer, cache = tmp_path / "answer", tmp_path / "cache"
    start(obtain_under_a_limit, cache, size, answer).join()
    told = json.loads(answer.read_text())
    assert told.startswith("GenirError: expected room for")
    assert "\n" not in told
    assert not (cache / ENTRY).exists()
    assert is_whole(built(cache))


def test_a_disk_that_cannot_be_written_to_is_one_line(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(
        GenirError, match=r"^expected to write thing-.* into .*, got 'Read-only file system': choose a f"
    ):
        built(small_disk)


def test_what_is_whole_is_served_from_a_disk_that_cannot_be_written_to(small_disk: Path) -> None:
    folder = built(small_disk)
    (small_disk / "partial" / ENTRY / "scratch").mkdir(parents=True)  # nor can it be cleared up
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert obtain(small_disk, "thing", CONTENT, never) == folder


def test_a_cache_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(GenirError, match=r"^expected to write thing-.* into .*cache, got 'Not a directory': choose"):
        built(tmp_path / "cache")
