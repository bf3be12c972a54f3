"""Finding the heads costs little more than plain greedy decoding, and far less than asking the model for all attention weights.

Equal output is asserted before anything is timed; ratios compare processor time inside one run, best of three.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from genir.models.causal import causal_lm
from genir.models.causal_attention import HeadMask
from genir.models.decoding import decode

pytestmark = pytest.mark.slow
STEPS, LENGTH = 24, 600


def model() -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=2000, hidden_size=256, intermediate_size=512, num_hidden_layers=8, num_attention_heads=8,
        num_key_value_heads=4, max_position_embeddings=1024, bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return LlamaForCausalLM(config).eval()


def generated(subject, prompt, **options) -> list[int]:
    ids = torch.tensor([prompt])
    said = subject.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=STEPS, do_sample=False, pad_token_id=0, **options
    )
    return (said if isinstance(said, torch.Tensor) else said.sequences)[0, LENGTH:].tolist()


def seconds(work) -> float:
    best = float("inf")
    for _ in range(3):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


@pytest.fixture
def prompts() -> list[list[int]]:
    return [np.random.default_rng(i).integers(0, 2000, LENGTH).tolist() for i in range(2)]


def test_detection_costs_at_most_half_more_than_plain_decoding_of_the_same_tokens(prompts):
    plain, watched = model(), causal_lm("watched", model())
    said = [run.tokens.tolist() for run in decode(watched, prompts, steps=STEPS, batch=1)[0]]
    assert said == [generated(plain, prompt) for prompt in prompts]
    ours = seconds(lambda: decode(watched, prompts, steps=STEPS, batch=1))
    masked = seconds(lambda: decode(watched, prompts, [HeadMask(((3, 1), (5, 2)))], steps=STEPS, batch=1))
    theirs = seconds(lambda: [generated(plain, prompt) for prompt in prompts])
    print(f"detection / plain greedy decoding: {ours / theirs:.2f}, masked: {masked / theirs:.2f}")
    assert ours < 1.5 * theirs
    assert masked < 1.5 * theirs


def test_detection_is_cheaper_than_all_attention_weights(prompts):
    eager, watched = model(), causal_lm("watched", model())
    eager.set_attn_implementation("eager")
    options = {"output_attentions": True, "return_dict_in_generate": True}
    said = [run.tokens.tolist() for run in decode(watched, prompts, steps=STEPS, batch=1)[0]]
    assert said == [generated(eager, prompt, **options) for prompt in prompts]
    ours = seconds(lambda: decode(watched, prompts, steps=STEPS, batch=1))
    theirs = seconds(lambda: [generated(eager, prompt, **options) for prompt in prompts])
    print(f"eager generation with output_attentions / detection: {theirs / ours:.2f}")
    assert ours < theirs
