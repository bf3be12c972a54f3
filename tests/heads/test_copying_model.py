"""Models that copy by construction have exactly the planted heads found; models that cannot copy have none."""

from __future__ import annotations

import numpy as np
import pytest

from genir.models.causal import causal_lm
from genir.models.causal_attention import HeadMask
from genir.models.decoding import decode
from genir.readouts.heads import hits_of, retrieval_heads
from tests.heads.tiny_lms import copying_model

VOCABULARY, POSITIONS, END = 40, 64, 39
ANSWER = (10, 11, 12, 13, 14)


def needle_prompt(rng: np.random.Generator, depth: int) -> tuple[list[int], tuple[int, int]]:
    """Twenty different fillers around "key answer end", then the key again; and where the answer stands."""
    filler = (15 + rng.permutation(20)).tolist()
    prompt = [1, *filler[:depth], 2, *ANSWER, END, *filler[depth:], 2]
    return prompt, (depth + 2, depth + 2 + len(ANSWER))


def scores(lm, rng, mask=None):
    total = []
    for depth in (0, 7, 20):
        prompt, span = needle_prompt(rng, depth)
        run = decode(lm, [prompt], [mask], steps=12)[0][0]
        total.append((run.tokens.tolist() == list(ANSWER), hits_of(run, prompt, span).positions / len(ANSWER)))
    return all(found for found, _ in total), np.mean([score for _, score in total], axis=0)


def subject(planted, linked=True):
    model = copying_model(VOCABULARY, POSITIONS, planted, linked)
    model.generation_config.eos_token_id = END
    return causal_lm("copying", model)


@pytest.mark.parametrize("planted", [(0,), (1,), (0, 1)])
def test_exactly_the_planted_heads_are_found_and_each_copies_every_token(planted, rng):
    found, score = scores(subject(planted), rng)
    assert found
    assert sorted(retrieval_heads(score)) == [(1, head) for head in planted]
    assert [score[1, head] for head in planted] == [1.0] * len(planted)


@pytest.mark.parametrize(("planted", "linked"), [((), True), ((0, 1), False), ((), False)])
def test_a_model_that_cannot_copy_has_no_retrieval_head(planted, linked, rng):
    found, score = scores(subject(planted, linked), rng)
    assert not found
    assert score.max() < 0.1


@pytest.mark.parametrize("how", ["zero", "uniform"])
@pytest.mark.parametrize("decoding", [False, True])
def test_masking_the_planted_head_ends_retrieval(how, decoding, rng):
    lm = subject((1,))
    assert scores(lm, rng, HeadMask(((1, 1),), how, decoding))[0] is False
    assert scores(lm, rng, HeadMask(((1, 0), (0, 1)), how, decoding))[0] is True


def test_the_head_that_the_retrieval_head_reads_from_is_needed_in_the_prompt_only(rng):
    """A head of score zero can be as necessary: it writes what the retrieval head searches for, before decoding begins."""
    lm = subject((1,))
    assert scores(lm, rng, HeadMask(((0, 0),), "zero"))[0] is False
    prompt, _ = needle_prompt(rng, 5)
    first = decode(lm, [prompt], [HeadMask(((0, 0),), "zero", decoding=True)], steps=3)[0][0]
    assert first.tokens[0] == ANSWER[0]
