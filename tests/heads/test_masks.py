"""Head masks against hooks on the output projection and against edited weights."""

from __future__ import annotations

import copy

import pytest
import torch

from genir.errors import GenirError
from genir.models.causal import causal_lm
from genir.models.causal_attention import HeadMask, Watch, watching
from genir.models.decoding import decode
from genir.readouts.heads_masked import head_means, text_loss
from tests.heads.tiny_lms import ARCHITECTURES, random_model

SIZE = 8  # of a head in every architecture here
PROJECTIONS = {"gpt2": "transformer.h.{}.attn.c_proj", "gpt-neox": "gpt_neox.layers.{}.attention.dense"}


def hooked_logits(architecture, ids, heads, instead):
    """Logits with the heads' slices of the output projection's input overwritten by ``instead[layer, head]``."""
    model = copy.deepcopy(random_model(architecture))
    model.set_attn_implementation("eager")
    for layer, head in heads:

        def overwrite(module, args, layer=layer, head=head):
            changed = args[0].clone()
            changed[..., head * SIZE : (head + 1) * SIZE] = instead[layer, head]
            return (changed,)

        name = PROJECTIONS.get(architecture, "model.layers.{}.self_attn.o_proj").format(layer)
        model.get_submodule(name).register_forward_pre_hook(overwrite)
    with torch.no_grad():
        return model(ids, use_cache=False).logits


@pytest.mark.parametrize("how", ["zero", "mean"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_masked_head_is_a_slice_of_the_output_projection_overwritten(architecture, how, rng):
    lm = causal_lm(architecture, random_model(architecture))
    heads = ((0, 1), (0, 2), (2, 3))
    texts = [rng.integers(0, 61, n).tolist() for n in (20, 12)]
    means = head_means(lm, texts) if how == "mean" else torch.zeros(3, 4, SIZE)
    ids = torch.tensor([texts[0]])
    with torch.no_grad(), watching(Watch(lm.layers, masks=(HeadMask(heads, how, means=means),))):
        masked = lm.model(ids, use_cache=False).logits
    torch.testing.assert_close(masked, hooked_logits(architecture, ids, heads, means), atol=1e-4, rtol=1e-4)


def test_mean_outputs_are_means_over_all_positions_of_all_texts(rng):
    lm = causal_lm("llama", random_model("llama"))
    texts = [rng.integers(0, 61, n).tolist() for n in (20, 5)]
    seen = []
    lm.model.model.layers[1].self_attn.o_proj.register_forward_pre_hook(lambda _, args: seen.append(args[0][0]))
    means = head_means(lm, texts)
    torch.testing.assert_close(means[1].flatten(), torch.cat(seen).mean(dim=0))


def test_uniform_attention_is_a_query_of_zero(rng):
    edited = random_model("llama")
    with torch.no_grad():
        edited.model.layers[1].self_attn.q_proj.weight[2 * SIZE : 3 * SIZE] = 0
    ids = torch.tensor([rng.integers(0, 61, 25).tolist()])
    lm = causal_lm("llama", random_model("llama"))
    with torch.no_grad(), watching(Watch(lm.layers, masks=(HeadMask(((1, 2),), "uniform"),))):
        masked = lm.model(ids, use_cache=False).logits
    with torch.no_grad():
        torch.testing.assert_close(masked, edited(ids, use_cache=False).logits, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("decoding", [False, True])
def test_masks_in_one_batch_are_masks_one_after_the_other(decoding, rng):
    lm = causal_lm("qwen3", random_model("qwen3"))
    prompts = [rng.integers(0, 61, n).tolist() for n in (9, 14)]
    masks = [None, HeadMask(((0, 0),), "zero", decoding), HeadMask(((0, 0), (1, 1), (2, 2)), "uniform", decoding)]
    together = decode(lm, prompts, masks, steps=6, batch=5)
    for m, mask in enumerate(masks):
        for i, prompt in enumerate(prompts):
            alone = decode(lm, [prompt], [mask], steps=6, batch=1)[0][0]
            assert together[m][i].tokens.tolist() == alone.tokens.tolist()
            assert together[m][i].keys.tolist() == alone.keys.tolist()


def test_an_empty_mask_changes_nothing_to_the_bit(rng):
    lm = causal_lm("gpt2", random_model("gpt2"))
    text = rng.integers(0, 61, 30).tolist()
    assert text_loss(lm, [text], HeadMask(())) == text_loss(lm, [text])


def test_loss_of_a_text_is_the_models_own(rng):
    model = random_model("llama")
    ids = torch.tensor([rng.integers(0, 61, 30).tolist()])
    with torch.no_grad():
        expected = model(ids, labels=ids).loss.item()
    assert text_loss(causal_lm("llama", model), ids.tolist()) == pytest.approx([expected], abs=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"heads": ((0, 0),), "how": "invert"}, "kind zero, mean or uniform, got 'invert'"),
        ({"heads": ((0, 0), (0, 0))}, "each head once"),
        ({"heads": ((0, 0),), "how": "mean"}, "mean outputs for a mean mask"),
    ],
)
def test_a_mask_that_says_nothing_is_refused(arguments, message):
    with pytest.raises(GenirError, match=message):
        HeadMask(**arguments)


def test_a_head_that_the_model_lacks_is_refused():
    lm = causal_lm("llama", random_model("llama"))
    for head in ((3, 0), (0, 4), (-1, 0)):
        with pytest.raises(GenirError, match="within 3 layers x 4 heads"):
            text_loss(lm, [[1, 2, 3]], HeadMask((head,)))
