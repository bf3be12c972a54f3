"""Every architecture: a saved folder is the model that Hugging Face computes, with nothing lost and nothing made up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from genir.errors import GenirError
from genir.models.families import FAMILIES, Ability, family_of, prompt_of, unembedding_of
from genir.models.forward import Inputs, decoded, encode
from genir.models.seq2seq import load_model
from tests.models.architectures import ARCHITECTURES, random_model

INPUTS = Inputs(
    torch.tensor([[7, 8, 9, 11, 1], [12, 13, 1, 0, 0], [30, 1, 0, 0, 0]]),
    torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 1, 0, 0, 0]]),
)


def theirs(model: torch.nn.Module) -> torch.Tensor:
    """Logits by the model's own forward, after its prompt."""
    start = torch.tensor([prompt_of(model)]).expand(3, -1)
    with torch.inference_mode():
        return model(input_ids=INPUTS.ids, attention_mask=INPUTS.mask, decoder_input_ids=start).logits[:, -1]


def ours(model: torch.nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        return decoded(model, encode(model, INPUTS), INPUTS.mask)[:, -1] @ unembedding_of(model).T


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_saved_folder_gives_the_logits_of_hugging_face(name: str, tmp_path: Path) -> None:
    built = random_model(name)
    built.save_pretrained(tmp_path)
    loaded = load_model(tmp_path)
    expected = theirs(built)
    assert expected.std(0).max() > 0.01  # queries differ
    torch.testing.assert_close(ours(loaded), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(theirs(loaded), expected, atol=1e-5, rtol=1e-5)


def test_the_prompt_is_what_generation_forces() -> None:
    assert prompt_of(random_model("BART")) == (2,)
    assert prompt_of(random_model("BART, <s> first")) == (2, 4)
    assert prompt_of(random_model("T5 v1.0")) == (0,)
    assert prompt_of(random_model("BERT2BERT")) == (3,)


def test_a_start_token_is_asked_for(tmp_path: Path) -> None:
    model = random_model("BERT2BERT")
    model.config.decoder_start_token_id = model.generation_config.decoder_start_token_id = None
    with pytest.raises(GenirError, match=r"^expected decoder_start_token_id in the model's config.json, got none: set"):
        prompt_of(model)


@pytest.mark.parametrize("name", ["BART", "BERT2BERT", "Marian"])
@pytest.mark.parametrize("damage", ["missing", "more", "NaN", "none", "cut", "shape"])
def test_what_is_no_whole_model_is_one_line(name: str, damage: str, tmp_path: Path) -> None:
    random_model(name).save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    state = load_file(file)
    victim = next(key for key in state if key.endswith(("fc2.weight", "output.dense.weight")))
    if damage == "missing":
        del state[victim]
    elif damage == "more":
        state["more"] = torch.ones(1)
    elif damage == "NaN":
        state[victim][0, 0] = torch.nan
    elif damage == "shape":
        state[victim] = torch.ones(3, 3)
    save_file(state, file, metadata={"format": "pt"})
    if damage == "none":
        torch.save(state, tmp_path / "pytorch_model.bin")
        file.unlink()
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:1000])
    message = {
        "NaN": "expected finite weights, .* holds NaN",
        "none": "expected safetensors weights in .*, found none",
        "cut": "expected whole safetensors in .*, got ",
    }.get(damage, "expected the weights in .* to fit its config.json, ")
    with pytest.raises(GenirError, match=f"^{message}") as told:
        load_model(tmp_path)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}, "the decoder-only GPT2LMHeadModel: without cross-att"),
        ({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}, "the decoder-only LlamaForCausalLM: .* with --lm"),
        ({"model_type": "bert"}, "model_type 'bert': other architectures are not supported"),
        ({}, "model_type None: other"),
    ],
)  # fmt: skip
def test_another_architecture_is_one_line(settings: dict[str, object], message: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(settings))
    with pytest.raises(GenirError, match=rf"^expected an encoder-decoder \(t5, mt5, .*\) in .*, got {message}"):
        load_model(tmp_path)


def test_two_models_that_are_no_berts_are_one_line() -> None:
    model = random_model("BERT2BERT")
    model.config.decoder.model_type = "roberta"
    with pytest.raises(GenirError, match=r"^expected a model of type t5.* \(of two BERTs\), got .*\(roberta\)"):
        family_of(model)


def test_every_family_is_among_the_architectures() -> None:
    names = {family_of(random_model(name)).name for name in ARCHITECTURES}
    # an mT5 is T5 once it is loaded
    assert names == {family.name for family in FAMILIES.values()}
    assert {ability for family in FAMILIES.values() for ability in family.lacks} == set(Ability)
