"""``python -m genir evaluate``: Table 1 for one model, beside BM25."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from transformers.utils import logging

from genir.cli.named import corpus_of
from genir.corpora.records import Corpus, Query
from genir.errors import GenirError
from genir.models.dsi import DSI, load_dsi
from genir.models.obtain import device_of
from genir.models.released import obtain_named
from genir.readouts.bm25 import bm25_ranks, indexed_prefixes
from genir.readouts.effectiveness import Effectiveness, effectiveness
from genir.readouts.metrics import Ranked, hits, recall, reciprocal_rank
from genir.readouts.trec import write_qrels, write_run


def evaluate(
    model: str,
    corpus_name: str | None,
    cache: Path,
    device: str,
    split: str,
    run: Path | None,
    qrels: Path | None,
    depth: int,
) -> int:
    """Print the effectiveness of ``model`` on a split; write its run and the qrels where files are named."""
    logging.disable_progress_bar()
    if depth < 1:
        raise GenirError(f"expected a run at least one document deep, got --depth {depth}: give more")
    where, corpus = device_of(device), corpus_of(model, corpus_name)
    queries = getattr(corpus, split)
    if not queries:
        raise GenirError(f"expected {split} queries in {corpus.name}, got none: choose another --split")
    dsi = load_dsi(obtain_named(model, corpus, cache, where), device=where)
    found = effectiveness(dsi, queries, depth)
    print(f"{dsi.name}: {len(corpus.documents):,} documents, {len(queries):,} {split} queries of {corpus.name}\n")
    print(table(systems(dsi, corpus, queries, found)))
    if run is not None:
        write_run(run, [query.id for query in queries], found.run, tag=dsi.name)
        print(f"\nrun of {depth} documents a query: {run}")
    if qrels is not None:
        write_qrels(qrels, queries)
        print(f"qrels: {qrels}")
    return 0


def systems(dsi: DSI, corpus: Corpus, queries: Sequence[Query], found: Effectiveness) -> dict[str, Ranked]:
    """Ranks of the relevant documents by the model, and by BM25 over what it has read and over more."""
    words = [f"{document.title}: {' '.join(document.text.split()[:32])}" for document in corpus.documents]
    return {
        "DSI among words and documents": found.vocabulary,
        "DSI among documents": found.documents,
        f"BM25 over the same {dsi.max_length} tokens": bm25_ranks(indexed_prefixes(dsi, corpus), corpus, queries),
        "BM25 over title and 32 words": bm25_ranks(words, corpus, queries),
        "BM25 over the whole text": bm25_ranks([d.indexed for d in corpus.documents], corpus, queries),
    }


def table(ranked_by: Mapping[str, Ranked]) -> str:
    """One line a system: Hits@1, R@5, Hits@10 in percent, MRR."""
    width = max(map(len, ranked_by))
    lines = [f"{'':{width}}  {'Hits@1':>8}  {'R@5':>8}  {'Hits@10':>8}  {'MRR':>6}"]
    for name, ranked in ranked_by.items():
        shares = (hits(ranked, 1), recall(ranked, 5), hits(ranked, 10))
        percent = "  ".join(f"{100 * share.mean():6.1f} %" for share in shares)
        lines.append(f"{name:{width}}  {percent}  {reciprocal_rank(ranked).mean():6.3f}")
    return "\n".join(lines)
