"""The claims themselves on a small model, their worker killed while it trains, sweeps or judges."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genir.corpora.beir import write_beir
from genir.models.store import intact
from tests.faults.conftest import COUNTS
from tests.models import tiny

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
KILLS = 4
ASKED = "5_1_patching or test_3_training"


def start(folder: Path) -> subprocess.Popen[str]:
    options = [
        "--model",
        "model",
        "--corpus",
        "beir",
        "--base",
        "model",
        "--cache",
        "cache",
        "--claims-report",
        "report",
    ]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-c",
        str(ROOT / "pytest.ini"),
        "--rootdir",
        str(ROOT),
        str(ROOT / "claims" / "retrieval_process"),
    ]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "CI"))}
    return subprocess.Popen(
        [*command, "-n", "1", "-k", ASKED, "-p", "no:cacheprovider", *options],
        cwd=folder, env={**kept, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def worker_of(process: subprocess.Popen[str]) -> int | None:
    """The xdist worker that the run has started, once it is there."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(children[0]) if children else None


def records(folder: Path) -> list[dict[str, Any]]:
    found = json.loads((folder / "report" / "claims.json").read_bytes())["records"]
    return [record | {"seconds": None} for record in found]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds workers as Linux lists them")
def test_the_worker_killed_at_several_moments(tmp_path: Path, count: Callable[[str], None]) -> None:
    """After every kill the run ends by itself, and the run after the last finds what an undisturbed one finds, to the last bit."""
    corpus = tiny.corpus()
    for name in ("calm", "killed"):
        folder = tmp_path / name
        folder.mkdir()
        tiny.write_base(
            folder / "model", [document.id for document in corpus.documents], num_layers=4, num_decoder_layers=4
        )
        write_beir(corpus, folder / "beir")
    began = time.monotonic()
    calm = start(tmp_path / "calm")
    text, _ = calm.communicate(timeout=600)
    took = time.monotonic() - began
    expected = records(tmp_path / "calm")
    assert expected, text
    kills = 0
    for number in range(KILLS):
        process = start(tmp_path / "killed")
        time.sleep(
            took * (number + 1) / (KILLS + 1)
        )  # a later run, which finds more in the cache, may have ended by then
        worker = worker_of(process)
        if worker is not None and process.poll() is None:
            os.kill(worker, signal.SIGKILL)
            count("kills")
            kills += 1
        process.communicate(timeout=600)
        rooms = [room for room in (tmp_path / "killed" / "cache").glob("*") if room.is_dir()]
        assert all(intact(kept) for room in rooms for kept in room.iterdir() if kept.name != "partial")
    assert kills
    last = start(tmp_path / "killed")
    text, _ = last.communicate(timeout=600)
    same = records(tmp_path / "killed") == expected
    COUNTS["losses"] += not same
    assert same, text
