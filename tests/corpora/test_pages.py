"""Questions of pages as a corpus: who is drawn, who is held out, and that no held-out page is trained on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genir.corpora.pages import Asked, WikiPage, page_corpus
from genir.errors import GenirError


def asked(question: str, *titles: str) -> Asked:
    return Asked(question, tuple(WikiPage(title, f"text of {title}") for title in titles))


def twenty() -> list[Asked]:
    """Twenty pages with two questions each."""
    return [asked(f"question {kind} of {n}", f"Page {n}") for kind in "ab" for n in range(20)]


def test_pages_are_told_apart_by_title_and_the_first_text_stands() -> None:
    found = page_corpus(
        "x",
        [
            Asked("a?", (WikiPage("New_York", "first  text"),)),
            Asked("b?", (WikiPage(" New York ", "second"),)),
            Asked("c?", (WikiPage("NEW YORK", "third"),)),
            Asked("d?", (WikiPage("Cafe\u0301", "x"),)),
            Asked("e?", (WikiPage("Caf\u00e9", "y"),)),
        ],
        held_out=0,
    )
    assert [(d.id, d.title, d.text) for d in found.documents] == [
        ("0", "New York", "first text"),
        ("1", "NEW YORK", "third"),
        ("2", "Caf\u00e9", "x"),
    ]
    assert [(q.text, q.relevant) for q in found.train] == [
        ("a?", ("0",)), ("b?", ("0",)), ("c?", ("1",)), ("d?", ("2",)), ("e?", ("2",)),
    ]  # fmt: skip


def test_the_paper_holds_out_a_thousand_pages_twice() -> None:
    many = [asked(f"question {n}", f"Page {n}") for n in range(12_000)]
    found = page_corpus("nq10k", many, 10_000)
    assert len(found.documents) == 10_000
    assert [len(found.train), len(found.validation), len(found.test)] == [8_000, 1_000, 1_000]
    assert found.notes["pages_in_source"] == 12_000
    whole = page_corpus("nq320k", many)
    assert len(whole.documents) == 12_000
    assert {(d.id, d.title) for d in found.documents} < {(d.id, d.title) for d in whole.documents}


def test_a_fifth_is_held_out_of_few_pages_with_all_its_questions() -> None:
    found = page_corpus("x", twenty())
    pages = [{id for query in part for id in query.relevant} for part in (found.train, found.validation, found.test)]
    assert [len(part) for part in pages] == [12, 4, 4]
    assert not pages[0] & pages[1]
    assert not pages[0] & pages[2]
    assert not pages[1] & pages[2]
    assert len(found.validation) == len(found.test) == 8


def test_a_seed_draws_other_pages_and_the_same_seed_the_same() -> None:
    one, two, other = (page_corpus("x", twenty(), 10, seed=seed) for seed in (0, 0, 1))
    assert one.fingerprint == two.fingerprint
    assert {d.id for d in one.documents} != {d.id for d in other.documents}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.lists(st.integers(0, 14), min_size=1, max_size=3, unique=True)),
        min_size=20,
        max_size=60,
    ),
    st.integers(0, 5),
)
def test_no_held_out_page_is_trained_on(questions: list[tuple[int, list[int]]], seed: int) -> None:
    """Whatever questions share pages, and whatever pages share questions."""
    made = [asked(f"Q{text}" if len(pages) % 2 else f"q{text}", *(f"p{p}" for p in pages)) for text, pages in questions]
    count = len({page for _, pages in questions for page in pages})
    found = page_corpus("x", made, count - 1 if count > 1 else None, seed=seed)
    number = int(found.notes["validation_pages"])
    trained = {id for query in found.train for id in query.relevant}
    assert not {query.text.casefold() for query in found.train} & {
        query.text.casefold() for query in (*found.validation, *found.test)
    }
    ids = [document.id for document in found.documents]
    order = [ids[i] for i in np.random.default_rng([seed, 1]).permutation(len(ids))]
    assert not trained & set(order[: 2 * number])
    assert not {id for query in found.validation for id in query.relevant} & set(order[number : 2 * number])


def test_equal_questions_become_one_and_those_that_are_held_out_leave_training() -> None:
    once = [asked("Who is it", "A"), asked("who is it", "B"), asked("who is it", "A")]
    found = page_corpus("x", once, held_out=0)
    assert [(q.text, q.relevant) for q in found.train] == [("Who is it", ("0", "1"))]
    shared = [*twenty(), *(asked("the same for all", f"Page {n}") for n in range(20))]
    split = page_corpus("x", shared)
    assert split.notes["train_queries_dropped_as_equal_to_held_out"] == 1
    assert "the same for all" not in {query.text for query in split.train}


def test_questions_without_a_page_that_can_be_read_are_counted() -> None:
    found = page_corpus("x", [*twenty(), asked("nothing"), asked(" ", "Page 1"), Asked("q", (WikiPage("T", " "),))])
    assert found.notes["questions_without_question_or_page"] == 3
    assert len(found.documents) == 20


def test_too_few_pages_are_one_line() -> None:
    with pytest.raises(
        GenirError, match=r"^expected 10000 pages with questions for nq10k, got 20: name all files with"
    ):
        page_corpus("nq10k", twenty(), 10_000)
    with pytest.raises(
        GenirError, match=r"^expected some pages with questions for nq320k, got 0: name all files with "
    ):
        page_corpus("nq320k", [])
