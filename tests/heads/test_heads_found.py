"""Estimates from needle runs that were written down by hand: two layers of two heads, four needles."""

from __future__ import annotations

import numpy as np
import pytest

from genir.errors import GenirError
from genir.readouts.heads import Runs
from genir.readouts.heads_found import Found

SPAN = 4


def runs(hits, needle=None, context=None, recall=1.0, distracted=0.0) -> Runs:
    """Runs whose hits are given, (runs, 2, 2); span 4, so that one hit is a score of 0.25."""
    hits = np.array(hits, dtype=np.int16)
    n = len(hits)
    return Runs(
        needle=np.arange(n) % 4 if needle is None else np.array(needle),
        context=np.zeros(n, dtype=int) if context is None else np.array(context),
        length=np.full(n, 300),
        depth=np.full(n, 0.5),
        span=np.full(n, SPAN),
        recall=np.full(n, recall) if np.isscalar(recall) else np.array(recall),
        exact=np.ones(n, dtype=bool),
        steps=np.full(n, 5),
        hits=hits,
        hit_steps=2 * hits,
        looks=hits,
        distracted=np.full(hits.shape, distracted),
        said=("",) * n,
    )


def found(main: Runs, others: Runs | None = None) -> Found:
    return Found(main, main if others is None else others, np.zeros((3, 2, 2)), 0.95)


COPIES = [[[4, 0], [0, 1]], [[3, 0], [0, 0]]] * 8  # head (0, 0) scores 0.875, head (1, 1) 0.125 on average


def test_the_leader_is_chosen_on_other_runs_and_judged_on_these():
    swapped = np.array(COPIES)[:, ::-1, ::-1]
    result = found(runs(COPIES), runs(swapped))
    assert result.leader == (1, 1)
    assert result.leading_score().value == pytest.approx(0.125)
    assert result.leading_score(published=True).value == pytest.approx(0.25)
    assert found(runs(COPIES)).leading_score().value == pytest.approx(0.875)


def test_runs_that_do_not_find_the_needle_do_not_count():
    recall = [1.0, 1.0, 0.5, 0.5] * 4
    hits = [[[4, 0], [0, 0]], [[4, 0], [0, 0]], [[0, 0], [0, 0]], [[0, 0], [0, 0]]] * 4
    result = found(runs(hits, recall=recall))
    assert result.leading_score().value == 1
    assert result.always().value == 1
    assert result.always().n == 8


def test_the_answer_is_compared_with_the_distractor_in_the_same_runs():
    asked, distracted = found(runs(COPIES), runs(COPIES, distracted=0.5)).leading_over_distractor()
    assert (asked.value, distracted.value) == (pytest.approx(0.875), 0.5)
    assert asked.exceeds(distracted, rng=np.random.default_rng(0)).verdict == "supported"


def test_shares_of_heads():
    result = found(runs(COPIES))
    assert result.heads == ((0, 0), (1, 1))
    assert result.retrieval_share().value == 0.5
    assert str(result.zero_share()).endswith("(2/4)")


def test_a_head_at_the_threshold_is_a_retrieval_head_in_the_share_too():
    # one hit in ten runs of four: 0.025; four in ten: 0.1, the threshold, which sums of floats may miss
    hits = np.zeros((10, 2, 2), dtype=int)
    hits[:4, 0, 0] = 1
    hits[:1, 0, 1] = 1
    result = found(runs(hits))
    assert result.scores[0, 0] == pytest.approx(0.1)
    assert result.retrieval_share().value == len(result.heads) / 4 == 0.25


def test_activity_always_and_at_times():
    result = found(runs(COPIES))
    assert result.always().value == 1
    assert result.sometimes().value == 0.5
    assert result.always_heads() == 1


def test_an_untrained_twin_is_its_best_head():
    main = runs(COPIES)
    twin = Found(main, main, np.array([[[0, 0], [0, 0.2]], [[0, 0.1], [0, 0]]]), 0.95)
    assert twin.untrained_best().value == pytest.approx(0.1)
    assert (found(main).untrained_best().value, found(main).untrained_best().high) == (0, 0)


def test_context_decides_which_heads_are_active_or_does_not():
    # eight runs of each of four needles, four in each of two contexts
    needle, context = np.repeat(np.arange(4), 8), np.tile([0, 0, 0, 0, 1, 1, 1, 1], 4)
    hits = np.zeros((32, 2, 2), dtype=int)
    hits[:, 0, 0] = 4
    hits[context == 1, 1, 1] = 2
    told = found(runs(hits, needle=needle, context=context))
    assert told.context_dependence().above(0).verdict == "supported"
    assert told.context_p() == pytest.approx(1 / 1000)
    hits[:, 1, 1] = 2 * np.tile([0, 1], 16)  # as often in either context
    untold = found(runs(hits, needle=needle, context=context))
    assert untold.context_dependence().above(0).verdict != "supported"
    assert untold.context_p() > 0.5


def test_where_no_activity_varies_no_context_tells_of_it():
    always = [[[4, 0], [0, 0]]] * 8
    result = found(runs(always, context=[0, 1] * 4, needle=[0, 0, 1, 1, 2, 2, 3, 3]))
    assert result.context_dependence().value == 0
    assert result.context_p() == 1


def test_without_a_retrieval_head_none_is_active_at_times():
    nothing = runs(np.zeros((4, 2, 2)))
    with pytest.raises(GenirError, match=r"expected a retrieval head to watch, got none in the runs to choose from"):
        found(nothing).sometimes()
