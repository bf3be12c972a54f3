"""Sections 3.2 and 3.3: retrieval heads are activated dynamically, and are intrinsic to a model."""

from __future__ import annotations

from claims.retrieval_heads.paper import ALWAYS_ON, LINEAGE, PAPER
from fixtures.judging import claim
from genir.statistics import every, percent


@claim("h-dynamic", where="Section 3.2", paper=PAPER)
def test_some_heads_always_copy_and_others_at_times(found, judge):
    """Some heads copy in more than 95 % of the runs, other retrieval heads in fewer, and which do depends on the context."""
    judge(
        every(
            found.always().above(percent(95)).labelled("always active"),
            found.sometimes().below(percent(95)).labelled("active at times"),
            found.context_dependence().above(0).labelled("told by the context"),
        ),
        paper=ALWAYS_ON,
        records={"heads active in every run": found.always_heads(), "permutation p of contexts": found.context_p()},
    )


@claim("h-intrinsic", where="Section 3.3", paper=PAPER)
def test_longer_context_keeps_the_heads(kin, judge):
    """Continued training at longer contexts keeps the retrieval heads, which independently trained models do not share."""
    kept, unrelated = kin.kept(), kin.unrelated()
    judge(
        every(
            kept.above(kin.chance()).labelled("over heads permuted within layers"),
            kept.above(0.9 * kin.ceiling()).labelled("nine tenths of the ceiling"),
            *(correlation.below(0.3).labelled(name) for name, correlation in unrelated.items()),
        ),
        paper=LINEAGE,
        controls={"needles against needles": kin.ceiling(), "heads permuted within layers": kin.chance()},
        records={"permutation p": kin.permutation_p()},
    )
