"""Models side by side, from needle runs that were written down: the same heads, other heads, and chance."""

from __future__ import annotations

import numpy as np
import pytest

from genir.errors import GenirError
from genir.readouts.heads_kin import Kin
from tests.heads.test_heads_found import runs

RNG = np.random.default_rng(0)
ONE = RNG.integers(0, 2, (12, 3, 8)) + np.where(np.arange(24).reshape(3, 8) == 9, 3, 0)
MANY = [
    runs(np.minimum(4, ONE)),
    runs(np.minimum(4, ONE[:, :, ::-1])),
]


def kin(extended, recall=1.0, **strangers):
    return Kin(MANY[0], extended, strangers, 0.95)


def test_the_same_scores_correlate_perfectly_and_others_as_pearson_says():
    found = kin(MANY[0], mirrored=MANY[1])
    assert found.kept().value == pytest.approx(1)
    assert found.kept().low == pytest.approx(1)
    means = [run.hits.mean(axis=0).ravel() for run in MANY]
    assert found.unrelated()["mirrored"].value == pytest.approx(np.corrcoef(*means)[0, 1])
    assert 0.5 < found.ceiling() < 1
    assert found.permutation_p() < 0.01
    assert found.chance() < found.kept().low


def test_heads_that_moved_within_their_layers_are_no_better_than_chance():
    found = kin(MANY[1])
    assert found.kept().value < found.chance()
    assert found.permutation_p() > 0.05


def test_needles_pair_by_number_and_count_where_both_models_find_them():
    lost = np.where(np.arange(12) % 4 == 0, 0.0, 1.0)
    partly = kin(runs(np.minimum(4, ONE), recall=lost))
    kept = MANY[0].needle != 0
    means = [MANY[0].hits[kept].mean(axis=0).ravel() for _ in range(2)]
    assert partly.kept().n == 3
    assert partly.kept().value == pytest.approx(np.corrcoef(*means)[0, 1])
    only = np.where(np.arange(12) % 4 == 0, 1.0, 0.0)
    with pytest.raises(GenirError, match="at least two needles that both models find, got 1"):
        kin(runs(np.minimum(4, ONE), recall=only)).kept()
