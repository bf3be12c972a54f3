"""Which queries are trained on and which are held out.

As the paper splits NQ10k, the queries of some pages are validation, those of others test, and a held-out page is otherwise
only indexed; here its machine-made queries stay in training, since a page has no second human query. Held out are the
Wikidata descriptions. A description of fewer than four words, or one that two pages of the full collection share, names no
page: it is never held out.

Full size: descriptions of 1,000 pages for validation, of 1,000 for test. Below 5,000 pages one fifth would leave too few
correct queries to decide anything (about 45 of 120), so that three fifths are validation, one fifth is test, one fifth
teaches in training what a description looks like; and each held-out page gives, where it has one, its ``late`` sentence: the last
of those that begin beyond the indexed tokens, title masked, trained on in no form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from genir.corpora.queries import DESCRIPTION, LATE, MadeQuery, Page
from genir.corpora.records import Query

FEWEST_WORDS = 4
FULL_SIZE = 5_000
HELD_OUT_PAGES = 1_000


class Split(NamedTuple):
    """Queries of the three splits, and the counts that a reader of results needs."""

    train: tuple[Query, ...]
    validation: tuple[Query, ...]
    test: tuple[Query, ...]
    notes: dict[str, int | str]


def unambiguous(pages: Iterable[Page]) -> frozenset[str]:
    """Ids of the pages whose description has four words or more and belongs, case ignored, to no other page."""
    pages = tuple(pages)
    shared = Counter(page.description.casefold() for page in pages)
    return frozenset(
        page.id
        for page in pages
        if len(page.description.split()) >= FEWEST_WORDS and shared[page.description.casefold()] == 1
    )


def held_out_counts(pages: int, eligible: int) -> tuple[int, int]:
    """How many of ``eligible`` descriptions are validation and test in a corpus of ``pages`` pages."""
    if pages >= FULL_SIZE:
        return min(HELD_OUT_PAGES, eligible // 5), min(HELD_OUT_PAGES, eligible // 5)
    return eligible * 3 // 5, eligible // 5


def split(
    pages: Sequence[Page], made: Mapping[str, Sequence[MadeQuery]], eligible: frozenset[str], rng: np.random.Generator
) -> Split:
    """Assign the queries of ``pages`` to train, validation and test; held-out pages are drawn from ``eligible``.

    A training query whose text equals a held-out one, case ignored, is dropped and counted.
    """
    candidates = [page.id for page in pages if page.id in eligible]
    order = [candidates[index] for index in rng.permutation(len(candidates))]
    validation_count, test_count = held_out_counts(len(pages), len(candidates))
    validation_pages = frozenset(order[:validation_count])
    test_pages = frozenset(order[validation_count : validation_count + test_count])
    held_kinds = {DESCRIPTION} if len(pages) >= FULL_SIZE else {DESCRIPTION, LATE}

    train: list[Query] = []
    validation: list[Query] = []
    test: list[Query] = []
    for page in pages:
        held = validation if page.id in validation_pages else test if page.id in test_pages else train
        for query in made[page.id]:
            record = Query(f"{page.id}/{query.kind}-{query.number}", query.text, (page.id,), query.kind)
            (held if query.kind in held_kinds else train).append(record)

    secret = {query.text.casefold() for query in (*validation, *test)}
    kept = tuple(query for query in train if query.text.casefold() not in secret)
    described = sum(bool(page.description) for page in pages)
    notes: dict[str, int | str] = {
        "held_out_kinds": ", ".join(kind for kind in (DESCRIPTION, LATE) if kind in held_kinds),
        "validation_pages": len(validation_pages),
        "test_pages": len(test_pages),
        "descriptions": described,
        "ambiguous_descriptions": described - len(candidates),
        "train_queries_dropped_as_equal_to_held_out": len(train) - len(kept),
    }
    return Split(kept, tuple(validation), tuple(test), notes)
