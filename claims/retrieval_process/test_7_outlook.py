"""Section 7, and beyond it: what the three stages are good for."""

from __future__ import annotations

import numpy as np

from claims.retrieval_process.paper import PAPER
from fixtures.judging import claim
from genir.statistics import census, every, median, percent, proportion, ratio_of_means


@claim("7-efficiency", where="Section 7", paper=PAPER)
def test_the_reduced_graph_is_a_faster_model(folded, settings, judge):
    """The reduced graph, folded into a smaller decoder, returns the same ranking as the patched model and decodes 1.5 times as fast."""

    def faster(seconds):
        return median(seconds[:, 0] / seconds[:, 1], np.random.default_rng(0), settings.confidence)

    judge(
        every(
            census(folded.same).above(percent(99)).labelled("same first ten"),
            faster(folded.batch).above(1.5).labelled("64 queries at a time"),
        ),
        controls={"one query at a time": faster(folded.single)},
        records={
            "largest difference of logits": float(folded.gap.max()),
            "share of decoder parameters": float(folded.parameters[1] / folded.parameters[0]),
            "milliseconds, whole decoder": 1000 * float(np.median(folded.batch[:, 0])),
            "milliseconds, folded decoder": 1000 * float(np.median(folded.batch[:, 1])),
        },
    )


@claim("7-selective", where="beyond Section 7", paper=PAPER)
def test_training_what_retrieval_needs_suffices(selective, settings, judge):
    """Fine-tuning only Stage III MLPs, cross-attention and docid rows reaches at least 90 % of full fine-tuning's Hits@1."""
    hits = {name: (ranks == 1).astype(float) for name, ranks in selective.items()}
    kept = ratio_of_means(hits["selective"], hits["whole"], np.random.default_rng(0), settings.confidence, unit="%")
    judge(
        kept.above(percent(90)),
        controls={f"{name}, Hits@1": proportion(ranks == 1, settings.confidence) for name, ranks in selective.items()},
    )


@claim("7-generality", where="beyond Section 7", paper=PAPER)
def test_verdicts_agree_between_models(verdicts, settings, judge):
    """The verdicts agree between the models tested: more than three quarters of the claims that two models decide."""
    agree = [len(set(models.values())) == 1 for models in verdicts.values()]
    judge(
        proportion(np.array(agree), settings.confidence).above(percent(75)),
        records={
            claim: ", ".join(f"{model} {verdict}" for model, verdict in models.items())
            for claim, models in verdicts.items()
        },
    )
