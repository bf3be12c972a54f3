"""Contributions: they add up to what the model computes, and shares agree with loops over neurons and heads."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genir.interventions.reference import attention, capture, decode, decoder_sublayer, encode
from genir.interventions.sites import CROSS, MLP, Component, Site
from genir.readouts.reading import (
    blocks,
    head_keys,
    neuron_shares,
    positive_shares,
    pre_activations,
    query_parts,
    score_shares,
    scores_at_peak,
)
from genir.readouts.reading_heads import sources_before, top_sources
from genir.readouts.writes import term, writes


@pytest.fixture(scope="module")
def written(dsi, texts):
    return writes(dsi, texts)


@pytest.fixture(scope="module")
def inputs(dsi, texts):
    return dsi.pad(dsi.tokenize(texts))


def heard(module, call):
    """What ``module`` returns while ``call`` runs."""
    seen = []
    handle = module.register_forward_hook(lambda module, args, output: seen.append(output))
    try:
        call()
    finally:
        handle.remove()
    return seen[0]


def in_matrix(dsi, layer):
    dense = decoder_sublayer(dsi.model, Site(MLP, layer)).DenseReluDense
    return dense.wi_0 if hasattr(dense, "wi_0") else dense.wi


@pytest.mark.parametrize("layer", range(4))
def test_contributions_add_up_to_the_pre_activation(dsi, inputs, written, layer):
    encoded = encode(dsi.model, inputs)
    real = heard(in_matrix(dsi, layer), lambda: decode(dsi.model, encoded, inputs.mask))[:, 0]
    sources = written.terms[:, : term(Site(MLP, layer))]
    added = pre_activations(dsi, layer, sources, sources.sum(1))
    torch.testing.assert_close(added.sum(1), real, atol=1e-4, rtol=0)


@pytest.mark.parametrize("layer", range(4))
def test_contributions_add_up_to_the_attention_weights(dsi, inputs, written, layer):
    encoded = encode(dsi.model, inputs)
    module = attention(decoder_sublayer(dsi.model, Site(CROSS, layer)))

    def run():
        decode(dsi.model, encoded, inputs.mask)

    query, key = (heard(part, run).unflatten(-1, (2, -1)).transpose(1, 2) for part in (module.q, module.k))
    real = (query @ key.transpose(2, 3))[:, :, 0]
    parts = query_parts(dsi, layer, written.terms[:, : term(Site(CROSS, layer))])
    mine = torch.einsum("nshd,nhpd->nhp", parts, head_keys(dsi, layer, encoded))
    torch.testing.assert_close(mine, real, atol=1e-4, rtol=1e-5)


def test_scores_at_the_peak_are_the_largest_minus_the_mean(dsi, inputs, written):
    encoded = encode(dsi.model, inputs)
    sources = written.terms[:, : term(Site(CROSS, 2))]
    scores = torch.einsum("nshd,nhpd->nhp", query_parts(dsi, 2, sources), head_keys(dsi, 2, encoded))
    found = scores_at_peak(dsi, 2, sources, encoded, inputs).sum(1)
    for query, length in enumerate(inputs.mask.sum(1).tolist()):
        mine = scores[query, :, :length]
        torch.testing.assert_close(found[query], mine.max(1).values - mine.mean(1), atol=1e-4, rtol=1e-4)


def test_positive_shares_by_hand():
    # two sources, three neurons: (3, 1), (-1, 1), (2, 2); the second neuron is inactive
    added = torch.tensor([[[3.0, -1.0, 2.0], [1.0, 1.0, 2.0]]])
    active = torch.tensor([[True, False, True]])
    torch.testing.assert_close(positive_shares(added, active), torch.tensor([[(0.75 + 0.5) / 2, (0.25 + 0.5) / 2]]))
    assert positive_shares(added, ~active).tolist() == [[0, 1]]
    nothing = torch.zeros_like(active)
    assert positive_shares(added, nothing).tolist() == [[0, 0]]  # no active neuron, nothing to share


def shares_by_loop(parts):
    """Positive shares of one neuron or head, and the contributions themselves, in double precision."""
    positive = np.clip(parts, 0, None)
    return positive / positive.sum() if positive.sum() else positive


def test_a_loop_over_neurons_agrees(dsi, written):
    layers = [2, 3]
    found = neuron_shares(dsi, written, layers)
    for number, layer in enumerate(layers):
        read = term(Site(MLP, layer))
        norm = decoder_sublayer(dsi.model, Site(MLP, layer)).layer_norm.weight.detach().double().numpy()
        rows = in_matrix(dsi, layer).weight.detach().double().numpy()
        for query, terms in enumerate(written.terms[:, :read].double().numpy()):
            rms = np.sqrt((terms.sum(0) ** 2).mean() + 1e-6)
            positive, published, signed, total = [], [], np.zeros(read), 0.0
            for row in rows:
                parts = np.array([row @ (norm * source) / rms for source in terms])
                if parts.sum() > 0:
                    positive.append(shares_by_loop(parts))
                    published.append(shares_by_loop(np.array([row @ source for source in terms])))
                    signed += parts
                    total += parts.sum()
            for array, expected in zip(
                found, (np.mean(positive, 0), np.mean(published, 0), signed / total), strict=True
            ):
                np.testing.assert_allclose(array[query, number, :read], expected, atol=1e-5)
                assert not array[query, number, read:].any()


def test_a_loop_over_heads_agrees(dsi, texts, written):
    layers = [1, 3]
    found = score_shares(dsi, written, texts, layers, batch_size=4)
    for query, text in enumerate(texts):
        alone = dsi.pad(dsi.tokenize([text]))
        encoded = encode(dsi.model, alone)[0].double()
        for number, layer in enumerate(layers):
            read = term(Site(CROSS, layer))
            sublayer = decoder_sublayer(dsi.model, Site(CROSS, layer))
            module, norm = attention(sublayer), sublayer.layer_norm.weight.detach().double()
            terms = written.terms[query, :read].double()
            scale = (terms.sum(0).pow(2).mean() + 1e-6).rsqrt()
            positive, published, signed, total = [], [], np.zeros(read), 0.0
            for head in range(2):
                mine = slice(4 * head, 4 * head + 4)
                matrix = module.q.weight.detach().double()[mine]
                keys = encoded @ module.k.weight.detach().double()[mine].T
                scores = [[float(key @ (matrix @ (norm * s * scale))) for key in keys] for s in terms]
                peak = int(np.argmax(np.sum(scores, 0)))
                parts = np.array([row[peak] - np.mean(row) for row in scores])
                positive.append(shares_by_loop(parts))
                published.append(shares_by_loop(np.array([float(keys[peak] @ (matrix @ s)) for s in terms])))
                signed += parts
                total += parts.sum()
            for name, array, expected in zip(
                found._fields, found, (np.mean(positive, 0), np.mean(published, 0), signed / total), strict=True
            ):
                if total > 1e-3 or name != "signed":  # a query of one token has no score differences
                    np.testing.assert_allclose(array[query, number, :read], expected, atol=2e-4)


def test_a_query_of_one_token_reads_nothing(dsi):
    inputs = dsi.pad([[1], [7, 8, 1]])
    encoded = encode(dsi.model, inputs)
    sources = writes(dsi, ["7 8", "7 8"]).terms[:, : term(Site(CROSS, 1))]
    found = scores_at_peak(dsi, 1, sources, encoded, inputs)
    assert found[0].abs().max() < 1e-5
    assert found[1].abs().max() > 1e-3


def test_blocks_cover_every_query_once(monkeypatch, dsi, written):
    assert [*blocks(5, 10, 100)] == [slice(0, 5)]
    whole = neuron_shares(dsi, written, [1])
    monkeypatch.setattr("genir.readouts.reading.ENTRIES", 1)
    assert [*blocks(3, 10, 100)] == [slice(0, 1), slice(1, 2), slice(2, 3)]
    for one, other in zip(whole, neuron_shares(dsi, written, [1]), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_everything_that_wrote_before_is_a_source():
    read = sources_before(1, heads=2)
    assert len(read) == 2 * (2 + 2) + 1
    assert read[4] == Site(MLP, 0)
    assert Site(MLP, 1) not in read
    assert {site.component for site in read} == set(Component)


def test_top_sources_agree_with_sorting_shares(dsi, texts):
    layers = [0, 3]
    found = top_sources(dsi, texts, layers, batch_size=4)
    assert found.among_all.shape == (9, 2, 4, 2)
    start = dsi.model.shared.weight[0].detach()
    inputs = dsi.pad(dsi.tokenize(texts))
    encoded = encode(dsi.model, inputs)
    for number, layer in enumerate(layers):
        read = sources_before(layer, heads=2)
        outputs = capture(dsi.model, encoded, inputs.mask, read)
        rows = in_matrix(dsi, layer).weight.detach().double().numpy()
        norm = decoder_sublayer(dsi.model, Site(MLP, layer)).layer_norm.weight.detach().double().numpy()
        for query in range(len(texts)):
            terms = np.stack([start, *(outputs[site][query] for site in read)]).astype(float)
            parts = (terms * norm) @ rows.T
            shares = np.mean([shares_by_loop(column) for column in parts.T if column.sum() > 0], 0)
            top = set(np.argsort(-shares)[:5])
            heads = [place for place, site in enumerate(read, 1) if site.component is CROSS]
            first = set(sorted(heads, key=lambda place: -shares[place])[:5])
            for place, site in enumerate(read, 1):
                if site.component is CROSS:
                    cell = query, number, site.layer, site.head
                    assert found.among_all[cell] == (place in top)
                    assert found.among_heads[cell] == (place in first)
        assert not found.among_all[:, number, layer + 1 :].any()
