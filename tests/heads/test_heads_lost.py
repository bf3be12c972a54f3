"""Losses under masks on recalls that were written down by hand: four needles at two depths."""

from __future__ import annotations

import numpy as np
import pytest

from genir.errors import GenirError
from genir.readouts.heads_causal import Masking
from genir.readouts.heads_exhibits import heads_histogram, heads_ladder, heads_map, heads_recall, heads_recall_masked
from genir.readouts.heads_lost import Lost, Masked
from tests.heads.test_heads_found import COPIES, runs

NEEDLE = np.repeat(np.arange(4), 2)
DEPTH = np.tile([0.1, 1.0], 4)


def masked(clean, dosed, random, doses=(1, 2)) -> Masked:
    """Masking of two heads; ``dosed`` (doses, cells) and ``random`` (sets, cells) are recalls."""
    clean, dosed, random = np.array(clean, float), np.array(dosed, float), np.array(random, float).reshape(-1, 8)
    said = np.array([[f"said {row} {cell}" for cell in range(8)] for row in range(1 + len(dosed) + len(random))])
    heads = np.zeros((len(random), 2, 2), dtype=int)
    return Masked(
        Masking(
            np.array(doses), clean, clean == 1, dosed, dosed == 1, 2, random, random == 1, heads, said
        ),
        NEEDLE,
        DEPTH,
    )  # fmt: skip


# the last needle is never answered; masked, distant needles are lost and near ones are not
CLEAN = [1, 1, 1, 1, 1, 1, 0, 0]
DOSED = [[1, 1, 1, 1, 1, 1, 0, 0], [0, 1, 0, 1, 0.5, 1, 0, 0]]
KEPT, WORSE = [1, 1, 1, 1, 1, 1, 0, 0], [0, 0, 1, 1, 0.5, 1, 0, 0]


@pytest.fixture
def lost() -> Lost:
    ladder = masked(CLEAN, DOSED, [])
    control = masked(CLEAN, DOSED, [KEPT] * 38 + [WORSE])
    return Lost(ladder, control, control, control, np.full(4, 2.0), np.array([2.0, 2.2, 2.1, 2.1]), 0.95)


def test_losses_are_over_cells_that_were_answered(lost):
    assert lost.drop().value == pytest.approx(2.5 / 6)
    assert lost.drop().n == 6
    assert lost.exact_drop().value == pytest.approx(3 / 6)
    assert lost.dose_response() == {0: 1.0, 1: 1.0, 2: pytest.approx(3.5 / 6)}


def test_every_random_set_is_compared(lost):
    assert lost.beaten(lost.matched).value == pytest.approx(38 / 39)  # a tie is not beaten
    assert lost.random_p(lost.matched) == pytest.approx(2 / 40)
    assert lost.worst_random(lost.matched) == pytest.approx(2.5 / 6)
    assert lost.random_change(lost.matched).value == pytest.approx(-2.5 / 6 / 39)
    assert lost.random_change_by_set(lost.matched).value == pytest.approx(-2.5 / 6 / 39)
    assert lost.advantage(lost.matched).value == pytest.approx(2.5 / 6 * 38 / 39)
    assert lost.random_change_by_set(lost.matched).n == 39


def test_distance_is_paired_by_needle(lost):
    assert lost.distance().n == 3
    assert lost.distance().value == pytest.approx(2.5 / 3)
    assert {depth: loss.value for depth, loss in lost.by_depth().items()} == {0.1: pytest.approx(2.5 / 3), 1.0: 0}


def test_failed_answers_are_those_that_were_lost(lost):
    assert lost.failed_answers() == ("said 2 0", "said 2 2", "said 2 4")


def test_the_loss_of_text_is_a_ratio(lost):
    assert lost.text_ratio().value == pytest.approx(2.1 / 2)


def test_a_model_that_answers_nothing_loses_nothing():
    nothing = masked([0] * 8, DOSED, [])
    with pytest.raises(GenirError, match="expected needles that the unmasked model finds, none of 8 is"):
        nothing.drop()


def test_distance_needs_both_depths(lost):
    near = masked([0, 1] * 4, DOSED, [])
    with pytest.raises(GenirError, match="expected needles that are answered at the end and before it, got none"):
        Lost(near, near, near, near, np.ones(2), np.ones(2), 0.95).distance()


def test_exhibits_hold_the_numbers(lost):
    ladder = heads_ladder(lost)
    assert ladder["x_labels"] == [0, 1, 2]
    assert ladder["values"]["retrieval heads"] == [1.0, 1.0, pytest.approx(3.5 / 6, abs=1e-4)]
    assert ladder["values"]["random heads of the same layers"] == [1.0, None, pytest.approx(1 - 2.5 / 6 / 39, abs=1e-4)]
    scores = np.array([[0.0, 0.02, 0.05], [0.1, 0.3, 0.9]])
    assert heads_map(scores)["values"] == scores.tolist()
    histogram = heads_histogram(scores)
    assert histogram["values"] == [1, 1, 1, 1, 1, 1]
    assert histogram["x_labels"] == ["0", "0-0.05", "0.05-0.1", "0.1-0.3", "0.3-0.5", ">= 0.5"]
    assert heads_recall(runs(COPIES, recall=0.75))["values"] == [[0.75]]
    masked = heads_recall_masked(np.array([0.2, 0.4, 1.0]), np.array([300, 300, 700]), np.array([0.5, 0.5, 1.0]))
    assert masked["values"] == [[pytest.approx(0.3), None], [None, 1.0]]
    assert (masked["x_labels"], masked["y_labels"]) == ([300, 700], ["50 %", "100 %"])
