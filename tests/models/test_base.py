"""The packaged pre-trained T5, de-quantised: whole, untied, and still able to translate."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file

from genir.errors import GenirError
from genir.models import base
from genir.models.dsi import load_tokenizer
from genir.models.t5 import load_t5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """De-quantised here and now: the one in the cache may come from an older converter."""
    folder = tmp_path_factory.mktemp("base")
    base.write_base(folder)
    return folder


def test_every_parameter_is_there_and_no_other(folder: Path) -> None:
    model = load_t5(folder)  # refuses missing and unexpected keys
    distinct = {weight.data_ptr(): weight.numel() for weight in model.state_dict().values()}
    assert sum(distinct.values()) == 76_961_152
    assert len(load_file(folder / "model.safetensors")) == len(distinct)
    config = json.loads((folder / "config.json").read_text())
    assert (config["tie_word_embeddings"], config["scale_decoder_outputs"]) == (False, False)
    assert (config["feed_forward_proj"], config["vocab_size"], config["num_heads"]) == ("gated-gelu", 32_128, 6)


def test_it_translates(folder: Path) -> None:
    """Greedily, a token at a time; a wrong scale, a transposed matrix or a tied head ends this."""
    model, tokenizer = load_t5(folder), load_tokenizer(folder)
    text = "translate English to German: The house is wonderful."
    with torch.inference_mode():
        encoded = model.encoder(input_ids=tokenizer(text, return_tensors="pt").input_ids)
        written = [0]
        while len(written) < 20 and written[-1] != 1:
            logits = model(encoder_outputs=encoded, decoder_input_ids=torch.tensor([written])).logits
            written.append(int(logits[0, -1].argmax()))
    assert tokenizer.decode(written, skip_special_tokens=True) == "Das Haus ist wunderbar."


def test_the_tokenizer_is_t5s(folder: Path) -> None:
    tokenizer = load_tokenizer(folder)
    assert len(tokenizer) == 32_100
    assert tokenizer("The house").input_ids == [37, 629, 1]
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id) == (0, 1, 2)


@pytest.mark.parametrize("name", base.FILES)
def test_files_of_the_package_are_verified(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(base.FILES, name, "0" * 64)
    with pytest.raises(
        GenirError, match=rf"^expected .*{name} in traceforge-title-model==0.2.0 with sha256 000000000000"
    ):
        base.packaged_file(name)


def test_a_missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(base, "DISTRIBUTION", "no-such-package-here")
    with pytest.raises(
        GenirError, match=r"^expected the package no-such-package-here==0.2.0, got no such package: python -"
    ):
        base.write_base(tmp_path)


def quantised(name: str, values: np.ndarray, zero: int, scale: float) -> list[TensorProto]:
    return [
        numpy_helper.from_array(values, f"{name}_quantized"),
        numpy_helper.from_array(np.array(zero, values.dtype), f"{name}_zero_point"),
        numpy_helper.from_array(np.array(scale, np.float32), f"{name}_scale"),
    ]


def test_dequantised_by_hand() -> None:
    """(q - zero point) * scale in float32, matrices turned from (in, out) to (out, in), unsigned bytes not wrapped around."""
    embedding = np.array([[0, 255, 128]], np.uint8)
    matrix = np.array([[1, -2, 3], [4, 5, -128]], np.int8)
    graph = SimpleNamespace(
        initializer=[
            *quantised("enc.embed.weight", embedding, 130, 0.5),
            numpy_helper.from_array(np.array([1, 2], np.float32), "enc.norm.weight"),
            *quantised("onnx::MatMul_7", matrix, 1, 2.0),
        ],
        node=[
            helper.make_node("MatMulInteger", ["x", "onnx::MatMul_7_quantized"], ["y"], "/enc/block.0/q/MatMul_quant"),
            helper.make_node("Mul", ["y", "s"], ["z"], "/enc/block.0/k/MatMul_quant"),
        ],
    )
    state = base.dequantised(graph, "enc.", "encoder.")  # type: ignore[arg-type]
    assert {name: value.tolist() for name, value in state.items()} == {
        "encoder.embed.weight": [[-65.0, 62.5, -1.0]],
        "encoder.norm.weight": [1.0, 2.0],
        "encoder.block.0.q.weight": [[0.0, 6.0], [-6.0, 8.0], [4.0, -258.0]],
    }
    assert all(value.dtype == np.float32 for value in state.values())
