"""The watched attention against what the models themselves say with ``output_attentions``, step by step, without a cache."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from genir.models.causal import causal_lm
from genir.models.causal_attention import Watch, watching
from genir.models.decoding import decode
from tests.heads.tiny_lms import ARCHITECTURES, random_model


@torch.no_grad()
def slow_decoding(model, prompt, steps):
    """Greedy decoding by full passes with eager attention: tokens (T,) and the predicting query's rows, T x (layers, heads, keys)."""
    eager = copy.deepcopy(model)
    eager.set_attn_implementation("eager")
    tokens, rows = list(prompt), []
    for _ in range(steps):
        out = eager(torch.tensor([tokens]), output_attentions=True, use_cache=False)
        rows.append(torch.stack([layer[0, :, -1] for layer in out.attentions]))
        tokens.append(int(out.logits[0, -1].argmax()))
    return np.array(tokens[len(prompt) :]), rows


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_keys_and_tokens_are_those_of_full_passes_with_output_attentions(architecture, rng):
    model = random_model(architecture)
    start = rng.integers(0, 61, 9).tolist()
    prompts = [start + rng.integers(0, 61, n).tolist() for n in (3, 11, 6)] + [rng.integers(0, 61, 30).tolist()]
    expected = [slow_decoding(model, prompt, 8) for prompt in prompts]
    for batch in (1, 3):
        runs = decode(causal_lm(architecture, model), prompts, steps=8, batch=batch)[0]
        for run, (tokens, rows) in zip(runs, expected, strict=True):
            assert run.tokens.tolist() == tokens.tolist()
            for keys, row in zip(run.keys, rows, strict=True):
                assert keys.tolist() == row.argmax(dim=-1).tolist()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_rows_of_the_last_query_agree_to_a_hundred_thousandth(architecture, rng):
    model = random_model(architecture)
    prompt = rng.integers(0, 61, 24).tolist()
    _, rows = slow_decoding(model, prompt, 1)
    lm = causal_lm(architecture, model)
    cache = lm.model(torch.tensor([prompt[:-1]]), use_cache=True).past_key_values
    with torch.no_grad(), watching(Watch(layers=lm.layers, want_rows=True)) as watch:
        lm.model(torch.tensor([prompt[-1:]]), past_key_values=cache)
    for layer, expected in enumerate(rows[0]):
        seen = watch.rows[layer][0]  # shorter where the cache has dropped what a sliding window cannot see
        torch.testing.assert_close(seen, expected[:, -seen.shape[1] :], atol=1e-5, rtol=0)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_logits_of_a_whole_text_are_those_of_the_model_itself(architecture, rng):
    model = random_model(architecture)
    ids = torch.tensor([rng.integers(0, 61, 40).tolist()])
    with torch.no_grad():
        model.set_attn_implementation("eager")
        expected = model(ids, use_cache=False).logits
        torch.testing.assert_close(
            causal_lm(architecture, model).model(ids, use_cache=False).logits, expected, atol=1e-4, rtol=1e-5
        )
