"""What is held out of a made-up collection, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from genir.corpora.queries import MadeQuery, Page
from genir.corpora.splits import held_out_counts, split, unambiguous


def made_up(count: int) -> tuple[list[Page], dict[str, list[MadeQuery]]]:
    """``count`` pages, each with a title question, a description and a late sentence."""
    pages = [Page(str(i), f"T{i}", f"text {i}", f"the description number {i}", "") for i in range(count)]
    made = {
        page.id: [
            MadeQuery("title", 1, f"what is {page.title}"),
            MadeQuery("description", 1, page.description),
            MadeQuery("late", 1, f"late {page.id}"),
        ]
        for page in pages
    }
    return pages, made


def test_short_and_shared_descriptions_are_ambiguous() -> None:
    """Four words or more, and no other page with the same words in another case."""
    texts = ["one two three four", "one two three", "A b c d", "a B c d", "", "five words are surely enough"]
    pages = [Page(str(number), "t", "x", text, "") for number, text in enumerate(texts)]
    assert unambiguous(pages) == {"0", "5"}


@pytest.mark.parametrize(
    ("pages", "eligible", "counts"),
    [
        (10, 10, (6, 2)),
        (600, 600, (360, 120)),
        (4_999, 99, (59, 19)),
        (10_000, 8_000, (1_000, 1_000)),
        (5_000, 40, (8, 8)),
    ],
)
def test_how_many_pages_are_held_out(pages: int, eligible: int, counts: tuple[int, int]) -> None:
    """Three fifths and one fifth below 5,000 pages; 1,000 and 1,000, at most a fifth each, from there on."""
    assert held_out_counts(pages, eligible) == counts


def test_a_small_corpus_holds_out_descriptions_and_late_sentences() -> None:
    """Of ten pages, six give two validation queries each and two give two test queries each."""
    pages, made = made_up(10)
    parts = split(pages, made, unambiguous(pages), np.random.default_rng(0))
    assert [len(queries) for queries in parts[:3]] == [10 + 2 + 2, 12, 4]
    held = {id for query in (*parts.validation, *parts.test) for id in query.relevant}
    assert len(held) == 8
    assert {query.kind for query in parts.train if query.relevant[0] in held} == {"title"}
    assert {query.kind for query in parts.train if query.relevant[0] not in held} == {
        "title",
        "description",
        "late",
    }
    assert parts.validation[0].id == f"{parts.validation[0].relevant[0]}/description-1"
    assert parts.notes == {
        "held_out_kinds": "description, late",
        "validation_pages": 6,
        "test_pages": 2,
        "descriptions": 10,
        "ambiguous_descriptions": 0,
        "held_out_descriptions_in_their_text": 0,
        "train_queries_dropped_as_equal_to_held_out": 0,
    }


def test_a_large_corpus_holds_out_descriptions_only() -> None:
    """At 5,000 pages the late sentences of held-out pages are trained on."""
    pages, made = made_up(5_000)
    parts = split(pages, made, unambiguous(pages), np.random.default_rng(0))
    assert [len(queries) for queries in parts[:3]] == [13_000, 1_000, 1_000]
    assert {query.kind for query in (*parts.validation, *parts.test)} == {"description"}
    assert sum(query.kind == "late" for query in parts.train) == 5_000


def test_ambiguous_descriptions_are_trained_on_and_never_held_out() -> None:
    """Five of ten pages have a short description: three and one of the other five are held out."""
    pages, made = made_up(10)
    pages = [page._replace(description="too short") if int(page.id) < 5 else page for page in pages]
    parts = split(pages, made, unambiguous(pages), np.random.default_rng(3))
    held = {query.relevant[0] for query in (*parts.validation, *parts.test)}
    assert len(held) == 4
    assert held <= {"5", "6", "7", "8", "9"}
    assert parts.notes["ambiguous_descriptions"] == 5


def test_a_training_query_that_equals_a_held_out_one_is_dropped() -> None:
    """Whoever asks it, and in whatever case."""
    pages, made = made_up(10)
    held = split(pages, made, unambiguous(pages), np.random.default_rng(1)).validation[0]
    for page in pages:
        made[page.id].append(MadeQuery("rewrite", 1, held.text.upper()))
    parts = split(pages, made, unambiguous(pages), np.random.default_rng(1))
    assert held in parts.validation
    assert parts.notes["train_queries_dropped_as_equal_to_held_out"] == 10
    assert held.text.casefold() not in {query.text.casefold() for query in parts.train}


def test_descriptions_that_stand_in_their_text_are_counted() -> None:
    """All eight held-out pages repeat their description in another case."""
    pages, made = made_up(10)
    pages = [page._replace(text=f"Here: {page.description.upper()}.") for page in pages]
    parts = split(pages, made, unambiguous(pages), np.random.default_rng(0))
    assert parts.notes["held_out_descriptions_in_their_text"] == 8


def test_the_generator_draws_the_split() -> None:
    """The same generator gives the same split; another seed gives another one."""
    pages, made = made_up(40)
    first, again, other = (
        split(pages, made, unambiguous(pages), np.random.default_rng(seed)).validation for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other
