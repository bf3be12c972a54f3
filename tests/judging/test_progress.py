from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures import progress
from fixtures.progress import Progress, jobs, line
from tests.judging.screen import Screen

pytest_plugins = ("pytester",)

JOB = {
    "what": "training vital600",
    "step": 120,
    "steps": 250,
    "loss": 1.234,
    "rate": 41.23,
    "rate_unit": "examples/s",
    "seconds_left": 301.2,
}


def announce(cache: Path, job: object, entry: str = "vital600-0123") -> Path:
    folder = cache / "partial" / entry
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "progress.json"
    path.write_text(job if isinstance(job, str) else json.dumps(job), encoding="utf-8")
    return path


def test_a_job_is_a_line() -> None:
    assert line(JOB, bar=False) == (
        "training vital600: 48%, step 120 of 250, loss 1.23, 41.2 examples/s, 5 min 01 s left"
    )
    assert line(JOB, bar=True) == (
        "training vital600 [############............]  48%, step 120 of 250, loss 1.23, 41.2 examples/s, 5 min 01 s left"
    )


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        ({"what": "loading"}, "loading"),
        ({"what": "loading", "seconds_left": 4.4}, "loading: 4 s left"),
        ({"what": "x", "step": 3, "steps": 0}, "x"),
        ({"what": "x", "step": 9, "steps": 3}, "x: 100%, step 9 of 3"),
        ({"what": "x", "loss": "nan", "step": None, "steps": 2, "rate": True}, "x"),
    ],
)
def test_what_a_job_does_not_say_is_left_out(job: dict[str, object], expected: str) -> None:
    assert line(job, bar=False) == expected


def test_only_living_jobs_count(tmp_path: Path) -> None:
    assert jobs(tmp_path, time.time()) == {}
    announce(tmp_path, JOB)
    old = announce(tmp_path, JOB, "old")
    os.utime(old, (time.time() - 31, time.time() - 31))
    announce(tmp_path, '{"what": "half a fi', "half")
    announce(tmp_path, "[1]", "list")
    announce(tmp_path, {"step": 1}, "nameless")
    assert jobs(tmp_path, time.time()) == {"vital600-0123": JOB}


class Writer:
    """What pytest's terminal writer is to ``Progress``: a ``write`` and a width, onto the screen."""

    fullwidth = 60

    def __init__(self, screen: Screen) -> None:
        self.screen = screen

    def write(self, msg: str, *, flush: bool = False, **markup: bool) -> None:
        self.screen.feed(msg)


class Stream(io.StringIO):
    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self.screen = screen

    def write(self, text: str) -> int:
        self.screen.feed(text)
        return len(text)


def shown(tmp_path: Path, tty: bool, height: int = 24) -> tuple[Screen, Writer, Progress]:
    screen = Screen(height)
    writer = Writer(screen)
    return screen, writer, Progress(tmp_path, writer, Stream(screen), tty)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "nothing was drawn"
        time.sleep(0.01)


@pytest.mark.parametrize("height", [24, 2], ids=["room below", "at the bottom"])
def test_a_tty_shows_jobs_below_what_pytest_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, height: int
) -> None:
    monkeypatch.setattr(progress, "TTY_INTERVAL", 0.01)
    announce(tmp_path, JOB)
    screen, writer, watching = shown(tmp_path, True, height)
    watching.start()
    writer.write("claims/test_x.py ..")
    until(lambda: screen.text[-1].startswith("training"))
    assert screen.text == ["claims/test_x.py ..", line(JOB, bar=True)[:59]]
    writer.write("F")
    writer.write(".\nclaims/test_y.py ")
    until(lambda: screen.text[-1].startswith("training"))
    assert screen.text[:2] == ["claims/test_x.py ..F.", "claims/test_y.py"]
    watching.stop()
    writer.write("U\n")
    assert [row for row in screen.text if row] == ["claims/test_x.py ..F.", "claims/test_y.py U"]


def test_a_job_that_ends_disappears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "TTY_INTERVAL", 0.01)
    path = announce(tmp_path, JOB)
    screen, writer, watching = shown(tmp_path, True)
    watching.start()
    writer.write("..")
    until(lambda: screen.text[-1].startswith("training"))
    path.unlink()
    until(lambda: not screen.text[-1])
    watching.stop()
    assert screen.text == ["..", ""]


def test_many_writes_and_drawings_leave_pytests_text_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "TTY_INTERVAL", 0.0005)
    for i in range(3):
        announce(tmp_path, JOB | {"what": f"job {i}"}, str(i))
    screen, writer, watching = shown(tmp_path, True, height=6)
    watching.start()
    written = ""
    for i in range(300):
        piece = "\n" if i % 17 == 0 else f"{i} "
        writer.write(piece)
        written += piece
        time.sleep(0.0005)
    watching.stop()
    assert "\n".join(screen.text).rstrip() == "\n".join(row.rstrip() for row in written.split("\n"))


def test_elsewhere_a_job_gets_a_line_of_its_own_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "TTY_INTERVAL", 0.01)
    announce(tmp_path, JOB)
    screen, writer, watching = shown(tmp_path, False)
    writer.write("claims/test_x.py ")
    watching.start()
    writer.write("..")
    until(lambda: screen.text[-1] == "")
    time.sleep(0.1)
    writer.write("F\n")
    watching.stop()
    assert screen.text == ["claims/test_x.py ..", line(JOB, bar=False), "F", ""]


def test_stopping_is_clean_and_may_be_done_twice(tmp_path: Path) -> None:
    before = threading.active_count()
    _, writer, watching = shown(tmp_path, True)
    write = writer.write
    watching.start()
    watching.stop()
    watching.stop()
    assert threading.active_count() == before
    assert writer.write == write


SLOW = '''
import json, os, time

@pytest.fixture(scope="session")
def trained(settings):
    folder = settings.cache / "partial" / "vital600-0123"
    folder.mkdir(parents=True)
    for step in range(12):
        (folder / "progress.json").write_text(json.dumps({"what": "training vital600", "step": step, "steps": 12}))
        time.sleep(0.2)
    (folder / "progress.json").unlink()

@claim("1-x", where="Table 1", paper="demo")
def test_x(trained, judge):
    """The sentence."""
    print("captured")
    judge(share(3).below(percent(5)))
'''


@pytest.mark.parametrize("workers", ["0", "1"])
def test_training_in_a_fixture_is_seen_on_a_real_terminal(
    lay_out: Callable[..., None], pytester: pytest.Pytester, workers: str
) -> None:
    lay_out(SLOW)
    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "pytest", "claims", "-p", "xdist", "-n", workers, "--color=no"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(command, cwd=pytester.path, stdin=end, stdout=end, stderr=end, env=environment)
    os.close(end)
    screen, seen = Screen(), False
    while True:
        try:
            piece = os.read(terminal, 65536).decode("utf-8", "replace")
        except OSError:  # how Linux says that the other end was closed
            break
        if not piece:
            break
        screen.feed(piece.replace("\r\n", "\n"))
        seen = seen or any(row.startswith("training vital600 [") for row in screen.text)
    os.close(terminal)
    assert process.wait() == 0
    assert seen
    final = "\n".join(screen.text)
    assert "training vital600" not in final
    assert "captured" not in final
    assert "1 verdict: 1 supported" in final
