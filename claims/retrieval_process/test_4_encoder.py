"""Section 4: the encoder need not know the documents (Table 2)."""

from __future__ import annotations

import numpy as np

from claims.retrieval_process.paper import PAPER, PRETRAINED_MEAN_RANK, TABLE_2_HITS
from fixtures.judging import claim
from genir.statistics import every, mean, minus, percent, proportion, unchanged


def pooled(siblings, reading, correct_only=True):
    """Ranks of removed documents over all siblings; of those that the whole model ranks first, unless all are wanted."""
    return np.concatenate(
        [
            getattr(one, reading)[one.removed == 1] if correct_only else getattr(one, reading)
            for one in siblings.values()
        ]
    )


def still_ranked(ranks, confidence):
    """Hits@1 above 50 % and MRR above 0.6."""
    reciprocal = mean(1 / ranks, np.random.default_rng(0), confidence)
    return every(
        proportion(ranks == 1, confidence).above(percent(50)).labelled("Hits@1"),
        reciprocal.above(0.6).labelled("MRR"),
    )


@claim("4-comparable", where="Section 4", paper=PAPER)
def test_siblings_are_as_good_as_the_model(siblings, settings, judge):
    """Each removed-document model is within 5 points of the full model in Hits@1, on documents that both have seen."""
    judge(
        every(
            *(
                unchanged(minus(one.sibling == 1, one.whole == 1, settings.confidence), percent(5)).labelled(name)
                for name, one in siblings.items()
            )
        )
    )


@claim("4-removed", where="Table 2", paper=PAPER)
def test_encoders_that_never_saw_a_document_still_find_it(siblings, settings, judge):
    """The full decoder with the encoder of a model that never saw ten documents still ranks them: Hits@1 above 50 %, MRR above 0.6."""
    judge.also(still_ranked(pooled(siblings, "residual"), settings.confidence), reading="as published")
    judge.also(
        still_ranked(pooled(siblings, "swapped", correct_only=False), settings.confidence),
        reading="all queries of removed documents",
    )
    everything = pooled(siblings, "removed", correct_only=False)
    judge(
        still_ranked(pooled(siblings, "swapped"), settings.confidence),
        paper=TABLE_2_HITS,
        controls={"whole model, all queries, Hits@1": proportion(everything == 1, settings.confidence)},
    )


@claim("4-pretrained", where="Section 4", paper=PAPER)
def test_the_pre_trained_encoder_suffices(with_pretrained_encoder, settings, judge):
    """With the base's encoder more than half of the correct queries stay at rank 1, and fewer than 5 % fall beyond rank 1,000."""

    def stays(ranks):
        return every(
            proportion(ranks == 1, settings.confidence).above(percent(50)).labelled("rank 1"),
            proportion(ranks > 1000, settings.confidence).below(percent(5)).labelled("beyond rank 1,000"),
        )

    ranks, random = with_pretrained_encoder["whole encoder"], with_pretrained_encoder["random encoder"]
    judge.also(stays(with_pretrained_encoder["residual only"]), reading="as published")
    judge(
        every(
            stays(ranks),
            proportion(random == 1, settings.confidence).below(percent(5)).labelled("random encoder"),
        ),
        records={"mean rank": float(ranks.mean()), "mean rank, NQ10k": PRETRAINED_MEAN_RANK},
    )
