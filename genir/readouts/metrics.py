"""Effectiveness per query, from the ranks of its relevant documents (Table 1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genir.corpora.records import Query
from genir.errors import GenirError


class Ranked(NamedTuple):
    """1-based ranks of relevant documents: ``ranks[i]``, (pairs,), is that of a document relevant to query ``owner[i]``.

    Which other items were ranked, documents alone or the whole vocabulary, is the ranker's to say.
    """

    ranks: NDArray[np.int64]
    owner: NDArray[np.int64]

    @property
    def best(self) -> NDArray[np.int64]:
        """The rank of each query's first relevant document, (queries,)."""
        first = np.full(int(self.owner.max()) + 1, np.iinfo(np.int64).max)
        np.minimum.at(first, self.owner, self.ranks)
        return first


def pairs(queries: Sequence[Query]) -> tuple[list[str], list[str], NDArray[np.int64]]:
    """Texts, relevant document ids and query numbers, one entry for each pair of a query and a document relevant to it."""
    if not queries:
        raise GenirError(
            "expected at least one query to rank documents for, got none: does the corpus have this split?"
        )
    flat = [(number, query.text, docid) for number, query in enumerate(queries) for docid in query.relevant]
    owner, texts, docids = zip(*flat, strict=True)
    return list(texts), list(docids), np.array(owner, dtype=np.int64)


def hits(ranked: Ranked, k: int) -> NDArray[np.bool_]:
    """Hits@k (Success@k): whether a relevant document is among the first ``k``, (queries,)."""
    return ranked.best <= k


def recall(ranked: Ranked, k: int) -> NDArray[np.float64]:
    """R@k: the share of the query's relevant documents among the first ``k``, (queries,)."""
    return np.bincount(ranked.owner, ranked.ranks <= k) / np.bincount(ranked.owner)


def reciprocal_rank(ranked: Ranked) -> NDArray[np.float64]:
    """One over the rank of the first relevant document, (queries,); its mean is MRR."""
    return 1 / ranked.best
