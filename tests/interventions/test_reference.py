"""Hooks: what they see adds up, doing nothing is the identity, and they leave nothing behind."""

from __future__ import annotations

import pytest
import torch

from genir.interventions.reference import capture, decode, encode, hooked, trace
from genir.interventions.sites import ATTENTION, CROSS, MLP, Component, Site, every_site, head_sites
from tests.interventions.tiny import random_inputs, subject, tiny_t5


@pytest.fixture
def inputs(rng):
    return random_inputs(rng, 5, 6)


def hooks_left(model):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


@pytest.mark.parametrize("tied", [True, False])
def test_decoding_without_values_is_the_model_bit_for_bit(rng, inputs, tied):
    dsi = subject(tiny_t5(tie_word_embeddings=tied))
    state = decode(dsi.model, encode(dsi.model, inputs), inputs.mask)
    assert torch.equal(state, dsi.final_state(inputs))
    start = torch.zeros(5, 1, dtype=torch.long)
    with torch.inference_mode():
        whole = dsi.model(input_ids=inputs.ids, attention_mask=inputs.mask, decoder_input_ids=start).logits[:, 0]
        assert torch.equal(dsi.model.lm_head(state), whole)


@pytest.mark.parametrize("gated", [False, True])
def test_embedding_and_outputs_add_up_to_the_stream_after_every_layer(inputs, gated):
    model = tiny_t5(feed_forward_proj="gated-gelu" if gated else "relu")
    seen = trace(model, inputs)
    total = seen.embedding.clone()
    for layer in range(4):
        for component in Component:
            total += seen.outputs[component][layer]
        torch.testing.assert_close(total, seen.stream[layer + 1], atol=1e-5, rtol=1e-5)
    assert seen.stream.shape == (5, 5, 16)
    start = model.shared.weight[0].expand(5, 16)
    assert torch.equal(seen.embedding, start)


def test_replacing_every_output_by_itself_changes_no_bit(model, inputs):
    encoded = encode(model, inputs)
    own = capture(model, encoded, inputs.mask, every_site(4))
    assert torch.equal(decode(model, encoded, inputs.mask, own), decode(model, encoded, inputs.mask))


def test_the_last_mlp_can_be_computed_by_hand(model, inputs):
    seen = trace(model, inputs)
    block = model.decoder.block[3].layer[2]
    before = seen.stream[3] + seen.outputs[ATTENTION][3] + seen.outputs[CROSS][3]
    normed = before / (before.pow(2).mean(1, keepdim=True) + 1e-6).sqrt() * block.layer_norm.weight
    by_hand = torch.relu(normed @ block.DenseReluDense.wi.weight.T) @ block.DenseReluDense.wo.weight.T
    torch.testing.assert_close(seen.outputs[MLP][3], by_hand, atol=1e-5, rtol=1e-5)


def test_heads_add_up_to_their_component(model, inputs):
    encoded = encode(model, inputs)
    seen = capture(model, encoded, inputs.mask, (*every_site(4), *head_sites(4, 2)))
    for component in (ATTENTION, CROSS):
        for layer in range(4):
            parts = seen[Site(component, layer, 0)] + seen[Site(component, layer, 1)]
            torch.testing.assert_close(parts, seen[Site(component, layer)], atol=1e-5, rtol=1e-5)


def test_a_head_that_is_removed_is_one_whose_columns_are_zero(inputs):
    model = tiny_t5()
    encoded = encode(model, inputs)
    removed = decode(model, encoded, inputs.mask, {Site(CROSS, 2, 1): torch.zeros(16)})
    with torch.no_grad():
        model.decoder.block[2].layer[1].EncDecAttention.o.weight[:, 4:8] = 0
    torch.testing.assert_close(removed, decode(model, encoded, inputs.mask), atol=1e-5, rtol=1e-5)


def test_replacing_all_heads_replaces_the_component(model, inputs):
    encoded = encode(model, inputs)
    vectors = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(0))
    heads = decode(model, encoded, inputs.mask, {Site(CROSS, 1, head): vectors[head] for head in range(2)})
    whole = decode(model, encoded, inputs.mask, {Site(CROSS, 1): vectors.sum(0)})
    torch.testing.assert_close(heads, whole, atol=1e-5, rtol=1e-5)


def test_removing_an_mlp_is_zeroing_its_output_matrix(inputs):
    model = tiny_t5()
    encoded = encode(model, inputs)
    removed = decode(model, encoded, inputs.mask, {Site(MLP, 1): torch.zeros(16)})
    with torch.no_grad():
        model.decoder.block[1].layer[2].DenseReluDense.wo.weight.zero_()
    assert torch.equal(removed, decode(model, encoded, inputs.mask))


def test_masked_padding_does_not_matter(model, rng):
    wide = random_inputs(rng, 6, 8)
    for i, length in enumerate(wide.mask.sum(1).tolist()):
        alone = type(wide)(wide.ids[i : i + 1, :length], wide.mask[i : i + 1, :length])
        one = decode(model, encode(model, alone), alone.mask)[0]
        torch.testing.assert_close(decode(model, encode(model, wide), wide.mask)[i], one, atol=2e-5, rtol=1e-4)


def test_hooks_reach_every_decoder_position(model, inputs):
    """Two decoder positions: a removed MLP is removed at both."""
    encoded = encode(model, inputs)
    two = torch.tensor([[0, 5]]).expand(5, 2)
    seen = []
    with (
        torch.inference_mode(),
        hooked(model, {Site(MLP, 3): lambda output: seen.append(output) or torch.zeros_like(output)}),
    ):
        state = model.decoder(two, encoder_hidden_states=encoded, encoder_attention_mask=inputs.mask).last_hidden_state
    assert seen[0].shape == (5, 2, 16)
    with torch.inference_mode():
        kept = model.decoder(two, encoder_hidden_states=encoded, encoder_attention_mask=inputs.mask).last_hidden_state
    assert (state - kept).abs().amax((0, 2)).min() > 1e-3


def test_hooks_are_gone_after_the_context_even_if_it_fails(model):
    class Stop(Exception):  # noqa: N818
        pass

    def silent(output):
        return None

    def leave(places):
        with hooked(model, dict.fromkeys(places, silent)):
            assert hooks_left(model) == before + len(places)
            raise Stop

    before = hooks_left(model)
    with pytest.raises(Stop):
        leave([Site(MLP, 0), Site(CROSS, 0, 1)])
    with pytest.raises(IndexError):
        leave([Site(MLP, 0), Site(MLP, 99)])
    assert hooks_left(model) == before
