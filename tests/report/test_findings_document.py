from __future__ import annotations

from pathlib import Path

import pytest

from genir.errors import GenirError
from genir.report.findings import (
    BEGIN,
    DOCUMENT,
    END,
    LEDGERS,
    README,
    block,
    document,
    merged,
    read_ledgers,
    sentence,
    write_findings,
)
from genir.report.ledger import Ledger, write
from tests.report.sample_run import HUB, MODEL, ledger, record, share

ROOT = Path(__file__).parents[2]


def of(model: str, **settings: object) -> Ledger:
    return Ledger.of([r for r in ledger().records if r.model in (model, "-")], settings)


def test_what_does_not_hold_comes_before_the_tables() -> None:
    text = document(ledger())
    assert text.startswith("<!-- Generated from claims/ledgers/*.json, do not edit")
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == ["## Contradicted", "## Undecided", "## Untestable", "## All claims"]
    contradicted = text.split("## Contradicted")[1].split("## ")[0]
    assert (
        r"- `5.1-mlp-III` on vital600: MLPs in Stage III lose above 40 % by mean, for a title such as "
        r"&lt;script&gt;alert('title')&lt;/script&gt; &amp; "
        '"quotes". '
        r"(Table 3): 26.79 % \[21.94, 32.26\] (75/280) is not above 40 %: contradicted. "
        r"The paper: 48.23/61.67 (NQ10k, Trivia-QA). Known: MLP mean in III loses 26.79 %."
    ) in contradicted
    assert text.split("## Undecided")[1].split("## ")[0].count("\n- `") == 4
    assert "<script>" not in text


def test_every_judged_record_is_in_the_document() -> None:
    text = document(ledger())
    assert [r.id for r in ledger().judged if f"`{r.id}`" not in text] == []


def test_nothing_contradicted_is_said() -> None:
    text = document(Ledger.of([record("5.1-mlp-I", share(2).below(0.05))]))
    assert "## Contradicted\n\nNothing.\n" in text


def test_a_sentence_for_each_model() -> None:
    assert sentence(MODEL, ledger()) == (
        "Of vital600 (vital600, 600 documents), 4 of 6 testable claims are supported, 1 contradicted (1 known before), "
        "1 undecided."
    )
    assert sentence("-", ledger()) == (
        "Of the papers themselves, without a model, 0 of 1 testable claims are supported, 0 contradicted, 1 undecided; "
        "1 could not be tested."
    )


def test_ledgers_join_where_they_agree() -> None:
    whole = merged([of(MODEL, protocol="masked", alpha=0.05), of(HUB, protocol="unpadded", alpha=0.05)])
    assert {r.key for r in whole.records} == {r.key for r in ledger().records if r.model in (MODEL, HUB, "-")}
    assert whole.settings == {"protocol": "masked / unpadded", "alpha": "0.05"}


def test_ledgers_that_disagree_are_refused() -> None:
    one, other = (Ledger.of([record("5.1-mlp-I", share(n).below(0.05))]) for n in (2, 30))
    with pytest.raises(
        GenirError, match=r"expected one finding of 5.1-mlp-I on vital600, got .*: keep one ledger for each"
    ):
        merged([one, other])


def test_the_block_of_the_readme() -> None:
    text = block(f"before\n{BEGIN}\nold\n{END}\nafter\n", ledger())
    assert text.startswith(f"before\n{BEGIN}\n\n- Of the papers themselves")
    assert text.endswith(f"[claims/FINDINGS.md](claims/FINDINGS.md).\n\n{END}\nafter\n")
    assert "old" not in text
    assert block(text, ledger()) == text
    with pytest.raises(GenirError, match=r"in README.md, once each"):
        block("no markers", ledger())


def test_findings_are_written_from_the_ledgers_that_are_kept(tmp_path: Path) -> None:
    for name, model in (("one", MODEL), ("two", HUB)):
        path = write(of(model), tmp_path / LEDGERS / name)
        path.replace(tmp_path / LEDGERS / f"{name}.json")
    (tmp_path / README).write_text(f"{BEGIN}\n{END}\n", encoding="utf-8")
    page, readme = write_findings(tmp_path)
    assert page.read_text(encoding="utf-8") == document(merged([of(MODEL), of(HUB)]))
    assert "`5.1-mlp-III`" in readme.read_text(encoding="utf-8")


def test_no_ledger_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(GenirError, match=r"expected ledgers in .*ledgers, there are none: copy claims.json there"):
        read_ledgers(tmp_path / LEDGERS)


@pytest.mark.skipif(not list((ROOT / LEDGERS).glob("*.json")), reason="no ledger is kept in claims/ledgers yet")
def test_the_findings_of_this_repository_are_current() -> None:
    kept = merged(read_ledgers(ROOT / LEDGERS))
    again = "written from other ledgers: run write_findings again"
    assert (ROOT / DOCUMENT).read_bytes() == document(kept).encode(), again
    readme = (ROOT / README).read_text(encoding="utf-8")
    assert readme == block(readme, kept), again
