"""BM25, the baseline beside which a model's effectiveness is read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genir.corpora.records import Corpus, Query
from genir.models.dsi import DSI
from genir.readouts.metrics import Ranked, pairs

K1, B = 0.9, 0.4


def indexed_prefixes(dsi: DSI, corpus: Corpus) -> list[str]:
    """What a DSI model is shown of each document, as text: its first ``max_length`` tokens."""
    tokens = dsi.tokenize([document.indexed for document in corpus.documents])
    return list(dsi.tokenizer.batch_decode(tokens, skip_special_tokens=True))


def bm25_ranks(texts: Sequence[str], corpus: Corpus, queries: Sequence[Query]) -> Ranked:
    """Ranks of the relevant documents under BM25 (k1 0.9, b 0.4, English stems) over ``texts``, one per document.

    A document that ties with others stands behind all of them, so that a query without a known word finds nothing.
    """
    import bm25s
    import Stemmer

    stemmer = Stemmer.Stemmer("english")
    index = bm25s.BM25(k1=K1, b=B)
    index.index(bm25s.tokenize(list(texts), stemmer=stemmer, show_progress=False), show_progress=False)
    number = {document.id: position for position, document in enumerate(corpus.documents)}
    questions, docids, owner = pairs(queries)
    words = bm25s.tokenize(questions, stemmer=stemmer, return_ids=False, show_progress=False)
    ranks = np.empty(len(docids), dtype=np.int64)
    for i, (tokens, docid) in enumerate(zip(words, docids, strict=True)):
        scores = index.get_scores(tokens) if tokens else np.zeros(len(corpus.documents))
        ranks[i] = (scores >= scores[number[docid]]).sum()
    return Ranked(ranks, owner)
