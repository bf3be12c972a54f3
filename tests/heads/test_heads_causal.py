"""The masking experiment on the model that copies by construction: its one head is everything, all others are nothing."""

from __future__ import annotations

import numpy as np
import pytest

from genir.errors import GenirError
from genir.models.causal import causal_lm
from genir.models.causal_attention import HeadMask
from genir.readouts.heads import detect, run_scores
from genir.readouts.heads_causal import masking, one_per_needle
from genir.readouts.heads_design import Design, masked_ladder, masked_recall
from genir.readouts.needle import Cell, Questions
from genir.readouts.needle_bank import Needle
from tests.heads.tiny_lms import copying_model

END = 39
ANSWERS = ((10, 11, 12), (13, 14, 10))
NEEDLES = [Needle(str(a), " ".join(map(str, a)), "", " ".join(map(str, a)), "", "") for a in ANSWERS]


@pytest.fixture
def lm():
    model = copying_model(40, 64, (1,))
    model.generation_config.eos_token_id = END
    return causal_lm("copying", model)


def cells(rng):
    made = []
    for needle, answer in enumerate(ANSWERS):
        for depth in (3, 15):
            filler = (15 + rng.permutation(20)).tolist()
            tokens = (1, *filler[:depth], 2, *answer, END, *filler[depth:], 2)
            made.append(Cell(needle, needle, 20, depth / 20, tokens, (depth + 2, depth + 5), None))
    return made


def test_the_planted_head_is_the_only_dose_that_matters(lm, rng):
    made = cells(rng)
    runs = detect(lm, made, NEEDLES, steps=5)
    assert runs.recall.tolist() == [1] * 4
    scores = run_scores(runs).mean(axis=0)
    assert scores.tolist() == [[0, 0], [0, 1]]
    found = masking(
        lm, made, scores, rng, NEEDLES, size=1, doses=(1, 2), sets=6, steps=5, how=HeadMask((), "zero", True)
    )
    assert found.clean.tolist() == [1] * 4
    assert found.clean_exact.all()
    assert found.at(1).max() < 0.5
    assert not found.dosed_exact.any()
    assert found.random_heads.tolist() == [[[1, 0]]] * 6  # the one other head of its layer
    assert (found.random == 1).all()
    assert found.said.shape == (1 + 2 + 6, 4)
    with pytest.raises(GenirError, match=r"was masked \(\[1, 2\]\), got 3"):
        found.at(3)


def test_recall_with_the_retrieval_heads_masked_is_that_of_the_experiment(lm, rng):
    asked = Questions(tuple(cells(rng)), tuple(NEEDLES))
    scores = np.array([[0.0, 0.05], [0.2, 0.9]])
    design = Design(doses=(), masked_steps=5, masked_batch=3)
    ladder = masked_ladder(lm, asked, scores, design)
    assert ladder.doses.tolist() == [1]  # a tenth of four heads, but one at least
    assert masked_recall(lm, asked, scores, design).tolist() == ladder.at(1).tolist()


def test_the_size_of_random_sets_is_a_dose_and_leaves_heads_to_draw_from(lm, rng):
    scores = np.array([[0, 0.5], [0.5, 1]])
    with pytest.raises(GenirError, match=r"among the doses \[1, 2\], got 3"):
        masking(lm, cells(rng), scores, rng, NEEDLES, size=3, doses=(1, 2))
    with pytest.raises(GenirError, match="at least 2 heads to draw a random set from, 1 are left"):
        masking(lm, cells(rng), scores, rng, NEEDLES, size=2, doses=(2,))
    with pytest.raises(GenirError, match="between 1 and 4 heads, got 5"):
        masking(lm, cells(rng), scores, rng, NEEDLES, size=5, doses=(5,))


def test_one_cell_per_needle_turns_through_the_depths_and_leaves_out_what_was_not_found(rng):
    made = cells(rng)
    everything = np.ones(4, dtype=bool)
    assert [(cell.needle, cell.depth) for cell in one_per_needle(made, everything, 20)] == [(0, 0.15), (1, 0.75)]
    lost = np.array([False, True, False, False])
    assert [(cell.needle, cell.depth) for cell in one_per_needle(made, lost, 20)] == [(0, 0.75)]
    with pytest.raises(GenirError, match="found at length 20, got none: use shorter"):
        one_per_needle(made, ~everything, 20)
