"""Section 5.4: cross-attention heads of Stage II promote words, not documents (Tables 5 and 6)."""

from __future__ import annotations

import pytest

from claims.retrieval_process.paper import PAPER, table_5
from fixtures.judging import claim
from genir.statistics import every, percent

MARGINS = {10: percent(0.5), 100: percent(1), 1000: percent(10)}


@claim("5.4-words-{depth}", where="Table 5", paper=PAPER)
@pytest.mark.parametrize("depth", MARGINS)
def test_heads_promote_words(depth, table5, judge):
    """Docids are rare among the {depth} tokens that Stage II cross-attention heads promote most: below a quarter of chance."""

    def rare(reading):
        share = table5.docids(depth, reading)
        return every(
            share.below(MARGINS[depth]).labelled("margin"),
            share.below(table5.chance / 4).labelled("a quarter of chance"),
        )

    judge.also(rare("as published"), reading="as published")
    judge.also(rare("class offset removed"), reading="class offset removed")
    judge(
        rare("per head"),
        paper=table_5(depth),
        controls={
            "chance": table5.chance,
            "sum of the heads": table5.docids(depth, "summed"),
            "followed document first in some head": table5.first(),
        },
    )


@claim("5.4-expansion", where="Table 6", paper=PAPER)
def test_promoted_words_are_about_the_query(table5, judge):
    """The words that Stage II heads promote are about the query: more similar to its words than to those of other queries."""
    judge.also(
        table5.nearer(unseen=True).above(0),
        reading="without the query's own words",
        records={"permutation p": table5.permutation_p(unseen=True)},
    )
    judge(table5.nearer().above(0), records={"permutation p": table5.permutation_p()})
