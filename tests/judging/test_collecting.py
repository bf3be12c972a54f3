from __future__ import annotations

from collections.abc import Callable

import pytest

pytest_plugins = ("pytester",)

Project = Callable[..., pytest.RunResult]

GOOD = '''
@claim("1-x", where="Table 1", paper="demo")
def test_x(judge):
    """The sentence."""
    judge(share(3).below(percent(5)))
'''
TWIN = GOOD.replace("test_x", "test_twin")
WORDLESS = """
@claim("1-y", where="Table 1", paper="demo")
def test_y(judge):
    judge(share(3).below(percent(5)))
"""
UNKNOWN_PARAMETER = '''
@claim("1-{k}", where="Table 1", paper="demo")
def test_y(judge):
    """The sentence."""
'''
SAME_ID = '''
@claim("1-y", where="Table 1", paper="demo")
@pytest.mark.parametrize("k", [1, 2])
def test_y(judge, k):
    """The sentence."""
'''


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
@pytest.mark.parametrize(
    ("source", "message"),
    [
        (GOOD + WORDLESS, "expected the sentence of claim 1-y as docstring of test_y, it has none"),
        (GOOD + TWIN, "expected one test of claim 1-x, got *::test_x and *::test_twin: give one another id"),
        (UNKNOWN_PARAMETER, "expected {parameter} of test_y in id and sentence of its claim, got 'k'"),
        (SAME_ID, "expected one test of claim 1-y, got *::test_y?1? and *::test_y?2?: give one another id"),
    ],
    ids=["wordless", "twins", "unknown parameter", "same id"],
)
def test_claims_that_cannot_be_told_apart_are_refused(
    project: Project, source: str, message: str, workers: tuple[str, ...]
) -> None:
    result = project(source, *workers)
    assert result.ret != 0
    assert "passed" not in result.parseoutcomes()
    result.stdout.fnmatch_lines([message])
    assert "Traceback" not in result.stdout.str()


def test_one_claim_may_be_asked_of_several_models(project: Project) -> None:
    assert project(GOOD.replace("(judge)", "(subject, judge)")).parseoutcomes() == {"passed": 2}


def test_tests_that_are_no_claims_need_no_sentence(project: Project) -> None:
    assert project("def test_plain():\n    pass\n").ret == 0


def test_a_claim_names_its_place_and_paper(project: Project) -> None:
    result = project('@claim("1-x")\ndef test_x():\n    """The sentence."""\n')
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*missing 2 required keyword-only arguments: 'where' and 'paper'*"])
