"""What an architecture does not lack, works on it: the readouts of Sections 5 and 6."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genir.interventions.encoder_swap import Swap, swap_ranks
from genir.interventions.sites import MLP, published_stages
from genir.models.dsi import DSI
from genir.models.families import Ability, lacking
from genir.models.ranking import gold_ranks
from genir.readouts.lens import STREAM, component_ranks, lens_ranks
from genir.readouts.reading import neuron_shares, score_shares
from genir.readouts.reading_heads import top_sources
from genir.readouts.residual import residual
from genir.readouts.words import promoted_words
from genir.readouts.writes import writes
from tests.interventions.tiny import subject
from tests.models.architectures import LAYERS, random_model

TEXTS = ["7 3 12", "5", "30 31 32 33 34", "9 8"]
ROWS = np.array([40, 42, 45, 49])
STAGES = published_stages(LAYERS)


@pytest.fixture(params=["UMT5", "LongT5, transient-global", "mBART", "Pegasus"])
def dsi(request: pytest.FixtureRequest) -> DSI:
    return subject(random_model(request.param))


def test_the_stream_and_the_lens(dsi: DSI) -> None:
    written = writes(dsi, TEXTS)
    assert np.isfinite(residual(written).ratio(MLP)).all()
    found = lens_ranks(dsi, written, ROWS)
    gold = gold_ranks(dsi, TEXTS, [dsi.docids[row - 40] for row in ROWS])
    assert found.relevant[:, STREAM, -1].tolist() == gold.tolist()
    assert all((ranks >= 1).all() and (ranks <= 50).all() for ranks in component_ranks(dsi, written, ROWS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genir.readouts.words.WORDS", 4)
        assert promoted_words(dsi, TEXTS, ROWS, STAGES.II).promoted.max() < 40  # words, no document


def test_readings_add_up_where_there_are_any(dsi: DSI) -> None:
    if lacking(dsi.model, Ability.READING) is not None:
        assert dsi.model.config.model_type in ("mbart", "pegasus")
        return
    written = writes(dsi, TEXTS)
    for shares in (neuron_shares(dsi, written, STAGES.III), score_shares(dsi, written, TEXTS, STAGES.II)):
        np.testing.assert_allclose(shares.signed.sum(-1), 1, atol=1e-3)
    assert top_sources(dsi, TEXTS, STAGES.III).among_all.any()


def test_an_encoder_of_its_own_changes_nothing(dsi: DSI) -> None:
    if lacking(dsi.model, Ability.ENCODER) is None:
        gold = gold_ranks(dsi, TEXTS, [dsi.docids[row - 40] for row in ROWS])
        for swap in Swap:
            with torch.no_grad():
                assert swap_ranks(dsi, dsi.model.encoder, TEXTS, ROWS, swap).tolist() == gold.tolist()
