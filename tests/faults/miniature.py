"""A plugin for inner runs: a subject that is trained in steps and swept in blocks, both kept by the store, and ways to fail.

``FAULT`` in the environment says what goes wrong: ``kill:N:MARK`` kills the process at its N-th operation unless the file MARK exists,
``readonly:FOLDER`` refuses every write below FOLDER, ``clock:SECONDS`` sets the clock of the process.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fixtures.settings import Settings
from genir.models.store import obtain

STEPS, BLOCKS = 6, 4
QUERIES = 400
LOG = "builds.log"  # beside the cache: a line for whatever was computed, so that a test can count it

kind, _, rest = os.environ.get("FAULT", "").partition(":")
operations = 0


def operation() -> None:
    """One step of work; the one at which the process is to die is its last."""
    global operations
    operations += 1
    if kind == "kill":
        number, _, mark = rest.partition(":")
        if operations == int(number) and not Path(mark).exists():
            Path(mark).touch()
            os.kill(os.getpid(), signal.SIGKILL)


def refuse(event: str, arguments: tuple[object, ...]) -> None:
    """A disk that cannot be written to, as the processes on it see it; root would not be stopped by permissions."""
    writes = event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.utime", "os.chmod")
    if event == "open":
        flags = arguments[2]
        writes = isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    path = arguments[0] if arguments else None
    if writes and isinstance(path, str | os.PathLike) and Path(path).is_relative_to(rest):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), os.fspath(path))


if kind == "readonly":
    sys.addaudithook(refuse)
if kind == "clock":
    now = time.time
    time.time = lambda: now() + float(rest)


def train(target: Path, scratch: Path) -> None:
    """Six steps, the last of them in the file ``reached``; a run that was killed continues there."""
    reached = scratch / "reached"
    first = int(reached.read_text()) if reached.exists() else 0
    for step in range(first, STEPS):
        operation()
        part = scratch / "reached.part"
        part.write_text(str(step + 1))
        os.replace(part, reached)
        log(scratch, f"step {step}")
    operation()
    (target / "weights.txt").write_text(str(STEPS))
    operation()


def sweep(target: Path, scratch: Path) -> None:
    """Which queries are lost: every thirtieth, found in four blocks."""
    blocks: list[NDArray[np.bool_]] = []
    for block in np.split(np.arange(QUERIES), BLOCKS):
        operation()
        blocks.append(block % 30 == 0)
        log(scratch, "block")
    np.savez(target / "arrays.npz", lost=np.concatenate(blocks))
    operation()


def log(scratch: Path, what: str) -> None:
    with (scratch.parents[3] / LOG).open("a") as stream:
        stream.write(f"{what}\n")


@pytest.fixture(scope="session")
def lost(subject_name: str, settings: Settings) -> NDArray[np.bool_]:
    """Which queries the subject loses, from the cache or computed."""

    def kept(room: str, build: Callable[[Path, Path], None]) -> Path:
        return obtain(settings.cache / room, subject_name, {"room": room, "version": 2}, build)

    assert (kept("models", train) / "weights.txt").read_text() == str(STEPS)
    with np.load(kept("evidence", sweep) / "arrays.npz", allow_pickle=False) as arrays:
        return np.asarray(arrays["lost"])


@pytest.fixture
def provenance(lost: NDArray[np.bool_]) -> tuple[str, str]:
    return "corpus", f"{len(lost)} queries"
