"""The store serves a folder whole or not at all, whatever happens to processes, bytes and disks."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from genir.errors import GenirError
from genir.models import store
from genir.models.store import digest, intact, obtain, write_whole
from tests.models.crashing import (
    CONTENT,
    ENTRY,
    PARTS,
    build,
    built,
    hold,
    is_whole,
    never,
    obtain_killed_at,
    obtain_slowly,
)

Start = Callable[..., BaseProcess]


def test_a_folder_is_built_once_and_then_served(tmp_path: Path) -> None:
    folder = built(tmp_path)
    assert is_whole(folder)
    assert folder == tmp_path / ENTRY == obtain(tmp_path, "thing", CONTENT, never)
    assert not list((tmp_path / "partial").glob("*/"))  # nothing but the lock is left


def test_other_content_is_another_folder(tmp_path: Path) -> None:
    assert built(tmp_path) != obtain(tmp_path, "thing", {**CONTENT, "parts": 4}, build)


def test_a_key_is_the_hash_of_the_content_in_any_order() -> None:
    expected = hashlib.sha256(b'{"a": 1, "b": [1, 2]}').hexdigest()[:16]
    assert digest({"a": 1, "b": (1, 2)}) == digest({"b": [1, 2], "a": 1}) == expected


def test_the_manifest_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    def last(target: Path, scratch: Path) -> None:
        build(target, scratch)
        seen.append((target / "manifest.json").exists() or (tmp_path / ENTRY).exists())

    replace = os.replace

    def moved(source: Path, final: Path) -> None:
        seen.append(intact_files(source))
        replace(source, final)

    monkeypatch.setattr(store.os, "replace", moved)
    obtain(tmp_path, "thing", CONTENT, last)
    assert seen == [False, True]


def intact_files(folder: Path) -> bool:
    return json.loads((folder / "manifest.json").read_text())["files"].keys() == PARTS.keys()


def test_killed_at_any_operation_the_next_call_repairs_and_nothing_half_is_served(tmp_path: Path, start: Start) -> None:
    """Every operation on the file system, from the first look to the last removal, is once the last one of a process."""
    kills = 0
    while True:
        root = tmp_path / str(kills)
        child = start(obtain_killed_at, root, kills)
        child.join()
        if child.exitcode == 0:
            break
        assert child.exitcode == -9
        final = root / ENTRY
        assert is_whole(final) or not intact(final)
        assert is_whole(built(root))
        assert not (root / "partial" / ENTRY).exists()
        shutil.rmtree(root)
        kills += 1
    assert kills >= 30


def test_killed_at_twenty_random_moments_in_a_row_scratch_survives(tmp_path: Path, start: Start) -> None:
    rng, log = np.random.default_rng(5), tmp_path / "log"
    for _ in range(20):
        child = start(obtain_slowly, tmp_path, log, 5.0)
        while not child.exitcode and not log.exists():
            time.sleep(0.005)
        time.sleep(float(rng.uniform(0, 0.05)))
        child.kill()
        child.join()
        assert child.exitcode == -9
        assert not (tmp_path / ENTRY).exists()
    assert (tmp_path / "partial" / ENTRY / "scratch").is_dir()
    assert is_whole(built(tmp_path))


@pytest.mark.parametrize("name", [*PARTS, "manifest.json"])
def test_truncated_files_are_built_again(tmp_path: Path, name: str) -> None:
    folder = built(tmp_path)
    size = (folder / name).stat().st_size
    for length in {0, size // 2, size - 1}:
        os.truncate(folder / name, length)
        assert not intact(folder)
        assert is_whole(built(tmp_path))


def test_every_flipped_bit_is_seen(tmp_path: Path) -> None:
    """Any bit of a small file and of the manifest, and some of the large ones."""
    folder, rng = built(tmp_path), np.random.default_rng(11)
    for name in (*PARTS, "manifest.json"):
        whole = (folder / name).read_bytes()
        bits = np.arange(8 * len(whole))
        for bit in bits if len(bits) < 400 else rng.choice(bits, 150, replace=False):
            changed = bytearray(whole)
            changed[bit // 8] ^= 1 << (bit % 8)
            (folder / name).write_bytes(changed)
            assert not intact(folder), (name, bit)
        (folder / name).write_bytes(whole)
    assert intact(folder)


def test_missing_and_extra_files_are_seen_and_repaired(tmp_path: Path) -> None:
    for change in (
        lambda folder: (folder / "config.json").unlink(),
        lambda folder: (folder / "manifest.json").unlink(),
        lambda folder: (folder / "sub" / "more.txt").write_text("more"),
        shutil.rmtree,
    ):
        change(built(tmp_path))
        assert not intact(tmp_path / ENTRY)
        assert is_whole(built(tmp_path))


@pytest.mark.parametrize(
    "manifest", ["[]", "{}", '{"files": [], "content": {}}', "[" * 100_000, "\xff", '{"files": 1}']
)
def test_a_manifest_of_another_shape_is_not_intact(tmp_path: Path, manifest: str) -> None:
    (built(tmp_path) / "manifest.json").write_text(manifest, encoding="latin-1")
    assert not intact(tmp_path / ENTRY)


def test_a_folder_under_another_models_name_is_not_served(tmp_path: Path) -> None:
    other = tmp_path / f"thing-{digest({'what': 'another'})}"
    built(tmp_path).rename(other)
    assert not intact(other)


def test_a_file_in_the_place_of_the_folder_gives_way(tmp_path: Path) -> None:
    (tmp_path / ENTRY).write_text("in the way")
    assert is_whole(built(tmp_path))


def test_what_a_killed_build_left_in_target_does_not_reach_the_next(tmp_path: Path) -> None:
    target = tmp_path / "partial" / ENTRY / "target"
    target.mkdir(parents=True)
    (target / "stale.bin").write_bytes(b"stale")
    assert is_whole(built(tmp_path))


def test_what_was_left_after_the_folder_was_in_place_is_cleared_up(tmp_path: Path) -> None:
    built(tmp_path)
    left = tmp_path / "partial" / ENTRY / "scratch"
    left.mkdir(parents=True)
    (left / "checkpoint").write_bytes(b"large")
    obtain(tmp_path, "thing", CONTENT, never)
    assert not left.parent.exists()


def test_of_four_processes_one_builds_and_all_are_served(tmp_path: Path, start: Start) -> None:
    log = tmp_path / "log"
    children = [start(obtain_slowly, tmp_path / "cache", log, 0.5) for _ in range(4)]
    for child in children:
        child.join()
    words = [line.split()[0] for line in log.read_text().splitlines()]
    assert sorted(words) == ["built", *["whole"] * 4]
    assert words[0] == "built"


def test_a_builder_that_is_killed_lets_the_waiting_one_build(tmp_path: Path, start: Start) -> None:
    ready, log = tmp_path / "ready", tmp_path / "log"
    first = start(hold, tmp_path / "cache", ready)
    while first.is_alive() and not ready.exists():
        time.sleep(0.01)
    second = start(obtain_slowly, tmp_path / "cache", log, 0.0)
    time.sleep(0.2)
    assert not log.exists()
    first.kill()
    second.join()
    assert [line.split()[0] for line in log.read_text().splitlines()] == ["built", "whole"]


def test_waiting_has_an_end(tmp_path: Path, start: Start) -> None:
    ready = tmp_path / "ready"
    first = start(hold, tmp_path / "cache", ready)
    while first.is_alive() and not ready.exists():
        time.sleep(0.01)
    with pytest.raises(GenirError, match=rf"expected {ENTRY} within 0 s, another process is still building it: wait"):
        obtain(tmp_path / "cache", "thing", CONTENT, never, wait=0.1)


def test_errors_of_the_builder_are_its_own(tmp_path: Path) -> None:
    def denied(target: Path, scratch: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/elsewhere/corpus.jsonl")

    def told(target: Path, scratch: Path) -> None:
        raise GenirError("expected queries, got none: add some") from OSError(errno.ENOSPC, "full")

    with pytest.raises(PermissionError, match="elsewhere"):
        obtain(tmp_path, "thing", CONTENT, denied)
    with pytest.raises(GenirError, match=r"^expected queries, got none"):
        obtain(tmp_path, "thing", CONTENT, told)
    assert is_whole(built(tmp_path))


def test_a_small_file_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "progress.json"
    write_whole(path, "old")

    def crash(source: Path, final: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store.os, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, "new and longer")
    assert path.read_text() == "old"


def test_a_build_tells_how_far_it_is_once_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([5.0, 5.0, 5.9, 6.1, 6.1])
    monkeypatch.setattr(store, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    tell, seen = store.telling(tmp_path / "scratch"), []
    for step in range(3):
        tell({"what": "training x", "step": step})
        seen.append(json.loads((tmp_path / "progress.json").read_text())["step"])
    assert seen == [0, 0, 2]
