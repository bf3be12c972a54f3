"""Section 5: the residual stream has three stages (Fig. 3)."""

from __future__ import annotations

import numpy as np
import pytest

from claims.retrieval_process.paper import PAPER
from fixtures.judging import claim
from genir.interventions.sites import ATTENTION, CROSS, MLP, Component, Site, Stage, sites
from genir.statistics import every, untestable

I, II, III = Stage  # noqa: E741
LEADING = {I: MLP, II: CROSS, III: MLP}  # the component that is "primarily active" in each stage (abstract)


def over(first, second):
    """Whether ``first`` exceeds ``second``, query by query."""
    return first.exceeds(second, rng=np.random.default_rng(0))


def three_stages(figure):
    """MLPs write more than cross-attention in I and III; cross-attention writes most in II."""
    return every(
        over(figure.ratio(MLP, I), figure.ratio(CROSS, I)).labelled("MLP over cross-attention in I"),
        over(figure.ratio(MLP, III), figure.ratio(CROSS, III)).labelled("MLP over cross-attention in III"),
        over(figure.ratio(CROSS, II), figure.ratio(CROSS, I)).labelled("cross-attention, II over I"),
        over(figure.ratio(CROSS, II), figure.ratio(CROSS, III)).labelled("cross-attention, II over III"),
    )


@claim("5-stages", where="Fig. 3", paper=PAPER)
def test_three_stages_exist(figure3, settings, judge):
    """Three contiguous stages exist: MLPs write more than cross-attention in I and III, cross-attention peaks in II."""
    if len(figure3.residual.gram) < 2:
        judge(untestable("one correct query leaves none to judge the stages on that it was found with"))
        return
    if settings.stages == "detected":  # the correct queries are the held-out half already
        judge(three_stages(figure3))
        return
    detected, held_out = figure3.detected()
    other = three_stages(held_out.within(detected)) if detected else untestable("no bridging stage is found")
    judge.also(other, reading="detected stages", records={"stages": str(detected or "none")})
    judge(three_stages(held_out), records={"stages": str(held_out.stages)})


@claim("5-ratio-{stage}", where="Fig. 3", paper=PAPER)
@pytest.mark.parametrize("stage", Stage, ids=str)
def test_one_component_leads_each_stage(stage, figure3, judge):
    """Stage {stage} has one component that writes most: MLPs in I, cross-attention in II, MLPs in III."""
    leading = figure3.ratio(LEADING[stage], stage)
    others = [component for component in Component if component is not LEADING[stage]]
    judge(
        every(*(over(leading, figure3.ratio(other, stage)).labelled(f"over {other}") for other in others)),
        controls={str(component): figure3.ratio(component, stage) for component in Component},
    )


@claim("5-cosine-III", where="Fig. 3", paper=PAPER)
def test_stage_three_writes_against_the_stream(figure3, judge):
    """All three components point against the stream in Stage III, its last layer excluded: mean cosine below 0."""
    layers = [layer for layer in figure3.stages.III if layer < figure3.residual.layers - 1]
    if not layers:
        judge(untestable("Stage III has no layer but the last"))
        return

    def against(stream):
        return every(*(figure3.cosine(part, layers, stream).below(0).labelled(str(part)) for part in Component))

    judge.also(against("output"), reading="as published")
    judge(against("input"))


@claim("5-erase", where="Section 5", paper=PAPER)
def test_stage_three_erases_what_stage_one_wrote(figure3, judge):
    """Stage III outputs point against the Stage I MLP outputs: mean cosine below -0.9."""
    written = sites(MLP, figure3.stages.I)
    late = {part: sites(part, figure3.stages.III) for part in (ATTENTION, CROSS, MLP)}
    bridging = [Site(part, layer) for layer in figure3.stages.II for part in Component]
    judge(
        figure3.between([site for part in late.values() for site in part], written).below(-0.9),
        paper={"NQ10k": -0.9},
        controls={
            "Stage II outputs": figure3.between(bridging, written),
            **{f"Stage III {part}": figure3.between(places, written) for part, places in late.items()},
        },
    )
