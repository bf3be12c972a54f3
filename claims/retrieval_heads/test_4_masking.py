"""Section 4.1: masking retrieval heads breaks retrieval, masking random heads does not."""

from __future__ import annotations

from claims.retrieval_heads.paper import MASKED_30, MASKED_30_AT_END, PAPER
from fixtures.judging import claim
from genir.statistics import every, percent, untestable

EVERY_SET = percent(99)  # a share of 39 sets above it is all of them


@claim("h-causal", where="Section 4.1", paper=PAPER)
def test_masking_retrieval_heads_breaks_retrieval(lost_retrieval, judge):
    """Masking the retrieval heads loses at least 0.3 of the answer's words, and more than any of 39 random sets of heads."""
    lost = lost_retrieval
    matched, published = lost.matched, lost.published

    def breaks(drop, masked):
        return every(
            drop.above(0.3).labelled("recall lost"),
            lost.advantage(masked).above(0).labelled("more than the average random set"),
            lost.beaten(masked).above(EVERY_SET).labelled("more than every random set"),
        )

    judge.also(
        breaks(lost.published_drop(), published),
        reading="as published",
        paper=MASKED_30,
        controls={"worst random": lost.worst_random(published)},
    )
    judge(
        breaks(lost.drop(), matched),
        paper=MASKED_30,
        controls={
            "random heads of the same layers": -lost.random_change(matched).value,
            "worst of them": lost.worst_random(matched),
            "random heads of any layer": -lost.random_change(lost.unmatched).value,
            "worst of those": lost.worst_random(lost.unmatched),
        },
        records={
            "heads masked": matched.masking.size,
            "exact answers lost": lost.exact_drop().value,
            "p against random sets": lost.random_p(matched),
            **{f"recall, {dose} masked": recall for dose, recall in lost.dose_response().items()},
        },
    )


@claim("h-random", where="Section 4.1", paper=PAPER)
def test_masking_random_heads_does_not_matter(lost_retrieval, judge):
    """Masking as many random heads changes recall by less than 0.10."""
    lost = lost_retrieval

    def unchanged(masked):
        return every(
            lost.random_change(masked).within(-0.1, 0.1).labelled("over needles"),
            lost.random_change_by_set(masked).within(-0.1, 0.1).labelled("over random sets"),
        )

    judge.also(
        unchanged(lost.unmatched),
        reading="heads of any layer",
        controls={"worst draw": lost.worst_random(lost.unmatched)},
    )
    judge.also(
        unchanged(lost.published), reading="as published", controls={"worst draw": lost.worst_random(lost.published)}
    )
    judge(unchanged(lost.matched), paper=MASKED_30, controls={"worst draw": lost.worst_random(lost.matched)})


@claim("h-hallucination", where="Section 4.1", paper=PAPER)
def test_a_model_that_retrieves_nothing_still_speaks(lost_retrieval, judge):
    """Where masking ends retrieval, the model still speaks: its loss on unrelated text changes by less than 10 %."""
    failed = lost_retrieval.failed_answers()
    if not failed:
        judge(untestable("no answer is lost when the retrieval heads are masked: there is nothing to say instead"))
    spoken = [text for text in failed if len(text.split()) > 1]
    judge(
        lost_retrieval.text_ratio().within(0.9, 1.1),
        records={
            "wrong answers": len(failed),
            "of two words or more": len(spoken),
            "an example": spoken[0][:120] if spoken else "",
        },
    )


@claim("h-distance", where="Section 4.1", paper=PAPER)
def test_masking_hurts_distant_needles_more(lost_retrieval, judge):
    """Masking the retrieval heads loses more of needles before the end than of the needle at the very end."""
    by_depth = lost_retrieval.by_depth()
    judge(
        lost_retrieval.distance().above(0),
        paper=MASKED_30_AT_END,
        records={f"recall lost at depth {depth:g}": loss.value for depth, loss in by_depth.items()},
    )


@claim("h-cot", where="Section 4.3", paper=PAPER)
def test_masking_hurts_chains_of_thought_more(two_hops, judge):
    """Masking retrieval heads hurts chains of thought more than direct answers, beyond what random heads do."""
    judge.also(two_hops.naive().above(0), reading="without regard to random heads")
    judge(
        two_hops.beyond_random().above(0),
        controls={"random heads of the same layers": two_hops.random()},
        records={
            "lost by chains": two_hops.lost(two_hops.chain).value,
            "lost by direct answers": two_hops.lost(two_hops.direct).value,
            "questions answered both ways": int(two_hops.answered.sum()),
        },
    )
