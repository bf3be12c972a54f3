"""Inner runs that something happens to, and the line that sums up what was lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from genir.models.store import intact

COUNTS: Counter[str] = Counter()

CONFTEST = """
pytest_plugins = (
    "fixtures.settings", "fixtures.subjects", "fixtures.judging", "fixtures.collecting", "fixtures.exhibits",
    "fixtures.recording", "fixtures.progress", "tests.faults.miniature",
)

def pytest_claim_subjects(config):
    return {"subject_name": ("one", "two")}
"""
CLAIMS = '''
from fixtures.judging import claim
from genir.statistics.estimate import percent
from genir.statistics.proportions import proportion

@claim("1-below", where="Table 1", paper="demo")
def test_below(lost, judge):
    """Few are lost."""
    judge(proportion(lost).below(percent(10)))

@claim("1-above", where="Table 1", paper="demo")
def test_above(lost, judge):
    """Some are lost."""
    judge(proportion(lost).above(percent(1)))
'''
INI = "[pytest]\naddopts = --import-mode=importlib -p no:cacheprovider\nfilterwarnings = error\n"


class Ended(NamedTuple):
    """How an inner run ended: exit code, what it printed, and the records of its ledger without their times."""

    code: int
    text: str
    records: list[dict[str, Any]]


class Project(NamedTuple):
    """A folder with claims, a cache and a report."""

    path: Path

    def start(self, fault: str = "", report: str = "report", workers: int = 2) -> subprocess.Popen[str]:
        """Begin a run of the claims in a process of its own."""
        command = [
            sys.executable,
            "-m",
            "pytest",
            "claims",
            "-p",
            "xdist",
            "-n",
            str(workers),
            "--claims-report",
            report,
        ]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "CI"))}
        environment = {
            **kept,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "FAULT": fault,
        }
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(command, cwd=self.path, env=environment, stdin=subprocess.DEVNULL, **output)  # type: ignore[call-overload]

    def end(self, process: subprocess.Popen[str], report: str = "report") -> Ended:
        """Wait for a run; one that hangs is killed, and a failure."""
        try:
            text, _ = process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        ledger = self.path / report / "claims.json"
        records = json.loads(ledger.read_bytes())["records"] if ledger.exists() else []
        return Ended(process.returncode, text, [record | {"seconds": None} for record in records])

    def run(self, fault: str = "", report: str = "report", workers: int = 2) -> Ended:
        """A run from its start to its end."""
        return self.end(self.start(fault, report, workers), report)

    @property
    def kept(self) -> list[Path]:
        """The folders of the store that are served."""
        rooms = (self.path / ".genir" / room for room in ("models", "evidence"))
        return [path for room in rooms if room.is_dir() for path in sorted(room.iterdir()) if path.name != "partial"]

    @property
    def computed(self) -> list[str]:
        """A line for each step and each block that any run has computed."""
        path = self.path / ".genir" / "builds.log"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "claims").mkdir()
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "pytest.ini").write_text(INI)
    (tmp_path / "claims" / "test_claims.py").write_text(CLAIMS)
    return Project(tmp_path)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The records of a run that nothing happened to."""
    path = tmp_path_factory.mktemp("undisturbed")
    ended = project.__wrapped__(path).run()  # type: ignore[attr-defined]
    assert ended.code == 0, ended.text
    return ended.records


@pytest.fixture
def nothing_lost(project: Project, undisturbed: list[dict[str, Any]]) -> Callable[[Ended], None]:
    """Assert, and count, that a run ended as an undisturbed one does and left a whole cache."""

    def check(ended: Ended) -> None:
        whole = ended.code == 0 and ended.records == undisturbed and all(map(intact, project.kept))
        COUNTS["losses"] += not whole
        assert whole, ended.text

    return check


@pytest.fixture
def count() -> Callable[[str], None]:
    """``count("kills")`` or ``count("faults")``."""
    return lambda what: COUNTS.update([what])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if COUNTS:
        kills, faults, losses = (COUNTS[name] for name in ("kills", "faults", "losses"))
        terminalreporter.write_line(f"faults: {kills} kills, {faults} other faults, losses: {losses}")
