"""T5 folders: untied heads stay untied, and what cannot be read is refused in one line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from genir.errors import GenirError
from genir.models.t5 import build_t5, load_t5
from tests.models import tiny

IDS = torch.tensor([[5, 9, 12, 1], [30, 1, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])


def logits(model: torch.nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        return model(input_ids=IDS, attention_mask=MASK, decoder_input_ids=torch.zeros(2, 1, dtype=torch.long)).logits[
            :, 0
        ]


@pytest.fixture
def folder(tiny_base: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_base, tmp_path / "model"))


def test_an_untied_head_survives_saving_and_loading(folder: Path, tmp_path: Path) -> None:
    """transformers 5 ties the head of every T5 it loads, and then overwrites the embeddings with the head."""
    saved = load_file(folder / "model.safetensors")
    for _ in range(2):
        model = load_t5(folder)
        assert torch.equal(model.lm_head.weight, saved["lm_head.weight"])
        assert torch.equal(model.shared.weight, saved["shared.weight"])
        assert not torch.equal(model.lm_head.weight, model.shared.weight)
        assert model.encoder.embed_tokens.weight is model.decoder.embed_tokens.weight is model.shared.weight
        assert not model.training
        folder = tmp_path / "again"
        model.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    assert (config["tie_word_embeddings"], config["scale_decoder_outputs"]) == (False, False)


def test_a_tied_head_is_the_embedding_and_its_input_is_scaled(tmp_path: Path) -> None:
    """As in the published checkpoints (T5 1.0): one matrix on disk, logits times d to the -1/2."""
    tiny.write_base(tmp_path, tie_word_embeddings=True)
    state = load_file(tmp_path / "model.safetensors")
    state["decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"] = torch.zeros(32, 4)  # old exports
    for name in ("lm_head.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight"):
        state.pop(name, None)
    save_file(state, tmp_path / "model.safetensors")
    model = load_t5(tmp_path)
    assert torch.equal(model.lm_head.weight, state["shared.weight"])
    assert model.config.scale_decoder_outputs
    untied = build_t5(tiny.SHAPE | {"vocab_size": model.config.vocab_size})
    untied.load_state_dict(model.state_dict())
    torch.testing.assert_close(logits(model), logits(untied) * 32**-0.5, rtol=1e-5, atol=1e-5)


def test_an_embedding_saved_under_the_encoders_name_is_found(folder: Path) -> None:
    expected = logits(load_t5(folder))
    state = load_file(folder / "model.safetensors")
    shared = state.pop("shared.weight")
    save_file(state | {"encoder.embed_tokens.weight": shared}, folder / "model.safetensors")
    assert torch.equal(logits(load_t5(folder)), expected)


def test_shards_are_read_together(folder: Path, tmp_path: Path) -> None:
    model = load_t5(folder)
    model.save_pretrained(tmp_path / "shards", max_shard_size="20KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 2
    assert torch.equal(logits(load_t5(tmp_path / "shards")), logits(model))


def test_weights_come_in_the_type_that_was_asked_for(folder: Path) -> None:
    assert {value.dtype for value in load_t5(folder, torch.bfloat16).state_dict().values()} == {torch.bfloat16}


def config(**changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        settings = json.loads((folder / "config.json").read_text()) | changes
        (folder / "config.json").write_text(json.dumps(settings))

    return change


def weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def rewrite(folder: Path) -> None:
        state = load_file(folder / "model.safetensors")
        change(state)
        save_file(state, folder / "model.safetensors")

    return rewrite


def pickled(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def cut(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])


FINAL = "decoder.final_layer_norm.weight"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shutil.rmtree, "expected a Hugging Face model folder with config.json, got .*model: check the path"),
        (lambda f: (f / "config.json").unlink(), "expected a Hugging Face model folder with config.json"),
        (lambda f: (f / "config.json").write_text("{"), "expected JSON in .*config.json, got .*: fetch or save the model a"),
        (lambda f: (f / "config.json").write_bytes(b"\xff\xfe{"), "expected JSON in .*config.json, got "),
        (lambda f: (f / "config.json").write_text("[]"), "expected a JSON object in .*config.json, got list: fetch the mod"),
        (config(model_type="bert"), "expected a T5 checkpoint in .*model, got model_type 'bert': name another folder"),
        (pickled, "expected safetensors weights in .*model, found none: save the model with save_pretrained"),
        (cut, "expected whole safetensors, got a damaged file .*model.safetensors .*: fetch or save the model again"),
        (weights(lambda s: s[FINAL].fill_(float("nan"))), f"expected finite weights, {FINAL} in .* holds NaN or infinity"),
        (weights(lambda s: s[FINAL][3:4].fill_(float("inf"))), "expected finite weights, decoder.final.* holds NaN or inf"),
        (weights(lambda s: s.pop(FINAL)), f"expected the weights in .* to fit its config.json, these do not: {FINAL}"),
        (weights(lambda s: s.update(more=torch.ones(1))), "expected the weights in .* to fit its config.json.*: more"),
        (config(d_ff=50), "expected the weights in .* to fit its config.json, these do not: decoder.block.0.layer.2.Den"),
        (config(num_decoder_layers=1), "expected the weights in .* to fit its config.json, these do not: decoder.block.1"),
    ],
)  # fmt: skip
def test_what_is_no_whole_t5_is_one_line(folder: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(folder)
    with pytest.raises(GenirError, match=f"^{message}") as told:
        load_t5(folder)
    assert "\n" not in str(told.value)
