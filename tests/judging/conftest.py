"""A project in miniature: the plugins of this one, claims that need no model, and two names for models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

# imported here so that no inner run has to: what an inner run imports is forgotten after it, SciPy included
import genir.statistics.judgement
import genir.statistics.proportions  # noqa: F401

PLUGINS = ("settings", "subjects", "judging", "collecting", "exhibits", "recording", "progress")

CONFTEST = f"""
from pathlib import Path

import pytest
from genir.errors import GenirError

pytest_plugins = {tuple(f"fixtures.{name}" for name in PLUGINS)!r}


def pytest_claim_subjects(config):
    names = tuple(config.option.model or ("one", "two"))
    if "nobody" in names:
        raise GenirError("expected a model that exists, got 'nobody': name another")
    return {{"subject_name": names}}


@pytest.fixture(scope="session")
def subject(subject_name):
    if subject_name == "broken":
        raise GenirError("expected intact weights, got a truncated file: delete it")
    return subject_name


@pytest.fixture
def provenance(subject):
    return "corpus of " + Path(subject).name, "600 pages"
"""

PRELUDE = """
import numpy as np
import pytest
from fixtures.judging import claim
from genir.statistics.estimate import percent
from genir.statistics.judgement import every, untestable
from genir.statistics.proportions import proportion

def share(count, n=400):
    return proportion(np.arange(n) < count)

PAPER = {"NQ10k": 0.76, "NQ320k": 3.39}
"""

INI = """
[pytest]
addopts = --import-mode=importlib -p no:cacheprovider
filterwarnings = error
strict_markers = true
"""


@pytest.fixture
def lay_out(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``lay_out(source, known="")`` writes a project with one file of claims, out of reach of the run around it."""
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID", "PYTEST_ADDOPTS", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # the plugins of this machine are none of the test's
    pytester.makeconftest(CONFTEST)
    pytester.makeini(INI)
    claims = pytester.mkdir("claims")

    def lay_out(source: str, known: str = "") -> None:
        (claims / "test_claims.py").write_text(PRELUDE + source, encoding="utf-8")
        (claims / "known.toml").write_text(known, encoding="utf-8")

    return lay_out


@pytest.fixture
def project(pytester: pytest.Pytester, lay_out: Callable[..., None]) -> Callable[..., pytest.RunResult]:
    """``project(source, *options, known="")`` lays out a project and runs its claims in this process."""

    def run(source: str, *options: str | Path, known: str = "", path: str = "claims") -> pytest.RunResult:
        lay_out(source, known)
        return pytester.runpytest_inprocess(path, *options, *(("-p", "xdist") if "-n" in options else ()))

    return run
