"""Builders for the store, and ways to be killed while they run; imported by child processes, so without torch."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

from genir.models.store import digest, obtain

CONTENT = {"what": "a model", "parts": 3}
ENTRY = f"thing-{digest(CONTENT)}"
PARTS = {"weights.bin": b"w" * 5_000, "config.json": b"{}", "sub/tokens.txt": b"tok\n" * 300}


def build(target: Path, scratch: Path) -> None:
    """Write three files in pieces; every run and every finished file leaves a mark in scratch."""
    with (scratch / "runs").open("a") as stream:
        stream.write("run\n")
    for name, data in PARTS.items():
        path = target / name
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as stream:
            for start in range(0, len(data), 2_000):
                stream.write(data[start : start + 2_000])
                stream.flush()
                sys.audit("tests.piece", str(path))


def is_whole(folder: Path) -> bool:
    found = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    return found.keys() == {*PARTS, "manifest.json"} and all(found[n].read_bytes() == data for n, data in PARTS.items())


def obtain_killed_at(root: Path, event: int) -> None:
    """Be killed at the given operation on the file system under ``root``, 0-based."""
    left = event

    def count(name: str, args: tuple[object, ...]) -> None:
        nonlocal left
        if args and isinstance(args[0], str | os.PathLike) and str(args[0]).startswith(str(root)):
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

    sys.addaudithook(count)
    obtain(root, "thing", CONTENT, build)


def obtain_slowly(root: Path, log: Path, seconds: float) -> None:
    """Obtain beside others; say who built and what was served."""

    def slow(target: Path, scratch: Path) -> None:
        with log.open("a") as stream:
            stream.write(f"built {os.getpid()}\n")
        time.sleep(seconds)
        build(target, scratch)

    folder = obtain(root, "thing", CONTENT, slow)
    with log.open("a") as stream:
        stream.write(f"{'whole' if is_whole(folder) else 'half'} {os.getpid()}\n")


def hold(root: Path, ready: Path) -> None:
    """Build for ever."""

    def never(target: Path, scratch: Path) -> None:
        ready.touch()
        time.sleep(600)

    obtain(root, "thing", CONTENT, never)


def obtain_under_a_limit(root: Path, size: int, answer: Path) -> None:
    """Obtain where no file may grow beyond ``size`` bytes, and keep what the caller is told."""
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        obtain(root, "thing", CONTENT, build)
        told = "served"
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    answer.write_text(json.dumps(told))


def built(root: Path) -> Path:
    return obtain(root, "thing", CONTENT, build)


def never(target: Path, scratch: Path) -> None:
    raise AssertionError("built although a whole folder is there")
