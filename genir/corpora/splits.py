"""Which queries are trained on and which are held out.

As the paper splits NQ10k, the queries of some pages are validation, those of others test, the rest training.
Held out are the Wikidata descriptions; a held-out page keeps its machine-made queries in training, where the
paper's is only indexed. A description of fewer than four words, or one that two pages of the full collection
share, names no page: it is never held out.

Full size: the descriptions of 1,000 pages are validation, those of 1,000 others test. Below 5,000 pages one
fifth would leave too few correct queries to decide anything (about 45 of 120). There three fifths of the
descriptions are validation, one fifth is test and one fifth teaches in training what a description looks
like; and each held-out page gives its ``late`` sentence where it has one: the last of those that begin beyond
the indexed tokens, title masked, trained on in no form. It stands word for word in the document's text, so
that a baseline that reads the whole text is compared on descriptions only. Two queries of one page are not
independent: resample by ``Query.relevant``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from genir.corpora.queries import DESCRIPTION, LATE, MadeQuery, Page
from genir.corpora.records import Query, held_out_texts

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
    """Ids of the pages whose description has four words or more and, case ignored, is no other page's."""
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
    pages: Sequence[Page],
    made: Mapping[str, Sequence[MadeQuery]],
    eligible: frozenset[str],
    rng: np.random.Generator,
) -> Split:
    """Assign the queries of ``pages`` to the three splits; held-out pages are drawn from ``eligible``.

    A training query whose text equals a held-out one, case ignored, is dropped and counted. Counted as well
    are the held-out descriptions that stand word for word in their page's text: the easy ones.
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

    secret = held_out_texts(validation, test)
    kept = tuple(query for query in train if query.text.casefold() not in secret)
    described = sum(bool(page.description) for page in pages)
    notes: dict[str, int | str] = {
        "held_out_kinds": ", ".join(kind for kind in (DESCRIPTION, LATE) if kind in held_kinds),
        "validation_pages": len(validation_pages),
        "test_pages": len(test_pages),
        "descriptions": described,
        "ambiguous_descriptions": described - len(candidates),
        "held_out_descriptions_in_their_text": sum(
            page.description.casefold() in page.text.casefold()
            for page in pages
            if page.id in validation_pages or page.id in test_pages
        ),
        "train_queries_dropped_as_equal_to_held_out": len(train) - len(kept),
    }
    return Split(kept, tuple(validation), tuple(test), notes)
