from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given

from genir.errors import GenirError
from genir.report.findings import BEGIN, END, findings, overview, within_markers
from genir.report.ledger import Ledger
from genir.report.record import Record
from genir.statistics.verdict import Verdict
from tests.report.samples import few, record, several

MEMBERS = [
    record(low=0.00258, high=0.02203, printed={"NQ10k": 0.76}),
    record(reading="as published", judged=False, value=0.1, low=0.07, high=0.13, count=40),
    record(
        model="vital10k", verdict=Verdict.UNTESTABLE, value=None, question=None, message="untestable: no base model"
    ),
    record(id="5.1-x", sentence="A | B <b>", verdict=Verdict.CONTRADICTED, known="25 %", message="a_b is not *below*"),
    record(id="0-x", model="-", sentence="Percentages are counts.", where="Table 3"),
]


def test_findings_by_section_and_model() -> None:
    assert (
        findings(Ledger.of(MEMBERS))
        == """\
4 verdicts on vital10k, vital600: 2 supported, 1 contradicted (1 known), 0 undecided, 1 untestable.

## retrieval\\_process

### Section 0

| claim | asked | paper | the paper itself |
| --- | --- | --- | --- |
| `0-x` Percentages are counts. (Table 3) | &lt; 5 % |  | **supported**, 0.76 % \\[0.26, 2.20\\] (3/396) |

### Section 5.1

| claim | asked | paper | vital10k | vital600 |
| --- | --- | --- | --- | --- |
| `5.1-mlp-I` MLPs in Stage I can be replaced by their mean. (Table 3) | &lt; 5 % | 0.76 (NQ10k) | **untestable** | \
**supported**, 0.76 % \\[0.26, 2.20\\] (3/396)<br>as published: supported, 10.00 % \\[7.00, 13.00\\] (40/396) |
| `5.1-x` A \\| B &lt;b&gt; (Table 3) | &lt; 5 % |  |  | \
**contradicted (known)**, 0.76 % \\[0.26, 2.20\\] (3/396) |

- `5.1-mlp-I` on vital10k: untestable: no base model
- `5.1-x` on vital600: a\\_b is not \\*below\\*
"""
    )


def test_overview_is_a_word_per_model() -> None:
    assert (
        overview(Ledger.of(MEMBERS))
        == """\
| claim | sentence | the paper itself | vital10k | vital600 |
| --- | --- | --- | --- | --- |
| `0-x` | Percentages are counts. | supported |  |  |
| `5.1-mlp-I` | MLPs in Stage I can be replaced by their mean. |  | untestable | supported |
| `5.1-x` | A \\| B &lt;b&gt; |  |  | contradicted (known) |
"""
    )


def test_each_paper_has_a_table_of_its_own_models() -> None:
    other = replace(MEMBERS[-1], id="h-x", paper="retrieval_heads", model="lm")
    heads, _ = overview(Ledger.of([*MEMBERS, other])).split("\n\n")
    assert heads.startswith("| claim | sentence | lm |\n")


@few
@given(several(min_size=1))
def test_no_text_breaks_a_table_or_reaches_html(members: list[Record]) -> None:
    for text in (findings(Ledger.of(members)), overview(Ledger.of(members))):
        rows = [line for line in text.splitlines() if line.startswith("| ")]
        blocks = re.split(r"\n(?!\| )", text)
        for block in blocks:
            table = [line for line in block.splitlines() if line.startswith("| ")]
            assert len({len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in table}) <= 1
        assert rows or not any(member.judged for member in members)
        assert "<" not in text.replace("<br>", "")


def test_a_block_goes_between_the_markers() -> None:
    text = f"# Title\n\n{BEGIN}\nold\n{END}\n\nrest\n"
    once = within_markers(text, "new\n")
    assert once == f"# Title\n\n{BEGIN}\n\nnew\n\n{END}\n\nrest\n"
    assert within_markers(once, "new") == once


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END} {BEGIN}", f"{BEGIN} {BEGIN} {END}"])
def test_markers_that_are_missing_are_named(text: str) -> None:
    with pytest.raises(GenirError, match=r"in README\.md, once each: put them where the table belongs$"):
        within_markers(text, "new")
