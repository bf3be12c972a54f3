"""Timing: one row for each repeat, one column for each model, and a smaller decoder takes less."""

from __future__ import annotations

import numpy as np

from genir.readouts.timing import decode_seconds
from tests.interventions.tiny import subject, tiny_t5


def test_models_take_turns_and_twelve_layers_take_longer_than_one():
    large, small = (subject(tiny_t5(num_decoder_layers=layers)) for layers in (12, 1))
    found = decode_seconds([large, small], ["3 4 5", "7"], repeats=9)
    assert found.shape == (9, 2)
    assert (found > 0).all()
    assert np.median(found[:, 0] / found[:, 1]) > 2
