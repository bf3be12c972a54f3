"""The arithmetic of scores on runs that are written by hand."""

from __future__ import annotations

import numpy as np
import pytest

from genir.errors import GenirError
from genir.models.decoding import Decoded
from genir.readouts.heads import (
    Runs,
    activity,
    answer_recall,
    distractor_scores,
    enough,
    hits_of,
    look_rate,
    ranked,
    retrieval_heads,
    run_scores,
    says,
    strongest,
)
from genir.readouts.heads_masked import random_heads

PROMPT = (5, 6, 7, 8, 7, 9)  # the answer is 7 8 7 at positions 2, 3, 4


def decoded(tokens, *keys):
    """``keys``: where each of the heads of one layer looks, one list over steps per head."""
    return Decoded(np.array(tokens), np.array(keys, dtype=np.int32).T[:, None, :])


def test_a_hit_looks_at_the_token_that_is_generated_inside_the_span():
    run = decoded([7, 8, 7], [2, 3, 4], [2, 3, 2], [4, 2, 2], [1, 1, 5], [2, 9, 0])
    hits = hits_of(run, PROMPT, (2, 5))
    assert hits.positions.tolist() == [[3, 2, 2, 0, 1]]
    assert hits.steps.tolist() == [[3, 3, 2, 0, 1]]
    assert hits.looks.tolist() == [[3, 3, 3, 0, 1]]


def test_steps_can_exceed_the_span_and_positions_cannot():
    run = decoded([7] * 9, [2] * 9)
    hits = hits_of(run, PROMPT, (2, 5))
    assert (hits.positions.item(), hits.steps.item()) == (1, 9)


def test_no_span_hits_nothing_and_no_keys_are_an_error():
    run = decoded([7], [2])
    assert all(hit.tolist() == [[0]] for hit in hits_of(run, PROMPT, None))
    with pytest.raises(GenirError, match="want_keys=True"):
        hits_of(run._replace(keys=None), PROMPT, (2, 5))


def runs(**changes):
    """Four runs of one layer of two heads: counted, counted, recall too small, span not found."""
    count = len(changes.get("recall", (1, 0.6, 0.5, 1)))
    values = {
        "needle": np.arange(count),
        "context": np.arange(count),
        "length": np.full(count, 300),
        "depth": np.zeros(count),
        "span": np.array([4, 4, 4, 0]),
        "recall": np.array([1, 0.6, 0.5, 1]),
        "exact": np.array([True, False, False, True]),
        "steps": np.array([10, 5, 5, 5]),
        "hits": np.array([[[4, 1]], [[2, 0]], [[4, 4]], [[0, 0]]]),
        "hit_steps": np.array([[[8, 1]], [[2, 0]], [[4, 4]], [[0, 0]]]),
        "looks": np.array([[[9, 1]], [[5, 0]], [[4, 4]], [[0, 0]]]),
        "distracted": np.zeros((4, 1, 2)),
        "said": ("",) * count,
    }
    return Runs(**{**values, **changes})


def test_scores_are_shares_of_the_span_over_the_runs_that_count():
    assert runs().counted.tolist() == [True, True, False, False]
    assert run_scores(runs()).tolist() == [[[1.0, 0.25]], [[0.5, 0.0]]]
    assert run_scores(runs(), published=True).tolist() == [[[2.0, 0.25]], [[0.5, 0.0]]]
    assert activity(runs()).tolist() == [[[True, True]], [[True, False]]]
    assert look_rate(runs()).tolist() == [[[0.9, 0.1]], [[1.0, 0.0]]]
    assert distractor_scores(runs()).shape == (2, 1, 2)


def test_no_run_and_too_few_runs_are_refused_with_what_to_do():
    with pytest.raises(GenirError, match=r"none of 4 did \(mean recall 0.10\): use shorter contexts"):
        run_scores(runs(recall=np.full(4, 0.1)))
    with pytest.raises(GenirError, match="at least 20 runs in which the model finds the needle, got 2: add needles"):
        enough(runs())
    assert enough(runs(), least=2).counted.sum() == 2


def test_heads_are_ranked_by_score_and_chosen_by_threshold_or_number():
    scores = np.array([[0.05, 0.4], [0.1, 0.4]])
    assert ranked(scores) == [(0, 1), (1, 1), (1, 0), (0, 0)]
    assert retrieval_heads(scores) == [(0, 1), (1, 1), (1, 0)]
    assert strongest(scores, 2) == ((0, 1), (1, 1))
    for k in (0, 5):
        with pytest.raises(GenirError, match=f"between 1 and 4 heads, got {k}"):
            strongest(scores, k)


def test_recall_counts_words_as_often_as_they_occur_and_not_those_of_the_question():
    assert answer_recall("A red, red rose.", "red red rose petals") == 0.75
    assert answer_recall("the key is red", "the red key", "Where is the key?") == 1.0
    assert answer_recall("the key is blue", "the red key", "Where is the key?") == 0.0
    assert answer_recall("the key", "the key", "the key") == 1.0
    assert says("It was RED-hot, really", "red hot")
    assert not says("predate", "red")


def test_random_heads_come_from_the_same_layers_where_these_have_enough(rng):
    for _ in range(50):
        drawn = random_heads([(0, 0), (0, 1), (2, 3)], (3, 4), [(0, 0), (0, 1), (2, 3)], rng)
        assert sorted(layer for layer, _ in drawn) == [0, 0, 2]
        assert len(set(drawn)) == 3
        assert not set(drawn) & {(0, 0), (0, 1), (2, 3)}
    anywhere = [random_heads([(0, 0)], (4, 1), [], rng, matched=False)[0][0] for _ in range(200)]
    assert set(anywhere) == {0, 1, 2, 3}
    full = random_heads([(0, 0), (0, 1), (0, 2)], (2, 3), [(0, 0), (0, 1)], rng)
    assert (0, 2) in full
    assert sorted(layer for layer, _ in full) == [0, 1, 1]


def test_an_empty_pool_is_refused(rng):
    with pytest.raises(GenirError, match="at least 2 heads to draw a random set from, 1 are left after excluding 3"):
        random_heads([(0, 0), (1, 0)], (2, 2), [(0, 0), (0, 1), (1, 0)], rng)
