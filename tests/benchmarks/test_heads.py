"""Finding the heads costs little more than plain greedy decoding, and far less than asking the model for all attention weights.

Equal output is asserted before anything is timed. Run alone, by `make bench`; the bars are asserted in `test_bars`.
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
from genir.readouts.heads import hits_of
from tests.benchmarks.measure import seconds

pytestmark = pytest.mark.benchmark(timer=time.process_time, warmup=False)
STEPS, LENGTH = 24, 600
PROMPTS = [np.random.default_rng(number).integers(0, 2000, LENGTH).tolist() for number in range(2)]
SPAN = (100, 110)
MASK = HeadMask(((3, 1), (5, 2)))
WAYS = ("detection", "detection, two heads masked", "plain greedy decoding", "eager, all attention weights")
ALL = {"output_attentions": True, "return_dict_in_generate": True}


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


def detected(lm, mask=None) -> list[list[int]]:
    """What is said, with the score of every head found on the way."""
    runs = decode(lm, PROMPTS, [mask], steps=STEPS, batch=1)[0]
    for run, prompt in zip(runs, PROMPTS, strict=True):
        hits_of(run, prompt, SPAN)
    return [run.tokens.tolist() for run in runs]


def ways():
    """Work by name: our detection, without and with a mask, and the model's own decoding, plain and with all weights."""
    plain, eager, watched = model(), model(), causal_lm("watched", model())
    eager.set_attn_implementation("eager")
    return {
        "detection": lambda: detected(watched),
        "detection, two heads masked": lambda: detected(watched, MASK),
        "plain greedy decoding": lambda: [generated(plain, prompt) for prompt in PROMPTS],
        "eager, all attention weights": lambda: [generated(eager, prompt, **ALL) for prompt in PROMPTS],
    }


@pytest.mark.parametrize("way", WAYS)
def test_score_of_every_head(benchmark, way):
    benchmark.group = f"retrieval scores, {len(PROMPTS)} prompts of {LENGTH} tokens, {STEPS} steps"
    work = ways()
    if "masked" not in way:
        assert work[way]() == work["plain greedy decoding"]()
    benchmark.pedantic(work[way], rounds=3)


def test_bars(capsys):
    """In one run, processor time per token: at most 1.5 times plain decoding, below decoding with all attention weights."""
    took = {way: seconds(work) for way, work in ways().items()}
    per_token = {way: 1e3 * time_ / (len(PROMPTS) * STEPS) for way, time_ in took.items()}
    with capsys.disabled():
        print("\nms per token: " + ", ".join(f"{way} {cost:.2f}" for way, cost in per_token.items()))
    assert took["detection"] <= 1.5 * took["plain greedy decoding"]
    assert took["detection, two heads masked"] <= 1.5 * took["plain greedy decoding"]
    assert took["detection"] < took["eager, all attention weights"]
