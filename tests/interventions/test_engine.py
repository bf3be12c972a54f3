"""The engine against the hooks: random shapes, masks and plans; logits to 1e-4, ranks up to near ties."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genir.interventions import engine_encoder, engine_memory, engine_ranks
from genir.interventions.circuit import random_graphs, reduced_graph, single_layers, table3
from genir.interventions.engine import Stream
from genir.interventions.engine_encoder import encode_block
from genir.interventions.engine_ranks import count_larger
from genir.interventions.engine_sweep import blocks, means_by_engine, ranks_by_engine
from genir.interventions.engine_weights import weights_of
from genir.interventions.patch import MEAN, OTHER, ZERO, Intervention, Resample, mean, noop, zero
from genir.interventions.reference import capture, decode, encode, trace
from genir.interventions.sites import CROSS, MLP, Site, every_site, head_sites, published_stages, sites
from genir.interventions.sweep import ranks_by_hooks
from genir.models.dsi import Inputs
from tests.interventions.tiny import random_inputs, tiny_t5


def batches_of(inputs, size):
    """One batch cut into several, its queries in scrambled order."""
    order = np.random.default_rng(3).permutation(len(inputs.ids))
    cuts = [order[start : start + size] for start in range(0, len(order), size)]
    return [(cut, Inputs(inputs.ids[cut], inputs.mask[cut])) for cut in cuts]


def random_plan(rng, model, queries, base):
    """An intervention of random sites, heads among them, each with a random kind of replacement."""
    config = model.config
    layers, heads, width = config.num_decoder_layers, config.num_heads, config.d_model
    density = rng.choice([0.1, 0.5, 0.9])
    whole = [site for site in every_site(layers) if rng.random() < density]
    taken = {(site.component, site.layer) for site in whole}
    parts = [s for s in head_sites(layers, heads) if (s.component, s.layer) not in taken and rng.random() < 0.2]
    kinds = [ZERO, MEAN, Resample(tuple(rng.integers(0, queries, queries).tolist()))] + [OTHER] * base
    vector = torch.from_numpy(rng.normal(size=width)).to(model.dtype)
    each = torch.from_numpy(rng.normal(size=(queries, width))).to(model.dtype)
    values = [*kinds, vector, each]
    few = rng.choice(len(values), rng.integers(1, len(values) + 1), replace=False)
    return Intervention("random", {site: values[rng.choice(few)] for site in (*whole, *parts)})


@st.composite
def cases(draw):
    """Two models of one shape, queries in batches, and interventions on them."""
    seed = draw(st.integers(0, 2**31))
    shape = {
        "num_layers": draw(st.integers(1, 3)),
        "num_decoder_layers": draw(st.integers(1, 5)),
        "num_heads": draw(st.integers(1, 4)),
        "d_kv": draw(st.sampled_from([3, 4, 8])),
        "d_model": draw(st.sampled_from([8, 20])),
        "d_ff": draw(st.sampled_from([12, 32])),
        "feed_forward_proj": draw(st.sampled_from(["relu", "gated-gelu", "gated-silu"])),
        "tie_word_embeddings": draw(st.booleans()),
    }
    queries, length = draw(st.integers(1, 9)), draw(st.integers(1, 7))
    rng = np.random.default_rng(seed)
    batches = batches_of(random_inputs(rng, queries, length), draw(st.integers(1, 9)))
    dtype = draw(st.sampled_from([torch.float32, torch.float64]))
    model, base = tiny_t5(seed, **shape).to(dtype), None
    if draw(st.booleans()):
        base = tiny_t5(seed + 1, **(shape | {"num_layers": 2})).to(dtype)
    plans = [random_plan(rng, model, queries, base is not None) for _ in range(draw(st.integers(0, 5)))]
    return model, base, batches, rng.integers(0, 50, queries), [noop(), *plans]


def assert_agree(model, found, expected):
    """Double precision leaves no near ties in these sizes; single precision may move a rank by one."""
    assert found.shape == expected.shape
    if model.dtype is torch.float64:
        assert (found == expected).all()
    assert np.abs(found - expected).max(initial=0) <= 1
    assert (found != expected).mean() <= 0.1


@settings(max_examples=50, deadline=None)
@given(cases(), st.sampled_from([None, 1, 2_500_000]))
def test_engine_and_hooks_agree_on_random_models_masks_and_plans(case, memory):
    model, base, batches, gold, interventions = case
    expected = ranks_by_hooks(model, batches, gold, interventions, base)
    found = ranks_by_engine(model, batches, gold, interventions, base, memory=memory)
    assert_agree(model, found, expected)


@settings(max_examples=20, deadline=None)
@given(cases())
def test_unpatched_streams_and_outputs_agree_to_1e_4(case):
    model, _, batches, _, _ = case
    for _, inputs in batches:
        seen = trace(model, inputs)
        scale = float(seen.stream.abs().max())
        wanted = (*every_site(len(seen.stream) - 1), *head_sites(len(seen.stream) - 1, model.config.num_heads))
        heads = capture(model, encode(model, inputs), inputs.mask, wanted)
        with torch.inference_mode():
            rows = Stream(weights_of(model), [(np.arange(len(inputs.ids)), inputs)])
            for layer in range(len(seen.stream) - 1):
                torch.testing.assert_close(rows.rows[:, 0], seen.stream[layer], atol=1e-5 * scale, rtol=1e-4)
                outputs = rows.advance(wanted)
                assert outputs.keys() == {site for site in wanted if site.layer == layer}
                for site, value in outputs.items():
                    torch.testing.assert_close(value, heads[site], atol=1e-5 * scale, rtol=1e-4)
        torch.testing.assert_close(rows.rows[:, 0], seen.stream[-1], atol=1e-5 * scale, rtol=1e-4)


def final_logits(model, inputs, interventions, monkeypatch):
    """The engine's logits under each intervention, caught before they are counted."""
    caught = []

    def catch(rows, gold, weights):
        normed = torch.nn.functional.rms_norm(rows, weights.final.shape, weights.final, weights.epsilon)
        caught.append((normed @ weights.unembedding.T).transpose(0, 1))
        return count_larger(rows, gold, weights)

    monkeypatch.setattr("genir.interventions.engine.count_larger", catch)
    ranks_by_engine(model, [(np.arange(len(inputs.ids)), inputs)], np.zeros(len(inputs.ids), int), interventions)
    return torch.cat(caught)


@pytest.mark.parametrize("shape", [{}, {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}])
def test_logits_of_the_papers_circuits_agree_to_1e_4(rng, monkeypatch, shape):
    model = tiny_t5(3, num_decoder_layers=6, **shape)
    inputs = random_inputs(rng, 12, 7)
    stages = published_stages(6)
    plans = [*table3(stages, (ZERO, MEAN)).values(), *single_layers(6).values(), reduced_graph(stages)]
    plans += random_graphs(stages, rng, 3)
    found = final_logits(model, inputs, plans, monkeypatch)
    encoded = encode(model, inputs)
    clean = {s: v.mean(0) for s, v in capture(model, encoded, inputs.mask, every_site(6)).items()}
    expected = {}
    for plan in plans:
        values = {site: clean[site] * (kind is MEAN) for site, kind in plan.edits.items()}
        expected[plan.label] = decode(model, encoded, inputs.mask, values) @ model.lm_head.weight.detach().T
    scale = torch.stack(list(expected.values())).std()
    for logits in found:
        errors = {label: float((logits - one).abs().max() / scale) for label, one in expected.items()}
        best = min(errors, key=errors.__getitem__)
        assert errors.pop(best) < 1e-4
        del expected[best]
    assert not expected  # every plan was met once


def test_an_equal_row_ties_and_a_tie_counts_in_favour(rng):
    """Rows that are copies of the document's own never rank before it, in whichever block of the vocabulary they lie."""
    model = tiny_t5(vocab_size=3_000)
    with torch.no_grad():
        model.lm_head.weight[100] = model.lm_head.weight[7]
        model.lm_head.weight[2_500] = model.lm_head.weight[7]
    batches = batches_of(random_inputs(rng, 6, 5), 6)
    plans = [noop(), zero([Site(MLP, 1)]), zero([Site(CROSS, 1)])]
    found = [ranks_by_engine(model, batches, np.full(6, row), plans) for row in (7, 100, 2_500)]
    assert (found[0] == ranks_by_hooks(model, batches, np.full(6, 7), plans)).all()
    assert (found[0] == found[1]).all()
    assert (found[0] == found[2]).all()


def test_bfloat16_is_as_near_to_the_truth_as_the_model_itself(rng):
    """Final streams in bfloat16 deviate from single precision no more than those of the Hugging Face module do."""
    model = tiny_t5(5, d_model=32, d_ff=64)
    half = tiny_t5(5, d_model=32, d_ff=64).bfloat16()
    inputs = random_inputs(rng, 16, 7)
    truth = trace(model, inputs).stream[-1]
    theirs = (trace(half, inputs).stream[-1].float() - truth).square().mean().sqrt()
    rows = Stream(weights_of(half), [(np.arange(16), inputs)])
    with torch.inference_mode():
        for _ in range(4):
            rows.advance()
    ours = (rows.rows[:, 0] - truth).square().mean().sqrt()
    assert rows.rows.dtype is torch.float32
    assert 0 < ours < 1.2 * theirs
    plans = [noop(), mean([Site(MLP, 0)]), zero([Site(CROSS, 1, 0)])]
    gold = rng.integers(0, 50, 16)
    batches = [(np.arange(16), inputs)]
    found = ranks_by_engine(half, batches, gold, plans)
    assert np.abs(found - ranks_by_engine(model, batches, gold, plans)).mean() < 3


@pytest.mark.parametrize("tokens", [1, 5, 512])
def test_the_encoder_is_hugging_faces_however_it_is_cut(rng, monkeypatch, tokens):
    monkeypatch.setitem(engine_encoder.TOKENS, "cpu", tokens)
    model = tiny_t5(2, num_layers=3)
    inputs = random_inputs(rng, 9, 6)
    expected = encode(model, inputs)
    with torch.inference_mode():
        (encoded,) = encode_block([inputs], weights_of(model))
    lengths = inputs.mask.sum(1).tolist()
    assert encoded.lengths == lengths
    for first, states in encoded.states:
        for i, state in enumerate(states):
            n = lengths[first + i]
            torch.testing.assert_close(state[:n], expected[first + i, :n], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("length", [16, 17, 33])
def test_queries_as_long_as_vectors_and_longer(rng, length):
    """Keys are padded to whole vectors: what is padded is never attended, and what fills them is."""
    model = tiny_t5(8).double()
    inputs = random_inputs(rng, 6, length)
    inputs.mask[0] = 1
    gold = rng.integers(0, 50, 6)
    plans = [noop(), mean(sites(CROSS, range(3))), zero([Site(MLP, 0)])]
    expected = ranks_by_hooks(model, [(np.arange(6), inputs)], gold, plans)
    assert (ranks_by_engine(model, [(np.arange(6), inputs)], gold, plans) == expected).all()


@pytest.mark.parametrize("at_a_time", [1, 5])
def test_ranks_are_the_same_however_rows_queries_and_vocabulary_are_cut(rng, monkeypatch, at_a_time):
    """Means and edits of a layer are over all its pieces, not over one."""
    model = tiny_t5(9).double()
    batches, gold = batches_of(random_inputs(rng, 12, 6), 7), rng.integers(0, 50, 12)
    stages = published_stages(model.config.num_decoder_layers)
    swapped = Intervention("swapped", {Site(CROSS, 1): Resample(tuple(range(11, -1, -1))), Site(MLP, 1): MEAN})
    plans = [noop(), swapped, zero([Site(CROSS, 2, 0)]), *table3(stages, (ZERO, MEAN)).values()]
    for sizes in (engine_memory.ROWS, engine_encoder.GROUP, engine_ranks.ROWS, engine_ranks.VOCABULARY):
        monkeypatch.setitem(sizes, "cpu", at_a_time)
    expected = ranks_by_hooks(model, batches, gold, plans)
    assert (ranks_by_engine(model, batches, gold, plans) == expected).all()


def test_a_mask_with_holes_is_a_mask(rng):
    model = tiny_t5(4).double()
    inputs = random_inputs(rng, 8, 7)
    holes = torch.from_numpy((rng.random((8, 7)) < 0.6).astype(np.int64))
    holes[:, 2] = 1
    batches = [(np.arange(8), Inputs(inputs.ids, holes))]
    gold = rng.integers(0, 50, 8)
    plans = [noop(), mean(sites(CROSS, range(3)))]
    assert (ranks_by_engine(model, batches, gold, plans) == ranks_by_hooks(model, batches, gold, plans)).all()


@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=6), limit=st.integers(1, 12))
def test_blocks_hold_every_query_once_and_no_more_than_allowed(sizes, limit):
    bounds = np.cumsum([0, *sizes])
    batches = []
    for start, stop in itertools.pairwise(bounds):
        ids = torch.arange(start, stop)[:, None]
        batches.append((np.arange(start, stop), Inputs(ids, ids)))
    found = list(blocks(batches, limit))
    counts = [sum(len(chosen) for chosen, _ in block) for block in found]
    assert max(counts) <= limit
    assert all(count == limit for count in counts[:-1])
    assert [int(i) for block in found for chosen, _ in block for i in chosen] == list(range(bounds[-1]))
    assert all((inputs.ids[:, 0].numpy() == chosen).all() for block in found for chosen, inputs in block)


def test_means_are_those_of_the_hooks(rng):
    model = tiny_t5(6)
    inputs = random_inputs(rng, 10, 6)
    places = (Site(MLP, 1), Site(CROSS, 3, 1), Site(CROSS, 2))
    found = means_by_engine(model, batches_of(inputs, 3), places)
    values = capture(model, encode(model, inputs), inputs.mask, places)
    for site in places:
        torch.testing.assert_close(found[site].float(), values[site].mean(0), atol=1e-5, rtol=1e-4)
