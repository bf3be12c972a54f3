"""The authors' own score files, read again: is what the paper says in them? No model is needed."""

from __future__ import annotations

import numpy as np

from claims.retrieval_heads.paper import PAPER, RETRIEVAL_SHARE, RUNS
from fixtures.judging import claim
from genir.statistics import census, every, percent


@claim("h-published", where="Section 3", paper=PAPER)
def test_published_scores_say_what_the_paper_says(head_scores, published_lineage, judge):
    """In the published scores of every model, less than 5 % of the heads are retrieval heads."""
    judge.also(
        every(
            *(
                census(np.arange(scores.total) < len(scores.runs)).above(percent(95)).labelled(name)
                for name, scores in head_scores.items()
            )
        ),
        reading="every run is another",
        paper={name: 100 * distinct / total for name, (distinct, total) in RUNS.items()},
    )
    judge(
        every(
            *(
                census((scores.means >= 0.1).ravel()).below(percent(5)).labelled(name)
                for name, scores in head_scores.items()
            )
        ),
        paper=RETRIEVAL_SHARE,
        records={
            **{f"always on, {name}": scores.always_on for name, scores in head_scores.items()},
            **{f"zero share, {name}": scores.zero_share for name, scores in head_scores.items()},
            **{
                f"distinct runs, {name}": f"{len(scores.runs)} of {scores.total}"
                for name, scores in head_scores.items()
            },
            **{f"Pearson, {pair}": value for pair, value in published_lineage.items()},
        },
    )
