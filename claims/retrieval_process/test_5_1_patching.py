"""Section 5.1: which components the model needs, in which stage (Table 3, Table 4, footnote 4).

A loss is the share of correct queries whose document leaves rank 1, net of doing nothing.
"""

from __future__ import annotations

import numpy as np
import pytest

from claims.retrieval_process.paper import PAPER, TABLE_4, table_3
from fixtures.judging import claim
from genir.interventions.sites import ATTENTION, CROSS, MLP, Stage
from genir.statistics import every, percent

I, II, III = Stage  # noqa: E741
COMPONENTS = (ATTENTION, CROSS, MLP)
LESS_THAN_ONE_QUERY = percent(0.1)  # of up to a thousand correct queries, all of which are counted


def controls(lost, kind, stage):
    """What every causal claim is read against: doing nothing, and as many random sites replaced in the same way."""
    return {
        "noop": lost.noop(),
        "random": lost.random(kind, stage),
        "worst random": lost.worst_random(kind, stage),
    }


@claim("5.1-noop", where="Section 5.1", paper=PAPER)
def test_doing_nothing_loses_nothing(lost, published_lost, judge):
    """Doing nothing loses nothing under the protocol in force."""
    judge.also(published_lost.nothing().below(LESS_THAN_ONE_QUERY), reading="as published")
    judge(lost.nothing().below(LESS_THAN_ONE_QUERY))


@claim("5.1-attention", where="Table 3", paper=PAPER)
def test_self_attention_can_be_removed(lost, judge):
    """Self-attention can be removed in every stage: by zero and by mean, each stage loses below 25 %."""
    judge(
        every(
            *(lost.zero(ATTENTION, stage).below(percent(25)).labelled(f"zero {stage}") for stage in Stage),
            *(lost.mean(ATTENTION, stage).below(percent(25)).labelled(f"mean {stage}") for stage in Stage),
        ),
        paper=table_3("zero", ATTENTION, III),
        controls=controls(lost, "zero", III),
    )


@claim("5.1-cross-I", where="Table 3", paper=PAPER)
def test_cross_attention_matters_less_in_stage_one(lost, judge):
    """Cross-attention matters less in Stage I than in II and than in III."""
    early = lost.mean(CROSS, I)
    judge(
        every(*(lost.mean(CROSS, later).exceeds(early).labelled(f"{later} over I") for later in (II, III))),
        paper=table_3("mean", CROSS, I),
        controls=controls(lost, "mean", I),
    )


@claim("5.1-cross-{stage}", where="Table 3", paper=PAPER)
@pytest.mark.parametrize("stage", [II, III], ids=str)
def test_cross_attention_cannot_be_replaced(stage, lost, judge):
    """Cross-attention of Stage {stage} cannot be replaced: it loses above 15 % by zero and by mean."""
    judge(
        every(
            lost.zero(CROSS, stage).above(percent(15)).labelled("zero"),
            lost.mean(CROSS, stage).above(percent(15)).labelled("mean"),
        ),
        paper=table_3("mean", CROSS, stage),
        controls=controls(lost, "mean", stage),
    )


@claim("5.1-mlp-I", where="Table 3", paper=PAPER)
def test_stage_one_mlps_can_be_replaced_by_their_mean(lost, judge):
    """MLPs in Stage I can be replaced by mean activations: under 5 % of correct queries leave rank 1."""
    judge.also(lost.leave_one_out(MLP, I).below(percent(5)), reading="leave-one-out")
    judge(lost.mean(MLP, I).below(percent(5)), paper=table_3("mean", MLP, I), controls=controls(lost, "mean", I))


@claim("5.1-priming", where="Table 3", paper=PAPER)
def test_stage_one_mlps_cannot_be_removed(lost, judge):
    """MLPs in Stage I prime the rest: removing them loses at least 10 points more than replacing them by their mean."""
    removed, replaced = lost.zero(MLP, I), lost.mean(MLP, I)
    judge(
        removed.exceeds(replaced, by=percent(10)),
        paper=table_3("zero", MLP, I),
        controls=controls(lost, "zero", I),
    )


@claim("5.1-mlp-III", where="Table 3", paper=PAPER)
def test_stage_three_mlps_find_the_document(lost, judge):
    """MLPs in Stage III lose above 40 % by mean, the largest loss of the nine mean cells."""
    largest = lost.mean(MLP, III)
    others = [(part, stage) for part in COMPONENTS for stage in Stage if (part, stage) != (MLP, III)]
    judge.also(lost.leave_one_out(MLP, III).above(percent(40)), reading="leave-one-out")
    judge(
        every(
            largest.above(percent(40)).labelled("mean"),
            *(largest.exceeds(lost.mean(part, stage)).labelled(f"over {part} {stage}") for part, stage in others),
        ),
        paper=table_3("mean", MLP, III),
        controls=controls(lost, "mean", III),
    )


@claim("5.1-single", where="footnote 4", paper=PAPER)
def test_no_single_component_is_needed(lost, judge):
    """Replacing one component of one layer by its mean loses below 5 %, for each component and layer."""
    judge(every(*(loss.below(percent(5)) for loss in lost.single())), controls={"noop": lost.noop()})


@claim("5.1-t5-attention", where="Table 3", paper=PAPER)
def test_pre_trained_attention_suffices(lost_to_base, judge):
    """The pre-trained model's attention outputs do as well: each stage loses below 15 %."""
    cells = {stage: lost_to_base.t5(ATTENTION, stage) for stage in Stage}
    judge(
        every(*(loss.below(percent(15)).labelled(f"T5 {stage}") for stage, loss in cells.items())),
        paper=table_3("T5", ATTENTION, III),
        controls=controls(lost_to_base, "T5", III),
    )


@claim("5.1-t5-mlp-early", where="Table 3", paper=PAPER)
def test_pre_trained_early_mlps_suffice(lost_to_base, judge):
    """The pre-trained model's MLP outputs do as well in Stages I and II: each loses below 20 %."""
    judge(
        every(*(lost_to_base.t5(MLP, stage).below(percent(20)).labelled(f"T5 {stage}") for stage in (I, II))),
        paper=table_3("T5", MLP, II),
        controls=controls(lost_to_base, "T5", II),
    )


@claim("5.1-t5-mlp-III", where="Table 3", paper=PAPER)
def test_pre_trained_late_mlps_do_not_suffice(lost_to_base, judge):
    """The pre-trained model's Stage III MLP outputs lose most of the nine T5 cells."""
    largest = lost_to_base.t5(MLP, III)
    others = [(part, stage) for part in COMPONENTS for stage in Stage if (part, stage) != (MLP, III)]
    judge(
        every(
            *(largest.exceeds(lost_to_base.t5(part, stage)).labelled(f"over {part} {stage}") for part, stage in others)
        ),
        paper=table_3("T5", MLP, III),
        controls=controls(lost_to_base, "T5", III),
    )


@claim("5.1-t5-cross", where="Table 3", paper=PAPER)
def test_late_cross_attention_learned_more_than_bridging(lost_to_base, judge):
    """The pre-trained model's cross-attention outputs lose more in Stage III than in II."""
    judge(
        lost_to_base.t5(CROSS, III).exceeds(lost_to_base.t5(CROSS, II)),
        paper=table_3("T5", CROSS, III),
        controls=controls(lost_to_base, "T5", III),
    )


@claim("5.1-random", where="control", paper=PAPER)
def test_random_sites_matter_less(lost, judge):
    """As many random sites as Stage III has MLPs lose less than these do, replaced by their mean (20 draws)."""
    judge(
        lost.mean(MLP, III).exceeds(lost.random("mean", III), rng=np.random.default_rng(0)),
        controls={"noop": lost.noop(), "worst random": lost.worst_random("mean", III)},
    )


@claim("5.1-reduced", where="Table 4", paper=PAPER)
def test_a_third_of_the_components_retrieves(kept, judge):
    """The reduced graph, one third of the components, keeps at least 75 % of Hits@1, R@5 and Hits@10."""
    judge(
        every(*(share.above(percent(75)).labelled(metric) for metric, share in kept("reduced graph").items())),
        paper={setting: min(values) for setting, values in TABLE_4.items()},
        controls={f"random third, {metric}": share for metric, share in kept("random graph").items()},
    )
