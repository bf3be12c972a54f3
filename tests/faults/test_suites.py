"""Runs of claims whose workers are killed, that run side by side, on a cache of another kind or with another clock."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genir.models.store import MANIFEST, file_digest, intact
from tests.faults.conftest import Ended, Project
from tests.faults.miniature import BLOCKS, STEPS

pytestmark = pytest.mark.slow

Check = Callable[[Ended], None]
Count = Callable[[str], None]
ALL = STEPS + 2 + BLOCKS + 1  # operations of one subject
WORK = STEPS + BLOCKS  # lines of the log for one subject
DAY = 86_400.0


@pytest.mark.parametrize("number", range(1, ALL + 1))
def test_a_worker_killed_in_training_or_in_a_sweep(
    project: Project, tmp_path: Path, nothing_lost: Check, count: Count, number: int
) -> None:
    """The run ends by itself and says so, no folder is half, and the next run computes only what was not done."""
    first = project.run(fault=f"kill:{number}:{tmp_path / 'mark'}")
    count("kills")
    assert (tmp_path / "mark").exists()
    assert first.code == 1, first.text
    assert "crashed while running" in first.text
    assert all(map(intact, project.kept))
    nothing_lost(project.run())
    assert sum(line.startswith("step") for line in project.computed) == 2 * STEPS  # no step of training twice
    assert len(project.computed) <= 2 * WORK + BLOCKS  # and one sweep at most


def test_workers_killed_one_after_another(project: Project, tmp_path: Path, nothing_lost: Check, count: Count) -> None:
    """Eight runs in a row, each killed two operations further on."""
    for number in range(8):
        ended = project.run(fault=f"kill:2:{tmp_path / f'mark-{number}'}")
        count("kills")
        assert all(map(intact, project.kept)), ended.text
    nothing_lost(project.run())


def test_two_suites_at_once_in_one_cache(project: Project, nothing_lost: Check, count: Count) -> None:
    """Both end as if alone, and nothing is computed twice."""
    processes = {report: project.start(report=report) for report in ("report", "other")}
    count("faults")
    for report, process in processes.items():
        nothing_lost(project.end(process, report))
    assert len(project.computed) == 2 * WORK


def test_two_suites_of_which_one_is_killed(project: Project, tmp_path: Path, nothing_lost: Check, count: Count) -> None:
    killed = project.start(fault=f"kill:4:{tmp_path / 'mark'}")
    other = project.start(report="other")
    count("kills")
    project.end(killed)
    nothing_lost(project.end(other, "other"))
    nothing_lost(project.run())


def test_a_cache_that_cannot_be_written_to(project: Project, nothing_lost: Check, count: Count) -> None:
    """What is whole is served from it; what is not there is one line that names the way out."""
    cache = project.path / ".genir"
    empty = project.run(fault=f"readonly:{cache}")
    count("faults")
    assert empty.code == 1
    assert "Read-only file system" in empty.text
    assert "choose a folder with --cache" in empty.text
    assert "Traceback" not in empty.text
    shutil.rmtree(project.path / "report", ignore_errors=True)
    nothing_lost(project.run())
    before = project.computed
    nothing_lost(project.run(fault=f"readonly:{cache}"))
    count("faults")
    assert project.computed == before


@pytest.mark.parametrize("shift", [-400 * DAY, -3_600.0, 3_600.0, 400 * DAY], ids=["year-", "hour-", "hour+", "year+"])
def test_a_clock_that_was_set_between_two_runs(
    project: Project, nothing_lost: Check, count: Count, shift: float
) -> None:
    """Neither the clock of the process nor the times of the files decide what is served."""
    nothing_lost(project.run(fault=f"clock:{shift}"))
    before = project.computed
    nothing_lost(project.run())
    for path in project.path.rglob("*"):
        moved = path.stat().st_mtime + shift
        os.utime(path, (moved, moved))
    nothing_lost(project.run())
    count("faults")
    assert project.computed == before


def older_manifest(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    return {"key": folder.name.rpartition("-")[2], "files": sorted(manifest["files"])}


def older_content(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    return manifest | {"content": manifest["content"] | {"version": 1}}


def other_layout(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    for name in manifest["files"]:
        (folder / name).rename(folder / f"old-{name}")
    return manifest


def older_files(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """Consistent in itself, as that version wrote it, under the name of today's folder."""
    for name in manifest["files"]:
        (folder / name).write_bytes(b"5")
    return older_content(folder, manifest) | {"files": {name: file_digest(folder / name) for name in manifest["files"]}}


@pytest.mark.parametrize("age", [older_manifest, older_content, other_layout, older_files])
def test_a_cache_of_an_older_version_is_built_again(
    project: Project, nothing_lost: Check, count: Count, age: Callable[[Path, dict[str, Any]], dict[str, Any]]
) -> None:
    nothing_lost(project.run())
    for folder in project.kept:
        aged = age(folder, json.loads((folder / MANIFEST).read_bytes()))
        (folder / MANIFEST).write_text(json.dumps(aged))
        assert not intact(folder)
    nothing_lost(project.run())
    count("faults")
    assert len(project.computed) == 4 * WORK


def test_folders_of_another_version_beside_todays_stay_as_they_are(
    project: Project, nothing_lost: Check, count: Count
) -> None:
    nothing_lost(project.run())
    strangers = [folder.with_name(f"{folder.name.rpartition('-')[0]}-0123456789abcdef") for folder in project.kept]
    for stranger in strangers:
        stranger.mkdir()
        (stranger / "weights.txt").write_text("of another version")
    ended = project.run()
    count("faults")
    assert ended.code == 0
    assert [(stranger / "weights.txt").read_text() for stranger in strangers] == ["of another version"] * len(strangers)
    assert len(project.computed) == 2 * WORK
