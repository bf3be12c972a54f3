from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from fixtures.settings import threads

pytest_plugins = ("pytester",)

Project = Callable[..., pytest.RunResult]

SHOW = """
def test_show(settings):
    assert {condition}, settings
"""


def test_defaults_lie_in_the_project(project: Project) -> None:
    condition = (
        "(settings.models, settings.corpus, settings.base, settings.train, settings.device, settings.protocol,"
        " settings.stages, settings.confidence, settings.strict)"
        " == ((), None, None, False, 'auto', 'masked', 'published', 0.95, False)"
        " and settings.cache.name == '.genir' and settings.report.name == 'report' and settings.cache.is_absolute()"
    )
    assert project(SHOW.format(condition=condition)).ret == 0


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_options_reach_fixtures(project: Project, workers: tuple[str, ...]) -> None:
    condition = (
        "(settings.models, settings.corpus, settings.base, settings.train, settings.device, settings.protocol,"
        " settings.stages, settings.alpha)"
        " == (('a', 'b'), 'folder', 'google-t5/t5-large', True, 'cpu', 'as-published', 'detected', 0.01)"
        " and settings.cache.name == 'c' and settings.report.name == 'r'"
    )
    options = (
        "--model a --model b --model a --corpus folder --base google-t5/t5-large --train --device cpu --alpha 0.01"
    )
    more = "--protocol as-published --stages detected --cache c --claims-report r"
    assert project(SHOW.format(condition=condition), *options.split(), *more.split(), *workers).ret == 0


def test_the_ledger_names_the_settings_that_matter(project: Project, pytester: pytest.Pytester) -> None:
    source = '''
@claim("1-x", where="Table 1", paper="demo")
def test_x(judge):
    """The sentence."""
    judge(share(3).below(percent(5)))
'''
    project(source, "--protocol", "unpadded", "--claims-report", "elsewhere")
    text = (pytester.path / "elsewhere" / "claims.json").read_text(encoding="utf-8")
    assert '"settings": {\n  "protocol": "unpadded",\n  "stages": "published",\n  "alpha": 0.05\n }' in text


@pytest.mark.parametrize("alpha", ["0", "0.5", "3", "-1"])
def test_alpha_is_a_small_share(project: Project, alpha: str) -> None:
    result = project("", "--alpha", alpha)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: expected --alpha between 0 and 0.5, got {alpha}: 0.05 gives 95 % intervals"])


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_cuda_where_there_is_none_is_one_line(
    project: Project, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    # a stand-in: what pytester's runs import is forgotten after them, and torch does not survive a second import
    torch = SimpleNamespace(__version__="2.13.0", cuda=SimpleNamespace(is_available=lambda: False))
    monkeypatch.setitem(sys.modules, "torch", torch)
    result = project("", "--device", "cuda", *workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: expected a CUDA device for --device cuda, torch 2.13.0 finds none: use --device cpu"]
    )
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


@pytest.mark.parametrize(
    ("cores", "workers", "at_work", "expected"),
    [
        (2, None, None, 2),
        (2, "1", None, 2),
        (2, "4", None, 1),
        (2, "4", 1, 2),
        (8, "4", None, 2),
        (8, "4", 3, 2),
        (8, "2", 5, 4),
    ],
)
def test_threads_are_a_share_of_the_cores(
    monkeypatch: pytest.MonkeyPatch, cores: int, workers: str | None, at_work: int | None, expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    monkeypatch.delenv("PYTEST_XDIST_WORKER_COUNT", raising=False)
    if workers is not None:
        monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", workers)
    assert threads(at_work) == expected


def test_a_file_of_correct_queries_reaches_fixtures_and_is_asked_for(
    project: Project, pytester: pytest.Pytester
) -> None:
    (pytester.path / "correct_valid.json").write_text("[]")
    condition = "settings.correct.name == 'correct_valid.json' and settings.correct.is_absolute()"
    assert project(SHOW.format(condition=condition), "--correct", "correct_valid.json").ret == 0
    result = project(SHOW.format(condition="True"), "--correct", "nowhere.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: expected a file of correct queries as --correct, got nowhere.json: check the path"]
    )
