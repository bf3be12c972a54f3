"""What masks share below the first layer that they touch: computed once, and the same as computed each time."""

from __future__ import annotations

import pytest

from genir.models.causal import causal_lm
from genir.models.causal_attention import HeadMask
from genir.models.decoding import decode
from genir.models.trunk import below, trunk_of
from tests.heads.tiny_lms import ARCHITECTURES, random_model

MASKS = [None, HeadMask(((2, 1),)), HeadMask(((1, 0), (2, 2))), HeadMask(((2, 3),)), HeadMask(((0, 1), (2, 0)))]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_answers_are_those_of_each_mask_on_its_own(architecture, rng):
    lm = causal_lm(architecture, random_model(architecture))
    start = rng.integers(1, 61, 9).tolist()
    prompts = [[*start, *rng.integers(1, 61, 4 + i).tolist()] for i in range(3)] + [start]
    together = decode(lm, prompts, MASKS, steps=6, batch=7)
    for mask, runs in zip(MASKS, together, strict=True):
        for prompt, run in zip(prompts, runs, strict=True):
            alone = decode(lm, [prompt], [mask], steps=6)[0][0]
            assert run.tokens.tolist() == alone.tokens.tolist()
            assert run.keys.tolist() == alone.keys.tolist()


@pytest.mark.parametrize("masks", [MASKS[:2], MASKS[1:2] * 1 + MASKS[3:4]])
def test_shared_layers_are_computed_once_and_others_for_every_mask(masks, rng):
    lm = causal_lm("llama", random_model("llama"))
    prompts = [rng.integers(1, 61, 8).tolist() for _ in range(3)]
    computed = [0, 0, 0]
    for layer, block in enumerate(lm.model.model.layers):

        def count(_, args, kwargs, layer=layer):
            hidden = args[0] if args else kwargs["hidden_states"]
            computed[layer] += hidden.shape[1] * (hidden.shape[1] > 1)

        block.mlp.register_forward_pre_hook(count, with_kwargs=True)
    decode(lm, prompts, masks, steps=1, batch=6)
    assert computed == [3 * 7, 3 * 7, 2 * 3 * 7]


def test_the_depth_is_the_one_that_saves_most():
    lm = causal_lm("llama", random_model("llama"))
    late, early = HeadMask(((2, 0), (2, 1))), HeadMask(((1, 0),))
    assert trunk_of(lm, [late, late, early]).depth == 2
    assert trunk_of(lm, [late, early, early]).depth == 1
    assert trunk_of(lm, [HeadMask(((0, 0),))]) is None
    assert trunk_of(lm, []) is None
    assert below(late, 2)
    assert below(None, 2)
    assert not below(early, 2)
