from __future__ import annotations

import json
import re
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pytest

from genir.errors import GenirError
from genir.report.exhibits import Exhibits
from genir.report.html import PAGE, write_report
from genir.report.ledger import Ledger, read, write
from genir.report.views import command, figure, papers
from tests.report.sample_run import HOSTILE, HUB, LM, MODEL, ledger, record, share, write_run

VOID = {"meta", "link", "input", "br", "img", "hr"}
SVG_EMPTY = {"rect", "path", "circle", "use", "line"}


class Page(HTMLParser):
    """The elements of a page with their texts; AssertionError where they are not properly nested."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[int, str] = {}
        self._open: list[tuple[str, int]] = []
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append((tag, len(self.elements) - 1))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, tag
        assert self._open[-1][0] == tag, (tag, self._open[-3:])
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for _, number in self._open:
            self.texts[number] = self.texts.get(number, "") + data

    def all(self, *tags: str) -> list[tuple[int, dict[str, str | None]]]:
        return [(number, attributes) for number, (tag, attributes) in enumerate(self.elements) if tag in tags]

    def attributes(self, name: str) -> list[str]:
        return [value for _, attributes in self.elements for key, value in attributes.items() if key == name and value]

    def words(self, number: int) -> str:
        return " ".join(self.texts.get(number, "").split())


@pytest.fixture(scope="module")
def text(written: Path) -> str:
    return (written / PAGE).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def of_class(page: Page, name: str) -> list[int]:
    return [number for number, (_, a) in enumerate(page.elements) if name in (a.get("class") or "").split()]


def test_the_page_needs_nothing_from_elsewhere(text: str, page: Page) -> None:
    links = [*page.attributes("src"), *page.attributes("href"), *page.attributes("xlink:href")]
    assert not [link for link in links if re.match(r"[a-z]+:|//", link) and not link.startswith("data:")]
    style = text.split("<style>")[1].split("</style>")[0]
    assert "@import" not in style
    assert "url(" not in style


def test_every_link_leads_somewhere(written: Path, page: Page) -> None:
    ids = page.attributes("id")
    assert [name for name, count in Counter(ids).items() if count > 1] == []
    for _, attributes in page.all("a"):
        link = unquote(attributes["href"] or "")
        assert link[1:] in ids if link.startswith("#") else (written / link).is_file(), link


def test_scripts_of_a_corpus_are_text(text: str, page: Page) -> None:
    assert len(page.all("script")) == 1
    assert HOSTILE in page.words(0)
    assert sum(HOSTILE in page.words(number) for number, _ in page.all("th", "li", "span")) >= 3
    assert "<script>alert" not in text
    assert not [name for name in page.elements if any(key.startswith("on") for key in name[1])]


def test_only_the_pages_own_script_may_run(text: str, page: Page) -> None:
    import base64
    import hashlib

    body = text.split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
    policy = next(a["content"] for _, a in page.all("meta") if a.get("http-equiv"))
    assert policy is not None
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")


def test_every_judged_record_is_a_row_with_its_verdict_in_words(page: Page) -> None:
    rows = [(number, a) for number, a in page.all("tr") if "data-verdict" in a]
    judged = ledger().judged
    assert len(rows) == len(judged)
    for number, attributes in rows:
        assert str(attributes["data-verdict"]) in page.words(number)
    assert Counter(a["data-verdict"] for _, a in rows) == Counter(str(r.verdict) for r in judged)


def test_every_claim_has_its_sentence_place_estimate_and_command(page: Page) -> None:
    articles = {a["data-claim"]: page.words(number) for number, a in page.all("article") if "data-claim" in a}
    assert set(articles) == {r.id for r in ledger().records}
    told = articles["5.1-mlp-I"]
    for expected in (
        "MLPs in Stage I can be replaced by mean activations",
        "Table 3",
        "The paper prints: NQ10k 0.76, NQ320k 3.39, Trivia-QA 14.7.",
        "0.71 % [0.20, 2.57] (2/280)",
        "0.25 % [0.04, 1.42] (1/396)",
        "Read as published, recorded and not judged: 5.71 % [3.55, 9.08] (16/280)",
        "python -m pytest claims/ -k '[5.1-mlp-I]' --model vital600",
        "noop 0.00 % [0.00, 1.35] (0/280)",
        "chance 0.0166",
    ):
        assert expected in told
    assert "3 parts" in articles["5.1-attention"]
    assert "Known before: MLP mean in III loses 26.79 %" in articles["5.1-mlp-III"]
    assert "the absolute values of Table 4 are not there" in articles["0-table4"]


def test_drawings_say_in_words_what_they_show(page: Page) -> None:
    strips = [a["aria-label"] for number, a in page.all("svg") if "strip" in (a.get("class") or "")]
    assert "Measured 0.7143 %, interval 0.1961 to 2.567 %; asked: below 5 %; the paper: NQ10k 0.76, NQ320k 3.39, Trivia-QA 14.7 %." in strips  # fmt: skip
    assert all(strips)
    figures = [a for _, a in page.all("div") if a.get("role") == "img"]
    assert len(figures) == len(page.all("figure")) == 3 + 2 + 2 + 5
    assert all(a["aria-label"] for a in figures)


def test_models_of_one_claim_share_an_axis() -> None:
    claims = [claim for section in papers(ledger(), Exhibits({}, {}))[1].sections for claim in section.claims]
    drawn = next(claim for claim in claims if claim.first.id == "5.1-mlp-III")
    strips = [finding.strip for finding in drawn.findings]
    assert [found.ends for found in strips if found] == [("0 %", "80 %")] * 2
    assert len({tuple(mark.x for mark in found.printed) for found in strips if found}) == 1


def test_headings_and_tables_are_marked_up(page: Page) -> None:
    assert page.all("html")[0][1]["lang"] == "en"
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(a.get("scope") for _, a in page.all("th"))
    labels = page.attributes("aria-labelledby") + page.attributes("aria-describedby")
    assert set(labels) <= set(page.attributes("id"))


def test_the_summary_counts_by_model(page: Page) -> None:
    cards = [page.words(number) for number in of_class(page, "card")]
    assert len(cards) == 4
    assert any("4 supported 1 contradicted 1 undecided 0 untestable" in card for card in cards)
    assert any("Of vital600 (vital600, 600 documents), 4 of 6 testable claims are supported" in card for card in cards)


def test_models_stand_side_by_side_where_there_are_several(page: Page) -> None:
    tables = [page.words(number) for number in of_class(page, "matrix")]
    assert len(tables) == 1  # the second paper has one model
    assert "5.1-mlp-III ? undecided ✗ contradicted (known)" in tables[0]
    assert "5.1-priming not asked ✓ supported" in tables[0]
    assert "0-possible" not in tables[0]


def test_what_is_missing_is_named(page: Page) -> None:
    absent = [page.words(number) for number in of_class(page, "absent")]
    assert any(line.startswith("Not there: table4.") for line in absent)
    assert any("figure3" in line and "table1" in line for line in absent)  # the hub model's


def test_shaded_cells_have_their_number(page: Page) -> None:
    cells = [(a["style"], page.words(number)) for number, a in page.all("td") if "loss" in (a.get("class") or "")]
    assert ("--loss:46%", "46.43 % [40.67, 52.28] (130/280) paper 48.23 / 71.48 / 61.67") in cells


def test_files_lie_beside_the_page(written: Path) -> None:
    names = {path.name for folder in ("figures", "tables") for path in (written / folder).iterdir()}
    for stem in (f"{MODEL}-figure3-ratio", f"{MODEL}-figure4-stream", f"{MODEL}-figure5-mlp_III", f"{LM}-heads_map"):
        assert {f"{stem}.svg", f"{stem}.png", f"{stem}.csv"} <= names
    assert {"claims.csv", f"{MODEL}-table3.csv", f"{MODEL}-table6.csv"} <= names
    assert not [name for name in names if name.startswith(".")]


def test_the_same_run_gives_the_same_page(tmp_path: Path) -> None:
    pages = [write_report(_bare(tmp_path / name)).read_bytes() for name in ("a", "b")]
    assert pages[0] == pages[1]


def test_a_run_without_exhibits_has_a_page(tmp_path: Path) -> None:
    page = Page(write_report(_bare(tmp_path)).read_text(encoding="utf-8"))
    assert page.all("figure") == []
    assert any("table3" in page.words(number) for number in of_class(page, "absent"))


def test_an_empty_ledger_has_a_page(tmp_path: Path) -> None:
    write(Ledger.of([]), tmp_path)
    assert "Claims and verdicts" in Page(write_report(tmp_path).read_text(encoding="utf-8")).words(0)


def test_a_malformed_exhibit_costs_its_own_place_only(tmp_path: Path) -> None:
    write_run(tmp_path)
    for name, payload in (("figure3", {"layers": 8, "ratio": {"MLP": ["x"]}}), ("table6", 3)):
        (tmp_path / "exhibits" / MODEL / f"{name}.json").write_text(json.dumps(payload), encoding="utf-8")
    (tmp_path / "exhibits" / MODEL / "table1.json").write_text("{", encoding="utf-8")
    for name in ("figure4", "figure5", "table5"):
        (tmp_path / "exhibits" / MODEL / f"{name}.json").unlink()
    (tmp_path / "exhibits" / LM / "heads_map.json").unlink()
    page = Page(write_report(tmp_path).read_text(encoding="utf-8"))
    absent = " ".join(page.words(number) for number in of_class(page, "absent"))
    assert "figure3 (expected a number at figure3 ratio MLP, got 'x': run the claims again)" in absent
    assert "table6 (expected a list of queries with the words of a head" in absent
    assert "table1 (unreadable: " in absent
    assert any("Table 3" in page.words(number) for number, _ in page.all("h4"))


def test_no_ledger_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        GenirError, match=r"expected a ledger at .*claims.json, there is none: run pytest claims/ first"
    ):
        write_report(tmp_path)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    _bare(tmp_path)
    (tmp_path / "tables").write_text("a file where a folder belongs", encoding="utf-8")
    with pytest.raises(GenirError, match=r"expected to write the report into .*: choose another folder"):
        write_report(tmp_path)


def test_commands_carry_the_settings_that_are_not_the_defaults() -> None:
    asked = record("5.1-mlp-I", share(2).below(0.05), HUB, corpus="nq 10k")
    assert command(asked, {"protocol": "as-published", "stages": "published", "alpha": 0.1}) == (
        "python -m pytest claims/",
        "-k '[5.1-mlp-I]'",
        f"--model {HUB}",
        "--corpus 'nq 10k'",
        "--protocol as-published",
        "--alpha 0.1",
    )
    assert command(record("0-possible", share(2).below(0.05), "-"), {}) == (
        "python -m pytest claims/",
        "-k '[0-possible]'",
    )


def test_controls_read_as_the_paper_writes_them() -> None:
    assert figure({"value": None}) == "not measured"
    assert figure({"value": 0.0166, "unit": "1"}) == "0.0166"
    assert figure({"value": 0.25, "unit": "%"}) == "25 %"
    assert (
        figure({"value": 0.5, "low": 0.25, "high": 0.75, "n": 8, "count": 4, "unit": "%"})
        == "50.00 % [25.00, 75.00] (4/8)"
    )


def _bare(folder: Path) -> Path:
    write(ledger(), folder)
    assert read(folder).records == ledger().records
    return folder
