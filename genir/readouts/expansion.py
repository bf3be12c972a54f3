"""Whether the words that heads promote are about the query: "a form of query expansion" (Section 5.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float32]


class Expansion(NamedTuple):
    """Similarity of promoted words and queries, in an embedding of words.

    ``similarity`` (queries, queries): cosine of the words that the heads promote for query i with the words of query j;
    ``unseen`` the same when words of query i itself are not counted as promoted. ``heads`` (queries, layers, heads): how much
    more similar a head's words are to its own query than to the others.
    """

    similarity: Floats
    unseen: Floats
    heads: Floats


def expansion(embedding: Tensor, promoted: NDArray[np.int32], queries: Sequence[Sequence[int]]) -> Expansion:
    """Compare promoted words (queries, layers, heads, words) with the tokens of each query.

    ``embedding`` (rows, d) is that of the pre-trained model. Its rows share a large mean, which is taken off: without that,
    any two sets of words are alike. A set of words is the mean of its unit vectors; the empty set is similar to nothing.
    """
    used = np.unique(np.concatenate([promoted.ravel(), *(np.asarray(query) for query in queries)]))
    rows = embedding[torch.from_numpy(used).to(embedding.device)].float() - embedding.float().mean(0)
    vectors = torch.nn.functional.normalize(rows, dim=1).cpu().numpy()
    place = {int(row): number for number, row in enumerate(used)}
    asked = _unit(np.stack([vectors[[place[token] for token in query]].mean(0) for query in queries]))
    own = [np.isin(words, query) for words, query in zip(promoted, queries, strict=True)]
    found = vectors[np.searchsorted(used, promoted)]  # (queries, layers, heads, words, d)
    unseen = np.where(np.stack(own)[..., None], 0, found)
    by_head = _unit(found.mean(3)) @ asked.T  # (queries, layers, heads, queries)
    others = (by_head.sum(-1) - _diagonal(by_head)) / max(1, len(queries) - 1)
    return Expansion(
        _unit(found.mean((1, 2, 3))) @ asked.T, _unit(unseen.mean((1, 2, 3))) @ asked.T, _diagonal(by_head) - others
    )


def gap(similarity: NDArray[np.floating]) -> NDArray[np.float64]:
    """How much more similar each query's promoted words are to it than to the other queries, (queries,)."""
    own = np.diagonal(similarity).astype(np.float64)
    others = (similarity.sum(1, dtype=np.float64) - own) / max(1, len(similarity) - 1)
    more: NDArray[np.float64] = own - others
    return more


def _diagonal(values: Floats) -> Floats:
    queries = np.arange(len(values))
    return values[queries, ..., queries]


def _unit(vectors: Floats) -> Floats:
    norm = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Floats = np.divide(vectors, norm, out=np.zeros_like(vectors), where=norm > 0)
    return unit
