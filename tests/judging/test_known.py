from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.known import read_known, stale
from genir.errors import GenirError

pytest_plugins = ("pytester",)

Project = Callable[..., pytest.RunResult]

CLAIM = '''
@claim("5.1-x", where="Table 3", paper="demo")
def test_x(subject, judge):
    """The sentence."""
    judge({answer})
'''
CONTRADICTED = "share(100).below(percent(5))"


def entry(claim: str = "5.1-x", model: str = "one", reason: str = "loses 25 % [21, 29]") -> str:
    return f'[[known]]\nclaim = "{claim}"\nmodel = "{model}"\nreason = "{reason}"\n'


def test_a_known_contradiction_does_not_fail_the_run(project: Project) -> None:
    result = project(CLAIM.format(answer=CONTRADICTED), "-v", "--model", "one", known=entry())
    assert result.ret == 0
    assert result.parseoutcomes() == {"xfailed": 1}
    result.stdout.fnmatch_lines(
        ["*::test_x?one? CONTRADICTED (known)*", "5.1-x  contradicted (known)  25.00 %*", "*1 contradicted (1 known)*"]
    )


def test_it_is_known_for_its_model_only(project: Project) -> None:
    result = project(CLAIM.format(answer=CONTRADICTED), known=entry())
    assert result.ret == 1
    assert result.parseoutcomes() == {"xfailed": 1, "failed": 1}
    result.stdout.fnmatch_lines(["FAILED claims/test_claims.py::test_x?two? - 25.00 %*"])


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_an_entry_that_outlived_its_truth_fails(project: Project, workers: tuple[str, ...]) -> None:
    result = project(CLAIM.format(answer="share(3).below(percent(5))"), "--model", "one", *workers, known=entry())
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "expected 5.1-x on one to be contradicted (loses 25 % ?21, 29?), it is supported: remove its entry from "
            "claims/known.toml"
        ]
    )


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [("share(20).below(percent(5))", "undecided"), ('untestable("no base model")', "skipped")],
)
def test_undecided_and_untestable_stay_what_they_are(project: Project, answer: str, outcome: str) -> None:
    result = project(CLAIM.format(answer=answer), "--model", "one", known=entry())
    assert result.ret == 0
    assert result.parseoutcomes() == {outcome: 1}


def test_an_entry_excuses_contradictions_and_no_other_failure(project: Project) -> None:
    source = CLAIM.format(answer=CONTRADICTED).replace("    judge(", "    assert 1 + 1 == 3\n    judge(")
    result = project(source, "--model", "one", known=entry())
    assert result.ret == 1
    assert result.parseoutcomes() == {"failed": 1}
    result.stdout.fnmatch_lines(["*assert (1 + 1) == 3*"])


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_an_entry_without_claim_fails_the_collection(project: Project, workers: tuple[str, ...]) -> None:
    result = project(CLAIM.format(answer=CONTRADICTED), *workers, known=entry(claim="5.1-gone"))
    assert result.ret != 0
    lines = result.stdout.str()
    message = "expected a claim 5.1-gone, known.toml has an entry for it but no test does: remove or rename the entry"
    assert lines.count(message) == 1
    assert "passed" not in result.parseoutcomes()


@pytest.mark.parametrize("selection", [("-k", "nothing_like_it"), ("--model", "two")])
def test_a_claim_that_is_not_run_exists_all_the_same(project: Project, selection: tuple[str, str]) -> None:
    result = project(CLAIM.format(answer="share(3).below(percent(5))"), *selection, known=entry())
    assert "errors" not in result.parseoutcomes()


def test_part_of_the_claims_proves_no_entry_stale(project: Project) -> None:
    source = CLAIM.format(answer="share(3).below(percent(5))")
    result = project(source, known=entry(claim="5.1-elsewhere"), path="claims/test_claims.py")
    assert result.ret == 0


def test_a_malformed_file_is_one_line(project: Project) -> None:
    result = project(CLAIM.format(answer=CONTRADICTED), known="[[known]\n")
    assert result.ret != 0
    result.stdout.fnmatch_lines(["expected TOML in known.toml, got *: mend the file"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[known]\n", r"^expected TOML in known\.toml, got .*: mend the file$"),
        ("[known]\n", r"^expected only \[\[known\]\] entries in known\.toml, got a value"),
        ("a = 1\n", r"^expected only \[\[known\]\] entries in known\.toml, got a: "),
        (entry(reason=" "), r"^expected a text for each of claim, model, reason in entry 1 of known\.toml"),
        ('[[known]]\nclaim = "x"\n', r"in entry 1 of known\.toml, got {'claim': 'x'}"),
        (entry() + "extra = 1\n", r"in entry 1 of known\.toml"),
        ("known = [1]\n", r"in entry 1 of known\.toml, got 1"),
        (entry() + entry(), r"^expected one entry for 5\.1-x on one in known\.toml, got two: remove one$"),
    ],
)
def test_what_is_wrong_with_an_entry_is_said(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "known.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(GenirError, match=message):
        read_known(path)


def test_entries_are_read_by_claim_and_model(tmp_path: Path) -> None:
    path = tmp_path / "known.toml"
    path.write_text("# a comment\n" + entry() + entry(model="two", reason="31 %"), encoding="utf-8")
    assert read_known(path) == {("5.1-x", "one"): "loses 25 % [21, 29]", ("5.1-x", "two"): "31 %"}
    assert read_known(tmp_path / "absent.toml") == {}
    assert stale(read_known(path), ["5.1-y"]) == ["5.1-x"]
    assert stale(read_known(path), ["5.1-x", "5.1-y"]) == []
