"""The folded reduced graph ranks as the patched model does, and survives the disk."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genir.errors import GenirError
from genir.interventions.circuit import reduced_graph
from genir.interventions.fold import fold_reduced, replaced_mlps
from genir.interventions.reference import decode, encode
from genir.interventions.sites import MLP, Component, published_stages
from genir.interventions.sweep import site_means, sweep
from genir.models.t5 import load_t5
from tests.interventions.tiny import subject, tiny_t5


@pytest.fixture(params=["relu", "gated-gelu"])
def dsi(request):
    return subject(tiny_t5(feed_forward_proj=request.param, num_decoder_layers=6, tie_word_embeddings=False))


STAGES = published_stages(6)  # 0-1 | 2-3 | 4-5


@pytest.fixture
def means(dsi, texts):
    return site_means(dsi, texts, replaced_mlps(STAGES))


def test_the_folded_model_computes_what_the_patched_one_does(dsi, texts, gold, means):
    folded = fold_reduced(dsi, STAGES, means)
    inputs = dsi.pad(dsi.tokenize(texts))
    graph = reduced_graph(STAGES)
    values = {site: means[site].float() if site.component is MLP else torch.zeros(16) for site in graph.edits}
    patched = decode(dsi.model, encode(dsi.model, inputs), inputs.mask, values)
    torch.testing.assert_close(folded.final_state(inputs), patched, atol=1e-5, rtol=1e-4)
    ranks = sweep(dsi, texts, gold, [graph], means=means)[0]
    logits = folded.logits(inputs).numpy()
    assert ((logits > logits[np.arange(len(gold)), gold][:, None]).sum(1) + 1 == ranks).all()


def test_it_is_smaller_and_shares_what_it_keeps(dsi, means):
    folded = fold_reduced(dsi, STAGES, means)
    assert folded.layers == 4
    assert folded.name == "tiny-reduced"
    assert folded.model.lm_head.weight.data_ptr() == dsi.model.lm_head.weight.data_ptr()

    def size(model):
        return sum(p.numel() for p in model.decoder.block.parameters())

    assert size(folded.model) < size(dsi.model) / 2
    assert not any("SelfAttention" in name for name, _ in folded.model.decoder.named_parameters())


def test_it_is_saved_and_loaded_like_any_model(dsi, texts, means, tmp_path):
    folded = fold_reduced(dsi, STAGES, means)
    folded.model.save_pretrained(tmp_path)
    again = load_t5(tmp_path)
    inputs = dsi.pad(dsi.tokenize(texts))
    assert torch.equal(subject(again).final_state(inputs), folded.final_state(inputs))


def test_folding_leaves_the_model_alone(dsi, texts, means):
    inputs = dsi.pad(dsi.tokenize(texts))
    before = dsi.final_state(inputs)
    fold_reduced(dsi, STAGES, means)
    assert torch.equal(dsi.final_state(inputs), before)
    assert len(dsi.model.decoder.block) == 6
    assert all(len(block.layer) == len(Component) for block in dsi.model.decoder.block)


def test_errors_say_what_is_missing(dsi, means):
    lacking = {site: value for site, value in means.items() if site.layer != 1}
    with pytest.raises(GenirError, match="replaces, the MLP of layer 1 has none"):
        fold_reduced(dsi, STAGES, lacking)
    with pytest.raises(GenirError, match="expected a whole model, tiny-reduced is folded already"):
        fold_reduced(fold_reduced(dsi, STAGES, means), STAGES, means)
