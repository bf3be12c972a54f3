from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest_plugins = ("pytester",)

Project = Callable[..., pytest.RunResult]

CLAIMS = '''
@claim("5.1-mlp-I", where="Table 3", paper="retrieval_process")
def test_mlp_1(subject, judge):
    """MLPs in Stage I can be replaced by their mean."""
    judge.also(share(9).below(percent(5)), reading="as published")
    judge(share(3).below(percent(5)), paper=PAPER, controls={"noop": 0.0})

@claim("5.1-mlp-III", where="Table 3", paper="retrieval_process")
def test_mlp_3(subject, judge):
    """MLPs in Stage III are needed."""
    count = {"one": 100, "two": 300}[subject]
    judge(every(share(count).above(percent(40)).labelled("mean"), share(399).above(percent(40))), paper=PAPER)

@claim("5.1-attention", where="Table 3", paper="retrieval_process")
def test_attention(subject, judge):
    """Self-attention can be removed."""
    judge(share(90).below(percent(25)))

@claim("4-removed", where="Table 2", paper="retrieval_process")
def test_removed(subject, judge):
    """A model that never saw a document ranks it."""
    judge(untestable(f"{subject} has no siblings that were trained without some documents: train them with --train"))

@claim("0-possible", where="Table 3", paper="retrieval_process")
def test_possible(judge):
    """Every percentage is a count over one number of queries."""
    judge(share(398).above(percent(90)))
'''
KNOWN = '[[known]]\nclaim = "5.1-mlp-III"\nmodel = "one"\nreason = "25.00 %"\n'

TABLE = """\

retrieval_process, Section 0
claim           model  verdict               estimate [interval] (n)           asked
0-possible      -      supported             99.50 % [98.20, 99.86] (398/400)  > 90 %

retrieval_process, Section 4
claim           model  verdict               estimate [interval] (n)           asked
4-removed       one    untestable            one has no siblings that were trained without some
                                             documents: train them with --train
                two    untestable            two has no siblings that were trained without some
                                             documents: train them with --train

retrieval_process, Section 5.1
claim           model  verdict               estimate [interval] (n)           asked
5.1-attention   one    undecided             22.50 % [18.68, 26.84] (90/400)   < 25 %
    22.50 % [18.68, 26.84] (90/400) may or may not be below 25 %: undecided; about 760 more queries
    would decide if the value stayed
                two    undecided             22.50 % [18.68, 26.84] (90/400)   < 25 %
    22.50 % [18.68, 26.84] (90/400) may or may not be below 25 %: undecided; about 760 more queries
    would decide if the value stayed
5.1-mlp-I       one    supported             0.75 % [0.26, 2.18] (3/400)       < 5 %
  as published  one    (supported)           2.25 % [1.19, 4.22] (9/400)       < 5 %
                two    supported             0.75 % [0.26, 2.18] (3/400)       < 5 %
  as published  two    (supported)           2.25 % [1.19, 4.22] (9/400)       < 5 %
    paper: NQ10k 0.76, NQ320k 3.39
5.1-mlp-III     one    contradicted (known)  25.00 % [21.01, 29.47] (100/400)  > 40 % (2 parts)
                two    supported             75.00 % [70.53, 78.99] (300/400)  > 40 % (2 parts)
    paper: NQ10k 0.76, NQ320k 3.39

9 verdicts on one, two: 4 supported, 1 contradicted (1 known), 2 undecided, 2 untestable
ledger: report/claims.json"""
ONE_MODEL = """\
retrieval_process, Section 5.1 (paper: NQ10k / NQ320k)
claim           verdict       estimate [interval] (n)           asked             paper
5.1-mlp-I       supported     0.75 % [0.26, 2.18] (3/400)       < 5 %             0.76/3.39
  as published  (supported)   2.25 % [1.19, 4.22] (9/400)       < 5 %
5.1-mlp-III     contradicted  25.00 % [21.01, 29.47] (100/400)  > 40 % (2 parts)  0.76/3.39
    mean: 25.00 % [21.01, 29.47] (100/400) is not above 40 %: contradicted (deciding of 2 parts: 1
    supported, 1 contradicted)

2 verdicts on one: 1 supported, 1 contradicted, 0 undecided, 0 untestable
ledger: report/claims.json"""


def ledger(folder: Path) -> dict[str, object]:
    return json.loads((folder / "report" / "claims.json").read_text(encoding="utf-8"))


def without_seconds(folder: Path) -> str:
    text = (folder / "report" / "claims.json").read_text(encoding="utf-8")
    return "\n".join(row for row in text.splitlines() if '"seconds"' not in row)


def test_workers_change_nothing_in_the_ledger(project: Project, pytester: pytest.Pytester) -> None:
    alone = project(CLAIMS, known=KNOWN)
    one = without_seconds(pytester.path)
    spread = project(CLAIMS, "-n", "2", known=KNOWN)
    assert without_seconds(pytester.path) == one
    outcomes = {"passed": 4, "undecided": 2, "skipped": 2, "xfailed": 1}
    assert alone.parseoutcomes() == spread.parseoutcomes() == outcomes
    assert alone.ret == spread.ret == 0


def test_a_run_takes_its_seconds_from_fixtures_as_well(project: Project, pytester: pytest.Pytester) -> None:
    source = '''
import time

@pytest.fixture
def trained():
    time.sleep(0.2)

@claim("1-x", where="Table 1", paper="demo")
def test_x(trained, judge):
    """The sentence."""
    time.sleep(0.1)
    judge(share(3).below(percent(5)))
'''
    project(source)
    [record] = ledger(pytester.path)["records"]  # type: ignore[misc]
    assert 0.3 <= record["seconds"] < 5


def test_holm_is_over_the_judged_claims_of_a_section(project: Project, pytester: pytest.Pytester) -> None:
    project(CLAIMS, "--model", "two")
    records = {(r["id"], r["reading"]): r for r in ledger(pytester.path)["records"]}  # type: ignore[attr-defined]
    family = [records[name, "corrected"] for name in ("5.1-mlp-I", "5.1-mlp-III", "5.1-attention")]
    ordered = sorted(family, key=lambda record: record["p_value"])
    adjusted, running = [], 0.0
    for factor, record in zip((3, 2, 1), ordered, strict=True):
        running = max(running, min(1.0, factor * record["p_value"]))
        adjusted.append(running)
    assert [record["p_holm"] for record in ordered] == pytest.approx(adjusted, rel=1e-12)
    assert records["0-possible", "corrected"]["p_holm"] == records["0-possible", "corrected"]["p_value"]
    assert records["5.1-mlp-I", "as published"]["p_holm"] is None
    assert records["4-removed", "corrected"]["p_holm"] is None


def table(result: pytest.RunResult) -> str:
    shown = [row.rstrip() for row in result.outlines]
    start = next(i for i, row in enumerate(shown) if row.startswith("=") and " claims " in row)
    end = next(i for i, row in enumerate(shown) if row.startswith("ledger: "))
    return "\n".join(shown[start + 1 : end + 1])


def test_the_table_of_verdicts(project: Project) -> None:
    assert table(project(CLAIMS, known=KNOWN)) == TABLE
    assert table(project(CLAIMS, "-n", "2", known=KNOWN)) == TABLE


def test_the_table_of_one_model_names_the_papers_figures(project: Project) -> None:
    assert table(project(CLAIMS, "--model", "one", "-k", "mlp")).lstrip() == ONE_MODEL


def test_no_claims_leave_no_ledger(project: Project, pytester: pytest.Pytester) -> None:
    result = project("def test_plain():\n    pass\n")
    assert result.ret == 0
    assert not (pytester.path / "report").exists()
    assert "ledger: " not in result.stdout.str()


def test_a_ledger_holds_what_ran_and_nothing_else(project: Project, pytester: pytest.Pytester) -> None:
    project(CLAIMS, known=KNOWN)
    project(CLAIMS, "-k", "possible", known=KNOWN)
    assert [record["id"] for record in ledger(pytester.path)["records"]] == ["0-possible"]  # type: ignore[attr-defined]


def test_exhibits_are_those_of_this_run(project: Project, pytester: pytest.Pytester) -> None:
    source = (
        CLAIMS
        + '''
@claim("5-seen", where="-", paper="retrieval_process")
def test_seen(subject, settings, judge):
    """The sentence."""
    keeper(settings.report, subject)("table3", {"noop": 0.0})
    judge(share(398).above(percent(90)))
'''
    )
    earlier = pytester.path / "report" / "exhibits" / "one" / "figure3.json"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("{}")
    os.utime(earlier, (0, 0))
    project("from fixtures.exhibits import keeper\n" + source, "--model", "one", known=KNOWN)
    kept = sorted(str(p.relative_to(earlier.parents[1])) for p in earlier.parents[1].rglob("*.json"))
    assert kept == ["-/environment.json", "one/table3.json"]
    environment = json.loads((earlier.parents[1] / "-" / "environment.json").read_text())
    assert environment["python"] == platform.python_version()
    assert environment["numpy"] == np.__version__


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_a_ledger_that_cannot_be_written_fails_the_run(
    project: Project, pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    pytester.path.joinpath("report").write_text("a file stands in the way")
    result = project(CLAIMS, *workers, known=KNOWN)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["ERROR: expected to write */report/claims.json, got *: choose a folder with --claims-report"]
    )
    result.stdout.fnmatch_lines(["9 verdicts on one, two: *"])


def test_a_worker_that_dies_costs_its_claim_only(project: Project, pytester: pytest.Pytester) -> None:
    source = (
        CLAIMS
        + '''
@claim("6-killed", where="-", paper="retrieval_process")
def test_killed(subject, judge):
    """The sentence."""
    import os
    if subject == "one":
        os._exit(9)
    judge(share(398).above(percent(90)))
'''
    )
    result = project(source, "-n", "2", known=KNOWN)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*worker 'gw?' crashed while running *test_killed?one?*"])
    found = [(record["id"], record["model"]) for record in ledger(pytester.path)["records"]]  # type: ignore[attr-defined]
    assert ("6-killed", "one") not in found
    assert len(set(found)) == 10
