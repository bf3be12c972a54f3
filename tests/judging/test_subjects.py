from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures import subjects

pytest_plugins = ("pytester",)

Project = Callable[..., pytest.RunResult]

MANY = '''
import os

@claim("1-{k}", where="Table 1", paper="demo")
@pytest.mark.parametrize("k", range(6))
def test_many(subject, judge, k):
    """The sentence."""
    judge(share(3).below(percent(5)), records={"worker": os.environ.get("PYTEST_XDIST_WORKER", "-")})

@claim("0-x", where="Table 1", paper="demo")
def test_none(judge):
    """The sentence."""
    judge(share(3).below(percent(5)), records={"worker": os.environ.get("PYTEST_XDIST_WORKER", "-")})
'''


def workers_by_model(folder: Path) -> dict[str, set[str]]:
    found = defaultdict(set)
    for record in json.loads((folder / "report" / "claims.json").read_text(encoding="utf-8"))["records"]:
        found[record["model"]].add(record["records"]["worker"])
    return dict(found)


def test_each_model_stays_on_one_worker(
    project: Project, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subjects, "cores", lambda: 8)
    # names of which one begins like another, and a hub id
    names = ("a", "a-b", "owner/name")
    result = project(MANY, "-n", "4", *(f"--model={name}" for name in names))
    assert result.parseoutcomes() == {"passed": 19}
    found = workers_by_model(pytester.path)
    assert sorted(found) == ["-", *names]
    assert all(len(workers) == 1 for workers in found.values())
    assert len(set.union(*(found[name] for name in names))) == 3
    assert found["-"] == found["a"]
    result.stdout.fnmatch_lines(["3 workers ?19 items?"])


def test_no_more_workers_than_models(project: Project) -> None:
    result = project(MANY, "-n", "4", "--model", "a")
    result.stdout.fnmatch_lines(["1 worker ?7 items?"])
    assert result.parseoutcomes() == {"passed": 7}


def test_no_more_workers_than_cores(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subjects, "cores", lambda: 2)
    result = project(MANY, "-n", "4", "--model", "a", "--model", "b", "--model", "c")
    result.stdout.fnmatch_lines(["2 workers ?19 items?"])
    assert result.parseoutcomes() == {"passed": 19}


def test_another_distribution_may_be_asked_for(project: Project) -> None:
    result = project(MANY, "-n", "2", "--model", "a", "--dist", "worksteal", "-v")
    result.stdout.fnmatch_lines(["scheduling tests via WorkStealingScheduling"])


def test_other_tests_are_distributed_as_ever(project: Project, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_plain="def test_y():\n    pass")
    result = project(MANY, "-n", "2", "-v", path=".")
    result.stdout.fnmatch_lines(["scheduling tests via LoadScheduling"])


def test_claims_run_model_by_model(project: Project) -> None:
    source = MANY + MANY.replace("test_", "test_more_").replace('"1-', '"2-').replace('"0-', '"3-')
    result = project(source, "--collect-only", "-q")
    models = [line.partition("[")[2].partition("-")[0] for line in result.outlines if "::" in line]
    assert models == [""] * 2 + ["one"] * 12 + ["two"] * 12


def test_a_folder_is_called_by_its_name(project: Project, pytester: pytest.Pytester) -> None:
    folder = pytester.mkdir("checkpoint")
    result = project(MANY, "--model", folder)
    assert result.ret == 0
    assert sorted(workers_by_model(pytester.path)) == ["-", "checkpoint"]
    assert str(pytester.path) not in (pytester.path / "report" / "claims.json").read_text(encoding="utf-8")


def test_two_folders_of_one_name_are_refused(project: Project, pytester: pytest.Pytester) -> None:
    for name in ("a", "b"):
        (pytester.path / name / "model").mkdir(parents=True)
    result = project(MANY, "--model", "a/model", "--model", "b/model")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: expected models of different names, got a/model and b/model: rename one"])


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_wrong_name_is_one_line_before_anything_is_collected(project: Project, workers: tuple[str, ...]) -> None:
    result = project(MANY, "--model", "nobody", *workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: expected a model that exists, got 'nobody': name another"])
    assert "collected" not in result.stdout.str()


def test_a_claim_asks_through_any_chain_of_fixtures(project: Project) -> None:
    source = '''
@pytest.fixture
def lost(subject):
    return share(3)

@claim("1-x", where="Table 1", paper="demo")
def test_x(lost, judge):
    """The sentence."""
    judge(lost.below(percent(5)))
'''
    assert project(source).parseoutcomes() == {"passed": 2}
