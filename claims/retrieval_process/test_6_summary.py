"""Section 6: what the walk through the retrieval process says of its two ends."""

from __future__ import annotations

from claims.retrieval_process.paper import PAPER
from fixtures.judging import claim
from genir.interventions.sites import CROSS, MLP, Site, Stage, sites
from genir.statistics import every, percent, untestable


@claim("6-last-layer", where="Section 6", paper=PAPER)
def test_the_last_layer_needs_no_cross_attention(lost_last_cross, lost, figure5, subject, judge):
    """In the last layer cross-attention can be removed (loss below 5 %), and its MLP reads less than 10 % from it."""
    last = Site(CROSS, subject.dsi.layers - 1)
    read = figure5.mlp_reads([last], layer=last.layer)
    judge.also(
        every(
            lost_last_cross.below(percent(5)).labelled("loss"),
            figure5.mlp_reads([last], "published", last.layer).below(percent(10)).labelled("read"),
        ),
        reading="as published",
    )
    judge(
        every(lost_last_cross.below(percent(5)).labelled("loss"), read.below(percent(10)).labelled("read")),
        controls={"noop": lost.noop(), "Stage III": lost.zero(CROSS, Stage.III)},
    )


@claim("6-words-down", where="Section 6", paper=PAPER)
def test_words_fall_behind_docids_in_the_last_layer(figure4, judge):
    """In the last layer words fall behind docids: after it, at least 99 of the top 100 tokens are docids."""
    judge(figure4.docids_in_top().above(percent(99)), controls={"one layer earlier": figure4.docids_in_top(-2)})


@claim("6-agnostic", where="Section 6", paper=PAPER)
def test_stage_one_is_query_agnostic(figure3, judge):
    """Stage I's stream is query-agnostic: between-query variance of its MLP outputs is below 10 % of their squared mean."""
    stages = figure3.stages
    if figure3.silent(sites(MLP, stages.I)):
        judge(untestable("the MLPs of Stage I write nothing"))
        return
    judge(
        figure3.spread(sites(MLP, stages.I)).below(percent(10)),
        controls={
            "cross-attention of Stage I": figure3.spread(sites(CROSS, stages.I)),
            **{f"MLPs of Stage {stage}": figure3.spread(sites(MLP, stages[stage])) for stage in (Stage.II, Stage.III)},
        },
    )
