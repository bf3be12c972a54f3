from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genir.report.ledger import Ledger
from genir.report.record import Record
from genir.report.terminal import asked, counts, estimate, printed, table, verdict
from genir.statistics.verdict import Verdict
from tests.report.samples import few, record, several


def plain(ledger: Ledger, width: int = 100) -> list[str]:
    return ["".join(text for text, _ in line) for line in table(ledger, width)]


@few
@given(several(min_size=1), st.integers(80, 140))
def test_no_line_is_wider_than_the_terminal(members: list[Record], width: int) -> None:
    assert max(len(line) for line in plain(Ledger.of(members), width)) <= width


@few
@given(several(min_size=1))
def test_every_verdict_is_spelled_out(members: list[Record]) -> None:
    ledger = Ledger.of(members)
    words = "\n".join(plain(ledger))
    for one in ledger.records:
        assert verdict(one) in words


def test_colours_say_the_same_as_words() -> None:
    members = [record(id=f"5.1-{verdict}", verdict=verdict) for verdict in Verdict]
    members.append(record(id="5.1-known", verdict=Verdict.CONTRADICTED, known="25 %"))
    members.append(record(id="5.1-also", judged=False))
    styles = {text.strip(): style for line in table(Ledger.of(members)) for text, style in line if style}
    assert {
        word: sorted(styles[word]) for word in ("supported", "contradicted", "contradicted (known)", "(supported)")
    } == {
        "supported": ["green"],
        "contradicted": ["bold", "red"],
        "contradicted (known)": ["yellow"],
        "(supported)": ["light"],
    }
    assert (sorted(styles["undecided"]), sorted(styles["untestable"])) == (["yellow"], ["blue"])


def test_an_estimate_prints_as_the_paper_writes_it() -> None:
    assert estimate(record(low=0.00258, high=0.02203)) == "0.76 % [0.26, 2.20] (3/396)"
    assert estimate(record(unit="1", value=0.31, low=0.28, high=0.33, count=None)) == "0.31 [0.28, 0.33] (n=396)"
    assert estimate(record(low=None, high=None)) == "0.76 % [-inf, inf] (3/396)"
    assert estimate(record(value=None)) == ""


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "< 5 %"),
        ({"question": "above", "margin": 0.4}, "> 40 %"),
        ({"question": "exceeds", "margin": 0.1}, "diff > 10 %"),
        ({"question": "within", "margin": [-0.1, 0.1], "unit": "1"}, "in [-0.1, 0.1]"),
        ({"question": "below", "margin": -0.9, "unit": "1"}, "< -0.9"),
        ({"parts": [{}, {}]}, "< 5 % (2 parts)"),
        ({"question": None}, ""),
    ],
)
def test_a_question_is_short(fields: dict[str, object], expected: str) -> None:
    assert asked(record(**fields)) == expected


def test_printed_figures_keep_the_papers_precision() -> None:
    assert printed(record(printed={"NQ10k": 0.76, "NQ320k": 3.0, "QG": 7})) == "0.76/3.00/7"


def test_counts() -> None:
    members = [
        record(),
        record(id="5.1-b", verdict=Verdict.CONTRADICTED, known="25 %"),
        record(id="5.1-c", verdict=Verdict.CONTRADICTED),
        record(id="5.1-d", model="vital10k", verdict=Verdict.UNDECIDED),
        record(id="0-x", model="-"),
        record(id="0-x", model="-", reading="as published", judged=False),
    ]
    assert counts(Ledger.of(members)) == (
        "5 verdicts on vital10k, vital600: 2 supported, 2 contradicted (1 known), 1 undecided, 0 untestable"
    )
    assert counts(Ledger.of(members[4:])) == "1 verdict: 1 supported, 0 contradicted, 0 undecided, 0 untestable"


def test_an_empty_ledger_has_an_empty_table() -> None:
    assert table(Ledger.of([])) == []
