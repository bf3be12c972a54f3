from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest_plugins = ("pytester",)

Project = Callable[..., pytest.RunResult]

ONE = '''
@claim("1-x", where="Table 1", paper="demo")
def test_x(judge):
    """The sentence."""
    judge({answer})
'''
ANSWERS = {
    "supported": "share(3).below(percent(5))",
    "contradicted": "share(100).below(percent(5))",
    "undecided": "share(20).below(percent(5))",
    "untestable": 'untestable("no base model")',
}


def records(folder: Path) -> list[dict[str, object]]:
    return json.loads((folder / "report" / "claims.json").read_text(encoding="utf-8"))["records"]


@pytest.mark.parametrize(
    ("verdict", "outcome", "word", "code"),
    [
        ("supported", "passed", "PASSED", 0),
        ("contradicted", "failed", "FAILED", 1),
        ("undecided", "undecided", "UNDECIDED", 0),
        ("untestable", "skipped", "SKIPPED", 0),
    ],
)
def test_a_verdict_has_an_outcome(
    project: Project, pytester: pytest.Pytester, verdict: str, outcome: str, word: str, code: int
) -> None:
    result = project(ONE.format(answer=ANSWERS[verdict]), "-v")
    assert result.ret == code
    assert result.parseoutcomes() == {outcome: 1}
    result.stdout.fnmatch_lines([f"*::test_x {word}*"])
    [record] = records(pytester.path)
    assert (record["id"], record["model"], record["verdict"]) == ("1-x", "-", verdict)
    assert record["sentence"] == "The sentence."


@pytest.mark.parametrize(("verdict", "code"), [("supported", 0), ("undecided", 1), ("untestable", 0)])
def test_strict_makes_undecided_fail_and_nothing_else(project: Project, verdict: str, code: int) -> None:
    result = project(ONE.format(answer=ANSWERS[verdict]), "--strict")
    assert result.ret == code
    if code:
        result.stdout.fnmatch_lines(["5.00 % * may or may not be below 5 %: undecided*", "FAILED * - 5.00 %*"])


def test_strict_reaches_the_workers(project: Project) -> None:
    assert project(ONE.format(answer=ANSWERS["undecided"]), "--strict", "-n", "1").ret == 1


def test_a_contradiction_is_told_in_one_line(project: Project) -> None:
    result = project(ONE.format(answer=ANSWERS["contradicted"]))
    shown = result.stdout.str().split("FAILURES")[1].split("= claims =")[0]
    told = [line for line in shown.splitlines() if line.strip("=_ ")]
    assert told == [
        "_" * 46 + " test_x " + "_" * 46,
        "25.00 % [21.01, 29.47] (100/400) is not below 5 %: contradicted",
    ]
    result.stdout.fnmatch_lines(["FAILED claims/test_claims.py::test_x - 25.00 % *"])


def test_undecided_says_how_many_more_queries_would_decide(project: Project) -> None:
    result = project(ONE.format(answer="share(16).below(percent(5))"))
    result.stdout.fnmatch_lines(["    4.00 % * may or may not be below 5 %: undecided; about 1,500 more queries"])


def test_a_judgement_of_several_parts_shows_the_deciding_one(project: Project, pytester: pytest.Pytester) -> None:
    project(ONE.format(answer="every(share(3).below(percent(5)), share(100).below(percent(5)).labelled('III'))"))
    [record] = records(pytester.path)
    assert record["verdict"] == "contradicted"
    assert record["value"] == 0.25
    assert [part["label"] for part in record["parts"]] == ["", "III"]  # type: ignore[attr-defined]


def test_a_record_holds_figures_controls_and_what_the_claim_adds(project: Project, pytester: pytest.Pytester) -> None:
    source = '''
@claim("5.1-x", where="Table 3", paper="demo")
def test_x(subject, judge):
    """The sentence."""
    judge(share(3).below(percent(5)), paper=PAPER, controls={"noop": 0.0, "random": share(50)}, records={"layers": np.int64(8)})
'''
    assert project(source, "--model", "one").ret == 0
    [record] = records(pytester.path)
    assert {name: record[name] for name in ("model", "corpus", "scale", "paper", "where")} == {
        "model": "one",
        "corpus": "corpus of one",
        "scale": "600 pages",
        "paper": "demo",
        "where": "Table 3",
    }
    assert record["value"] == 3 / 400
    assert (record["n"], record["count"], record["question"], record["margin"]) == (400, 3, "below", 0.05)
    assert record["printed"] == {"NQ10k": 0.76, "NQ320k": 3.39}
    assert record["controls"]["noop"]["value"] == 0.0  # type: ignore[index]
    assert record["controls"]["random"]["value"] == 0.125  # type: ignore[index]
    assert record["records"] == {"layers": 8}
    assert record["reading"] == "corrected"


def test_a_second_reading_is_recorded_and_not_judged(project: Project, pytester: pytest.Pytester) -> None:
    source = '''
@claim("5.1-x", where="Table 3", paper="demo")
def test_x(judge):
    """The sentence."""
    judge.also(share(100).below(percent(5)), reading="as published")
    judge(share(3).below(percent(5)))
'''
    result = project(source)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["1 verdict: 1 supported, 0 contradicted, 0 undecided, 0 untestable"])
    judged, also = records(pytester.path)
    assert (judged["reading"], judged["judged"], judged["verdict"]) == ("corrected", True, "supported")
    assert (also["reading"], also["judged"], also["verdict"]) == ("as published", False, "contradicted")
    assert also["p_holm"] is None


def test_a_reading_cannot_be_given_twice(project: Project) -> None:
    source = '''
@claim("5.1-x", where="Table 3", paper="demo")
def test_x(judge):
    """The sentence."""
    judge.also(share(3).below(percent(5)), reading="corrected")
    judge(share(3).below(percent(5)))
'''
    result = project(source)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["expected one answer to 5.1-x as 'corrected', got a second: name its reading"])


def test_flat_records_only(project: Project) -> None:
    result = project(ONE.format(answer='share(3).below(percent(5)), records={"curve": [1, 2]}'))
    assert result.ret == 1
    result.stdout.fnmatch_lines(["expected records?'curve'? to be a number or a text, got list: flatten it first"])


def test_id_and_sentence_may_name_a_parameter(project: Project, pytester: pytest.Pytester) -> None:
    source = '''
@claim("5.4-words-{k}", where="Table 5", paper="demo")
@pytest.mark.parametrize("k", [1000, 10])
def test_x(judge, k):
    """Docids among the top {k}."""
    judge(share(3).below(percent(5)))
'''
    project(source)
    assert [(record["id"], record["sentence"]) for record in records(pytester.path)] == [
        ("5.4-words-10", "Docids among the top 10."),
        ("5.4-words-1000", "Docids among the top 1000."),
    ]


def test_junit_carries_the_verdict(project: Project, pytester: pytest.Pytester) -> None:
    project(ONE.format(answer=ANSWERS["undecided"]), "--junitxml=junit.xml")
    tree = ElementTree.parse(pytester.path / "junit.xml")
    found = {node.get("name"): node.get("value") for node in tree.iter("property")}
    assert {name: found[name] for name in ("id", "model", "verdict", "value", "reading")} == {
        "id": "1-x",
        "model": "-",
        "verdict": "undecided",
        "value": "0.05",
        "reading": "corrected",
    }
    assert float(found["low"] or "nan") < 0.05 < float(found["high"] or "nan")


def test_a_skip_in_a_fixture_is_untestable(project: Project, pytester: pytest.Pytester) -> None:
    source = '''
@pytest.fixture
def siblings(subject):
    pytest.skip("no removed-document siblings")

@claim("4-removed", where="Table 2", paper="demo")
def test_x(siblings, judge):
    """The sentence."""
'''
    result = project(source, "--model", "one", "-rs")
    assert result.ret == 0
    [record] = records(pytester.path)
    assert (record["verdict"], record["model"]) == ("untestable", "one")
    assert record["message"] == "untestable: no removed-document siblings"
    result.stdout.fnmatch_lines(["SKIPPED ?1? claims/test_claims.py:*: no removed-document siblings"])


BROKEN = '''
@claim("1-{k}", where="Table 1", paper="demo")
@pytest.mark.parametrize("k", range(5))
def test_x(subject, judge, k):
    """The sentence."""
    judge(share(3).below(percent(5)))
'''


def test_a_broken_model_is_one_error_in_one_line(project: Project, pytester: pytest.Pytester) -> None:
    result = project(BROKEN, "--model", "broken", "--model", "whole")
    assert result.ret == 1
    assert result.parseoutcomes() == {"errors": 1, "skipped": 4, "passed": 5}
    told = "expected intact weights, got a truncated file: delete it"
    shown = result.stdout.str().split("= ERRORS =")[1].split("= claims =")[0]
    assert [line for line in shown.splitlines() if line.strip("=_ ")][1:] == [told]
    result.stdout.fnmatch_lines([f"ERROR claims/*broken-0* - {told[:40]}*"])
    assert {record["model"] for record in records(pytester.path)} == {"whole"}


def test_other_tests_keep_their_tracebacks(project: Project, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_plain="from genir.errors import GenirError\ndef test_y():\n    raise GenirError('expected y')"
    )
    result = project(ONE.format(answer=ANSWERS["supported"]), "test_plain.py", path=".")
    result.stdout.fnmatch_lines(["test_plain.py:3: GenirError"])


def test_only_a_claim_can_be_judged(project: Project) -> None:
    result = project("def test_y(judge):\n    pass\n")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*expected a claim, got the plain test test_y: decorate it with @claim(...)"])
