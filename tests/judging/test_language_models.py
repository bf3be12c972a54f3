"""Language models are subjects of their own, which a second plugin brings; where only others are named, their claims are untestable."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.language_models import DEFAULT

pytest_plugins = ("pytester",)

Project = Callable[..., pytest.RunResult]

SOURCE = '''
@pytest.fixture
def provenance(request):
    return "-", "-"

@claim("h-x", where="Section 3", paper="demo")
def test_heads(lm_name, judge):
    """The sentence."""
    judge(share(3).below(percent(5)))

@claim("1-x", where="Table 1", paper="demo")
def test_model(subject_name, judge):
    """The sentence."""
    judge(share(3).below(percent(5)))

def test_show(settings):
    print(settings.lms, settings.head_scores and settings.head_scores.name)
'''


@pytest.fixture
def with_language_models(project: Project, pytester: pytest.Pytester) -> Project:
    conftest = pytester.path / "conftest.py"
    text = conftest.read_text(encoding="utf-8")
    assert "'fixtures.progress'" in text
    conftest.write_text(
        text.replace("'fixtures.progress'", "'fixtures.progress', 'fixtures.language_models'"), encoding="utf-8"
    )
    return project


def verdicts(folder: Path) -> dict[tuple[str, str], str]:
    records = json.loads((folder / "report" / "claims.json").read_text(encoding="utf-8"))["records"]
    return {(record["id"], record["model"]): record["verdict"] for record in records}


def test_where_another_model_is_named_the_claim_is_asked_of_no_language_model(
    with_language_models: Project, pytester: pytest.Pytester
) -> None:
    result = with_language_models(SOURCE, "--model", "one", "-rs", "-s")
    assert result.parseoutcomes() == {"passed": 2, "skipped": 1}
    assert verdicts(pytester.path) == {("h-x", "-"): "untestable", ("1-x", "one"): "supported"}
    result.stdout.fnmatch_lines(["*name a language model with --lm, e.g. --lm smollm2-135m"])
    assert "() None" in result.stdout.str()


def test_where_no_model_is_named_the_embedded_ones_are_asked(
    with_language_models: Project, pytester: pytest.Pytester
) -> None:
    result = with_language_models(SOURCE)
    assert result.parseoutcomes() == {"passed": 3 + len(DEFAULT)}
    assert {model for id, model in verdicts(pytester.path) if id == "h-x"} == set(DEFAULT)


@pytest.mark.parametrize("workers", [(), ("-n", "4")])
def test_every_named_model_is_asked(
    with_language_models: Project, pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    names = ("--lm", "smollm2-135m", "--lm", "owner/name", "--lm", "smollm2-135m")
    result = with_language_models(SOURCE, *names, "--head-scores", "scores", *workers)
    assert result.parseoutcomes() == {"passed": 5}
    assert {model for id, model in verdicts(pytester.path) if id == "h-x"} == {"smollm2-135m", "owner/name"}
    result.stdout.fnmatch_lines(["models: one, two, smollm2-135m, owner/name;*"])


def test_a_wrong_name_is_one_line(with_language_models: Project) -> None:
    result = with_language_models(SOURCE, "--lm", "nobody")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: expected --lm to be smollm2-135m, needle-lm-2, needle-lm-2-long, needle-lm-3, needle-lm-3-long, needle-lm-6, needle-lm-6-long, a model folder or a hub id (owner/name), got 'nobody'"
        ]
    )
