"""One model's decoder with another's encoder."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genir.errors import GenirError
from genir.interventions.encoder_swap import Swap, encoded_by, random_encoder, swap_ranks
from genir.interventions.patch import noop
from genir.interventions.sweep import sweep
from tests.interventions.tiny import subject, tiny_t5


@pytest.fixture
def inputs(dsi, texts):
    return dsi.pad(dsi.tokenize(texts))


@pytest.mark.parametrize("swap", list(Swap))
def test_a_models_own_encoder_changes_nothing(dsi, texts, gold, swap):
    own = swap_ranks(dsi, dsi.model.encoder, texts, gold, swap, batch_size=4)
    assert (own == sweep(dsi, texts, gold, [noop()], method="reference")[0]).all()


def test_the_whole_encoder_brings_its_embeddings_and_norm_the_residual_does_not(dsi, base, inputs):
    whole = encoded_by(dsi, base.encoder, inputs, Swap.WHOLE)
    assert torch.equal(whole, base.encoder(input_ids=inputs.ids, attention_mask=inputs.mask).last_hidden_state)
    residual = encoded_by(dsi, base.encoder, inputs, Swap.RESIDUAL)
    ratio = dsi.model.encoder.final_layer_norm.weight / base.encoder.final_layer_norm.weight
    torch.testing.assert_close(residual, whole * ratio)


def test_both_swaps_rank_by_the_hosts_decoder(dsi, base, texts, gold, inputs):
    for swap in Swap:
        states = encoded_by(dsi, base.encoder, inputs, swap)
        start = torch.zeros(len(texts), 1, dtype=torch.long)
        with torch.no_grad():
            logits = dsi.model(encoder_outputs=(states,), attention_mask=inputs.mask, decoder_input_ids=start).logits[
                :, 0
            ]
        expected = 1 + (logits > logits.gather(1, torch.from_numpy(gold)[:, None])).sum(1)
        assert (swap_ranks(dsi, base.encoder, texts, gold, swap) == expected.numpy()).all()


def test_a_random_encoder_keeps_scale_and_norms_but_nothing_that_was_learned(dsi, rng):
    encoder = dsi.model.encoder
    drawn = random_encoder(encoder, rng)
    for old, new in zip(encoder.state_dict().values(), drawn.state_dict().values(), strict=True):
        if old.ndim == 1:
            assert torch.equal(old, new)
        else:
            assert abs(float(new.std() / old.std()) - 1) < 0.5
            assert abs(float(torch.corrcoef(torch.stack([old.flatten(), new.flatten()]))[0, 1])) < 0.5
    again = random_encoder(encoder, np.random.default_rng(7))
    assert all(torch.equal(a, b) for a, b in zip(drawn.parameters(), again.parameters(), strict=True))


def test_an_encoder_of_another_width_is_refused(dsi, texts, gold):
    with pytest.raises(GenirError, match="expected an encoder of width 16, got 8: swap between models of one base"):
        swap_ranks(subject(dsi.model), tiny_t5(d_model=8).encoder, texts, gold)
