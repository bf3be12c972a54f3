"""Section 5.2: how the relevant document rises through the layers (Fig. 4)."""

from __future__ import annotations

import numpy as np

from claims.retrieval_process.paper import PAPER
from fixtures.judging import claim
from genir.interventions.sites import CROSS, MLP
from genir.statistics import every, percent


@claim("5.2-gradual", where="Fig. 4", paper=PAPER)
def test_the_document_rises_gradually(figure4, judge):
    """The relevant document's rank falls over the layers, in the stream and in MLP outputs: Spearman below -0.8, rank 1 at the end."""
    judge(
        every(
            figure4.trend("stream").below(-0.8).labelled("stream"),
            figure4.trend(MLP).below(-0.8).labelled("MLP"),
            figure4.first().above(percent(99)).labelled("rank 1 at the end"),
        ),
        controls={f"{source}, each query's own": figure4.trend(source, over="queries") for source in ("stream", MLP)},
    )


@claim("5.2-cross-flat", where="Fig. 4", paper=PAPER)
def test_cross_attention_ranks_show_no_trend(figure4, judge):
    """For cross-attention outputs the trend is weaker than for MLPs: Spearman within 0.5 of zero."""
    cross, mlp = figure4.trend(CROSS), figure4.trend(MLP)
    judge(
        every(
            cross.within(-0.5, 0.5).labelled("cross-attention"),
            cross.exceeds(mlp, rng=np.random.default_rng(0)).labelled("weaker than MLP"),
        ),
        controls={"each query's own": figure4.trend(CROSS, over="queries"), "MLP": mlp},
    )


@claim("5.2-separate", where="Fig. 4", paper=PAPER)
def test_docids_and_words_separate_early(figure4, judge):
    """By the end of Stage I the mean ranks of docids and other tokens differ by more than a quarter of the vocabulary."""
    judge.also(figure4.separation("median").above(percent(25)), reading="as published")
    judge(figure4.separation().above(percent(25)))


@claim("5.2-mlp-only", where="Section 5.2", paper=PAPER)
def test_mlp_outputs_alone_rank_the_document(figure4, judge):
    """Logits from the sum of MLP outputs keep at least 60 % at rank 1 and 95 % within rank 10."""

    def kept(start):
        return every(
            figure4.within(MLP, 1, start).above(percent(60)).labelled("rank 1"),
            figure4.within(MLP, 10, start).above(percent(95)).labelled("rank 10"),
        )

    judge.also(kept(start=True), reading="with the start token's embedding")
    judge(kept(start=False), paper={"NQ10k, rank 1": 67, "NQ10k, rank 10": 100})


@claim("5.2-cross-only", where="Section 5.2", paper=PAPER)
def test_cross_attention_outputs_alone_rank_nothing(figure4, judge):
    """Logits from the sum of cross-attention outputs keep below 1 % at rank 1 and put more than 95 % beyond rank 100."""

    def lost(start):
        return every(
            figure4.within(CROSS, 1, start).below(percent(1)).labelled("rank 1"),
            figure4.beyond(CROSS, 100, start).above(percent(95)).labelled("beyond rank 100"),
        )

    judge.also(lost(start=True), reading="with the start token's embedding")
    judge(lost(start=False), paper={"NQ10k, rank 1": 0, "NQ10k, beyond rank 100": 100})
