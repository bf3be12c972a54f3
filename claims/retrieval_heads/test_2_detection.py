"""Section 2.2 and 3.1: retrieval heads exist in every model, and are few."""

from __future__ import annotations

import numpy as np

from claims.retrieval_heads.paper import PAPER, RETRIEVAL_SHARE, ZERO_SHARE
from fixtures.judging import claim
from genir.statistics import every, percent, untestable

FEW = 100  # heads, below which 5 % is no number of heads to speak of


@claim("h-universal", where="Section 3.1", paper=PAPER)
def test_there_is_a_retrieval_head(found, judge):
    """A model that finds needles has a retrieval head: it scores above 0.1 and above a distractor of the same form; untrained, none does."""
    asked, distracted = found.leading_over_distractor()
    untrained = found.untrained_best()
    controls = {"untrained twin": untrained, "distractor of another form": found.other_form_distractor()}
    judge.also(found.leading_score(published=True).above(0.1), reading="as published")
    judge(
        every(
            found.leading_score().above(0.1).labelled("score"),
            asked.exceeds(distracted, rng=np.random.default_rng(0)).labelled("answer over distractor"),
            untrained.below(0.05).labelled("untrained twin"),
        ),
        controls=controls,
        records={"layer": found.leader[0], "head": found.leader[1], "runs that count": int(found.runs.counted.sum())},
    )


@claim("h-sparse", where="Section 3.1", paper=PAPER)
def test_retrieval_heads_are_few(found, judge):
    """Less than 5 % of the heads are retrieval heads."""
    if found.scores.size < FEW:
        judge(untestable(f"the model has {found.scores.size} heads, and 5 % of less than {FEW} is no number of heads"))
    judge.also(found.retrieval_share(published=True).below(percent(5)), reading="as published")
    judge(
        found.retrieval_share().below(percent(5)),
        paper=RETRIEVAL_SHARE,
        records={"retrieval heads": len(found.heads), "heads": found.scores.size},
    )


@claim("h-zero", where="Section 3.1", paper=PAPER)
def test_half_of_the_heads_never_copy(found, judge):
    """About half of the heads or more never copy: above 40 % score zero in every run."""
    judge(found.zero_share().above(percent(40)), paper=ZERO_SHARE)
