"""Section 5.3: who reads from whom (Fig. 5)."""

from __future__ import annotations

import numpy as np

from claims.retrieval_process.paper import PAPER
from fixtures.judging import claim
from genir.interventions.sites import CROSS, MLP, Component, Stage
from genir.statistics import every, percent

I, II, III = Stage  # noqa: E741


@claim("5.3-mlp-III", where="Fig. 5, right", paper=PAPER)
def test_late_mlps_read_from_cross_attention(figure5, judge):
    """Stage III MLP neurons are activated mostly by cross-attention of Stages II and III: its positive share is above 50 %."""
    bridge = figure5.bucket(CROSS, II) + figure5.bucket(CROSS, III)
    judge.also(figure5.mlp_reads(bridge, "published").above(percent(50)), reading="as published")
    judge.also(figure5.mlp_reads(bridge, "signed").above(percent(50)), reading="signed")
    judge(
        figure5.mlp_reads(bridge).above(percent(50)),
        controls={
            f"{part} {stage}": figure5.mlp_reads(figure5.bucket(part, stage)) for part in Component for stage in Stage
        },
    )


@claim("5.3-cross-II", where="Fig. 5, left", paper=PAPER)
def test_bridging_is_triggered_by_priming(figure5, judge):
    """Cross-attention of Stage II is triggered mostly by Stage I MLPs, the largest of the nine sources."""

    def largest(share):
        primed = figure5.cross_reads(figure5.bucket(MLP, I), share)
        others = [(part, stage) for part in Component for stage in Stage if (part, stage) != (MLP, I)]
        return every(
            *(
                primed.exceeds(
                    figure5.cross_reads(figure5.bucket(part, stage), share), rng=np.random.default_rng(0)
                ).labelled(f"over {part} {stage}")
                for part, stage in others
            )
        )

    judge.also(largest("published"), reading="as published")
    judge.also(largest("signed"), reading="signed")
    judge(largest("positive"))


@claim("5.3-heads", where="Section 5.3", paper=PAPER)
def test_every_head_is_read_by_a_late_mlp(figure5, judge):
    """Every cross-attention head outside the last layer is a top-five source of some Stage III MLP for at least one query."""

    def all_heads(among):
        reached = figure5.reached(among)
        return reached.above(1 - 0.5 / reached.n)  # one head that is missing is one too many

    judge.also(
        all_heads("heads"),
        reading="top five among cross-attention heads",
        records={"for every query": figure5.always("heads").value},
    )
    judge(all_heads("all"), paper={"NQ10k, for every query": 66}, controls={"for every query": figure5.always("all")})
