"""Rows of ``datasets`` and data sets of ``ir_datasets``, as these packages hand them out; the packages themselves are stood in for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from genir.corpora.loaded import from_ir_datasets, from_rows, read_loaded
from genir.corpora.pages import CHARACTERS, Asked, WikiPage
from genir.errors import GenirError

TEXT = "Trade winds - Wikipedia <H1> Trade winds </H1> The trade winds are winds ."
TOKENS = TEXT.split(" ")
NQ_ROW = {
    "id": "797803103760793766",
    "document": {
        "title": "Trade winds",
        "url": "https://en.wikipedia.org//w/index.php?title=Trade_winds&amp;oldid=817251427",
        "html": "<html>",
        "tokens": {"token": TOKENS, "is_html": [token.startswith("<") for token in TOKENS]},
    },
    "question": {"text": "what are trade winds", "tokens": ["what"]},
}
TRIVIA_ROW = {
    "question": "Which wind?",
    "question_id": "tc_1",
    "entity_pages": {
        "doc_source": ["TagMe", "TagMe"],
        "filename": ["A.txt", "B.txt"],
        "title": ["A", "B"],
        "wiki_context": ["text of A", "text of B" * 900],
    },
}


class Doc(NamedTuple):
    doc_id: str
    text: str
    title: str


class Bare(NamedTuple):
    doc_id: str
    text: str


def dataset(*documents: NamedTuple) -> Any:
    """Four judgements over what ir_datasets calls docs, queries and qrels."""
    qrels = [("q1", "d0", 1), ("q1", "d2", 2), ("q2", "d3", 1), ("q2", "d0", 0), ("q3", "d9", 1)]
    return SimpleNamespace(
        docs_iter=lambda: iter(documents),
        queries_iter=lambda: iter(SimpleNamespace(query_id=f"q{n}", text=f"question {n}") for n in range(1, 5)),
        qrels_iter=lambda: iter(SimpleNamespace(query_id=q, doc_id=d, relevance=r) for q, d, r in qrels),
    )


PASSAGES = (
    Doc("d0", "first of A", "A"), Doc("d1", "second of A", "A"), Doc("d2", "later " * 400, "A"), Doc("d3", "of B", "B_b"),
    Doc("d4", "of C", "C"),
)  # fmt: skip


def test_rows_of_natural_questions_and_of_triviaqa() -> None:
    one, two = from_rows([NQ_ROW, TRIVIA_ROW])
    assert one == Asked("what are trade winds", (WikiPage("Trade winds", "The trade winds are winds ."),))
    assert two.question == "Which wind?"
    assert [page.title for page in two.pages] == ["A", "B"]
    assert len(two.pages[1].text) == 2 * CHARACTERS


def test_passages_of_one_title_are_a_page() -> None:
    one, two = from_ir_datasets(dataset(*PASSAGES))
    assert one.question == "question 1"
    assert [page.title for page in one.pages] == ["A"]
    assert one.pages[0].text.startswith("first of A second of A later later")
    assert CHARACTERS <= len(one.pages[0].text) <= 2 * CHARACTERS
    assert two == Asked("question 2", (WikiPage("B b", "of B"),))


@pytest.mark.parametrize(
    "row", [{"question": "x"}, {**NQ_ROW, "document": None}, {**TRIVIA_ROW, "entity_pages": {"title": ["A"]}}]
)
def test_other_rows_are_named(row: dict[str, Any]) -> None:
    with pytest.raises(
        GenirError, match=r"^expected rows of natural_questions or trivia_qa, row 1 is neither \(\w+: .*\)"
    ):
        list(from_rows([NQ_ROW, row]))


def test_documents_without_title_are_one_line() -> None:
    with pytest.raises(
        GenirError, match=r"^expected documents with a title, got doc_id, text: choose a data set whose d"
    ):
        list(from_ir_datasets(dataset(Bare("d0", "x"))))


def test_the_packages_are_asked_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []

    def load_dataset(*names: object, split: str, streaming: bool) -> Iterator[Any]:
        calls.append((*names, split, streaming))
        return iter([TRIVIA_ROW])

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    monkeypatch.setitem(sys.modules, "ir_datasets", SimpleNamespace(load=lambda name: dataset(*PASSAGES)))
    assert len(list(read_loaded("datasets:mandarjoshi/trivia_qa"))) == 2
    assert calls == [("mandarjoshi/trivia_qa", "rc.wikipedia", split, True) for split in ("train", "validation")]
    assert len(list(read_loaded("ir_datasets:beir/nq"))) == 2


@pytest.mark.parametrize("package", ["datasets", "ir_datasets"])
def test_a_package_that_is_missing_is_named_with_its_command(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # what Python keeps for a module that cannot be imported
    with pytest.raises(
        GenirError, match=f"^expected the package {package}, got no such package: python -m pip install {package}$"
    ):
        list(read_loaded(f"{package}:any"))


def test_a_data_set_out_of_reach_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> Any:
        raise KeyError(name)

    monkeypatch.setitem(sys.modules, "ir_datasets", SimpleNamespace(load=load))
    with pytest.raises(
        GenirError, match=r"^expected 'nope' within reach of ir_datasets, got 'nope': check name and netw"
    ):
        list(read_loaded("ir_datasets:nope"))
