"""Chains against direct answers: the difference is taken twice, and a copying model shows where masking bites."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from genir.errors import GenirError
from genir.readouts.heads import detect, run_scores
from genir.readouts.heads_design import Design
from genir.readouts.heads_hops import Hops, masked_hops
from genir.readouts.needle import Questions
from tests.heads.test_heads_causal import ANSWERS, NEEDLES, cells, lm  # noqa: F401 - a fixture


def test_differences_of_differences_by_hand():
    direct = np.array([[1, 1, 1, 0], [0, 1, 1, 0], [1, 1, 0, 0], [1, 1, 1, 1]], dtype=float)
    chain = np.array([[1, 1, 1, 1], [0, 0, 1, 1], [1, 0, 0, 1], [1, 1, 1, 0]], dtype=float)
    found = Hops(direct, chain, 0.95)
    assert found.answered.tolist() == [True, True, True, False]
    assert found.lost(found.direct).value == pytest.approx(1 / 3)
    assert found.lost(found.chain).value == pytest.approx(2 / 3)
    assert found.naive().value == pytest.approx(1 / 3)
    assert found.random().value == pytest.approx((0 + 0.5 + 0) / 3)
    assert found.beyond_random().value == pytest.approx(1 / 3 - 0.5 / 3)


def test_questions_that_are_not_answered_both_ways_show_nothing():
    with pytest.raises(GenirError, match="answered both ways, none of 2 is"):
        Hops(np.array([[1.0, 0], [1, 1]]), np.array([[0.0, 1], [1, 1]]), 0.95).naive()


def test_every_way_to_ask_is_answered_under_the_same_masks(lm, rng):  # noqa: F811
    made = cells(rng)
    scores = run_scores(detect(lm, made, NEEDLES, steps=5)).mean(axis=0)
    asked = Questions(tuple(made), tuple(NEEDLES))
    design = replace(Design(), sets=5, masked_batch=7)
    found = masked_hops(lm, {"short": asked, "long": asked}, scores, design, {"short": 1, "long": 3})
    assert found["short"].shape == found["long"].shape == (2 + 5, len(made))
    assert found["long"][0].tolist() == [1.0] * len(made)
    assert found["short"][0].tolist() == [pytest.approx(1 / len(ANSWERS[0]))] * len(made)
    assert found["long"][1].max() < 0.5
    assert (found["long"][2:] == 1).all()  # the one other head of its layer, which does nothing
