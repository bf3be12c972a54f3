"""The folded model against the patched one, and against one that was folded wrongly."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genir.corpora.records import Query
from genir.interventions.sites import MLP, Site, published_stages
from genir.readouts import folded as room
from genir.readouts.correct import Correct
from genir.readouts.folded import compare_folded

STAGES = published_stages(4)


@pytest.fixture
def correct(texts):
    return Correct(tuple(Query(f"q{i}", text, ("d40",)) for i, text in enumerate(texts)), ("d40",) * len(texts), 9)


def test_rankings_are_the_same_and_the_decoder_is_smaller(dsi, texts, correct):
    found = compare_folded(dsi, STAGES, correct, texts)
    assert found.same.all()
    assert found.gap.max() < 1e-4
    assert found.parameters[1] < found.parameters[0]
    assert found.batch.shape == found.single.shape == (21, 2)
    size = sum(p.numel() for block in dsi.model.decoder.block for p in block.parameters())
    assert found.parameters[0] == size


def test_a_wrong_constant_changes_the_ranking(dsi, texts, correct, monkeypatch):
    whole = room.fold_reduced

    def wrong(dsi, stages, means):
        return whole(dsi, stages, means | {Site(MLP, 0): 30 * torch.ones(16, dtype=torch.float64)})

    monkeypatch.setattr(room, "fold_reduced", wrong)
    found = compare_folded(dsi, STAGES, correct, texts)
    assert not found.same.any()
    assert np.median(found.gap) > 1e-2
