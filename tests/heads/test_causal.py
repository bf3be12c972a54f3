"""What is refused as a subject, and what decoding refuses and shares."""

from __future__ import annotations

import pytest
import torch
import transformers

from genir.errors import GenirError
from genir.models.causal import causal_lm, load_causal, untrained
from genir.models.causal_attention import Watch, watching
from genir.models.decoding import decode
from tests.heads.tiny_lms import random_model, words_tokenizer


def test_a_folder_is_loaded_with_its_tokenizer_and_sizes(tmp_path):
    model = random_model("qwen3")
    model.save_pretrained(tmp_path)
    words_tokenizer("a few words").save_pretrained(tmp_path)
    lm = load_causal(tmp_path)
    assert (lm.layers, lm.heads, lm.head_count, lm.positions) == (3, 4, 12, 128)
    assert lm.stops == {lm.tokenizer.eos_token_id}
    for name, parameter in lm.model.state_dict().items():
        assert torch.equal(parameter, model.state_dict()[name])


def test_the_untrained_twin_has_the_same_form_and_other_weights(rng):
    lm = causal_lm("llama", random_model("llama"))
    before = torch.random.get_rng_state()
    twin = untrained(lm, rng)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert (twin.layers, twin.heads, twin.stops) == (lm.layers, lm.heads, lm.stops)
    weights = twin.model.model.layers[0].mlp.up_proj.weight
    assert weights.std().item() == pytest.approx(0.02, rel=0.1)


@pytest.mark.parametrize("name", ["nowhere", "a/b/c"])
def test_a_name_that_is_neither_folder_nor_hub_id_is_refused(name):
    with pytest.raises(
        GenirError, match=rf"a folder with config.json and safetensors, or a hub id OWNER/MODEL, got '{name}'"
    ):
        load_causal(name)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(GenirError, match=r"a folder with config\.json"):
        load_causal(tmp_path)


def test_pickled_weights_are_refused(tmp_path):
    model = random_model("llama")
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    words_tokenizer("a").save_pretrained(tmp_path)
    with pytest.raises(GenirError, match="could not read one"):
        load_causal(tmp_path)


def test_an_encoder_decoder_is_refused_by_folder_and_in_memory(tmp_path):
    config = transformers.T5Config(vocab_size=9, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    config.save_pretrained(tmp_path)
    with pytest.raises(GenirError, match=r"decoder-only language model, got the encoder-decoder t5 in .*: use --model"):
        load_causal(tmp_path)
    with pytest.raises(GenirError, match="decoder-only language model, got the encoder-decoder t5 in mine"):
        causal_lm("mine", transformers.T5ForConditionalGeneration(config))


def test_a_model_without_attention_layers_is_refused():
    config = transformers.MambaConfig(vocab_size=9, hidden_size=8, state_size=4, num_hidden_layers=1)
    with pytest.raises(GenirError, match="attention"):
        causal_lm("mamba", transformers.MambaForCausalLM(config))


def test_attention_that_cannot_be_exchanged_is_refused():
    config = transformers.BloomConfig(vocab_size=9, hidden_size=8, n_layer=1, n_head=2)
    with pytest.raises(GenirError, match="bloom"):
        causal_lm("bloom", transformers.BloomForCausalLM(config))


def test_nan_weights_are_an_error_with_layer_and_head():
    model = random_model("llama")
    with torch.no_grad():
        model.model.layers[1].self_attn.q_proj.weight[8:16] = float("nan")
    with pytest.raises(GenirError, match="finite attention weights, got NaN in layer 1, head 1, row 0"):
        causal_lm("broken", model)


def test_nan_that_appears_while_decoding_is_an_error_too():
    lm = causal_lm("llama", random_model("llama"))
    with torch.no_grad():
        lm.model.model.embed_tokens.weight[5] = float("nan")
    with pytest.raises(GenirError, match="got NaN in layer 0"):
        decode(lm, [[1, 2, 5, 3]])


def test_a_prompt_that_leaves_no_room_for_the_answer_is_refused():
    lm = causal_lm("llama", random_model("llama"))
    with pytest.raises(GenirError, match=r"at most 78 tokens \(llama takes 128, 50 are for the answer\), got 79"):
        decode(lm, [[1] * 79])
    with pytest.raises(GenirError, match="at least two tokens in every prompt, prompt 1 has 0"):
        decode(lm, [[1, 2], []])


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "mistral-sliding"])
def test_answers_are_those_of_generate(architecture, rng):
    lm = causal_lm(architecture, random_model(architecture))
    prompts = [rng.integers(1, 61, 12).tolist() for _ in range(4)]
    for prompt, run in zip(prompts, decode(lm, prompts, steps=10, want_keys=False)[0], strict=True):
        ids = torch.tensor([prompt])
        expected = random_model(architecture).generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=10, do_sample=False, pad_token_id=0
        )
        assert run.tokens.tolist() == expected[0, 12:].tolist()
        assert run.keys is None


def test_an_answer_ends_before_its_stop_token_and_keys_end_with_it(rng):
    model = random_model("llama")
    prompt = rng.integers(1, 61, 12).tolist()
    free = decode(causal_lm("llama", model), [prompt], steps=10)[0][0].tokens.tolist()
    model.generation_config.eos_token_id = free[4]
    run = decode(causal_lm("llama", model), [prompt], steps=10)[0][0]
    assert run.tokens.tolist() == free[: free.index(free[4])]
    assert len(run.keys) == len(run.tokens)


def test_a_common_prefix_is_computed_once(rng):
    lm = causal_lm("llama", random_model("llama"))
    start = rng.integers(0, 61, 20).tolist()
    prompts = [[*start, i, 7, 8] for i in range(5)] + [[*start, 2, 9, 9, 9]]
    computed = []
    lm.model.model.layers[0].register_forward_pre_hook(
        lambda _, args, kwargs: computed.append((args[0] if args else kwargs["hidden_states"]).shape[1]),
        with_kwargs=True,
    )
    decode(lm, prompts, steps=1, batch=6)
    assert sum(computed) == 20 + 5 * 2 + 2 + 1  # the start, what differs of six prompts, one step of one batch


def test_progress_ends_at_the_number_of_rows(rng):
    lm = causal_lm("llama", random_model("llama"))
    seen = []
    decode(lm, [[1, 2], [3, 4], [5, 6]], [None, None], steps=1, batch=4, progress=lambda *done: seen.append(done))
    assert seen[-1] == (6, 6)


def test_nothing_is_watched_outside_the_context():
    lm = causal_lm("llama", random_model("llama"))
    with watching(Watch(lm.layers, want_rows=True)) as watch:
        pass
    lm.model(torch.tensor([[1]]))
    assert not watch.rows


def test_a_prompt_longer_than_the_model_takes_is_refused():
    lm = causal_lm("tiny", random_model("llama"))
    with pytest.raises(
        GenirError, match=r"^expected prompts of at most 123 tokens \(tiny takes 128, 5 are for the answer\), got 124"
    ):
        decode(lm, [[1] * 124], steps=5)
