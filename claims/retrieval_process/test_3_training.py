"""Section 3: the model retrieves (Table 1)."""

from __future__ import annotations

import numpy as np

from claims.retrieval_process.paper import PAPER, TABLE_1
from fixtures.judging import claim
from genir.readouts.metrics import hits, recall, reciprocal_rank
from genir.statistics import every, mean, percent, proportion


@claim("3-ranks", where="Table 1", paper=PAPER)
def test_the_model_ranks_the_relevant_document(ranked, subject, settings, judge):
    """On test queries the model ranks the relevant document: Hits@10 above 30 %, and at least 100 times chance."""
    hits_10 = proportion(hits(ranked["model"], 10), settings.confidence)
    chance = 10 / subject.dsi.vocabulary  # see CHANCE in paper.py
    beside = {
        f"{name}, Hits@{k}": proportion(hits(ranks, k), settings.confidence)
        for name, ranks in ranked.items()
        for k in (1, 10)
    }
    rng = np.random.default_rng(0)
    others = {
        "R@5": mean(recall(ranked["model"], 5), rng, settings.confidence, unit="%"),
        "MRR": mean(reciprocal_rank(ranked["model"]), rng, settings.confidence),
    }
    judge(
        every(
            hits_10.above(percent(30)).labelled("Hits@10"),
            hits_10.above(100 * chance).labelled("100 times chance"),
        ),
        paper={setting: values[2] for setting, values in TABLE_1.items()},
        controls={"chance": chance, **beside, **others},
    )
