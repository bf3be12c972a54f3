"""Beyond the paper: do GenIR models have heads that retrieve? Asked of cross-attention heads, where nothing can be copied."""

from __future__ import annotations

import pytest

from claims.retrieval_heads.paper import PAPER
from fixtures.judging import Provenance, claim
from genir.statistics import every


@pytest.fixture
def provenance(subject) -> Provenance:
    """Where the GenIR model under study comes from."""
    return Provenance(corpus=subject.corpus.name, scale=f"{len(subject.dsi.docids):,} documents")


@claim("h-genir", where="beyond the paper", paper=PAPER)
def test_a_head_writes_the_document_from_one_query_token(writers, judge):
    """Some cross-attention head writes the document: from the token it looks at most, first among docids for above 10 % of queries."""
    score, stranger = writers.score(), writers.stranger()
    layer, head = writers.leader
    judge(
        every(
            score.above(0.1).labelled("score"),
            score.exceeds(stranger).labelled("over another query's document"),
        ),
        controls={"another query's document": stranger},
        records={
            "layer": layer,
            "head": head,
            "attention to that token": writers.weight().value,
            "share of heads that do": writers.writers().value,
        },
    )
