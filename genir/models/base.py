"""The packaged pre-trained T5: int8 ONNX weights, de-quantised once into a Hugging Face folder.

`traceforge-title-model` carries flan-t5-small tuned to write short titles (MIT): 8 + 8 layers, d 512, 6 heads of 64, gated GELU of
1,024, an untied head over 32,128 tokens. Its weights are read as data; none of its code runs.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from genir.corpora.packages import package_file
from genir.errors import GenirError

if TYPE_CHECKING:
    from onnx import GraphProto

NAME = "flan-t5-small"
DISTRIBUTION, VERSION = "traceforge-title-model", "0.2.0"
FILES = {
    "encoder.onnx": "b82bef1400cec815c3e5addd04dc451ec31491ac6598b166bbc6594656823787",
    "decoder.onnx": "76b40328b8a6bd8b8fc029d80006284c6d644d6e0938c18339bc05fb31a927bc",
    "tokenizer.json": "3550c5f922922567115f702e0543b57276366fc321cf1f088859c71491656cf6",
}
CONFIG = {
    "vocab_size": 32_128,
    "d_model": 512,
    "d_kv": 64,
    "d_ff": 1_024,
    "num_layers": 8,
    "num_decoder_layers": 8,
    "num_heads": 6,
    "feed_forward_proj": "gated-gelu",
    "tie_word_embeddings": False,
    "decoder_start_token_id": 0,
}


def packaged_file(name: str) -> Path:
    """The verified path of one of the package's three files; GenirError if the package is absent or altered."""
    return package_file(DISTRIBUTION, VERSION, f"traceforge_title_model/data/span/{name}", FILES[name])


def write_base(folder: Path) -> None:
    """Write the de-quantised model and its tokenizer into ``folder`` as Hugging Face files (float32 safetensors)."""
    import onnx
    import torch
    from transformers import PreTrainedTokenizerFast

    from genir.models.t5 import build_t5

    encoder = onnx.load(str(packaged_file("encoder.onnx"))).graph
    decoder = onnx.load(str(packaged_file("decoder.onnx"))).graph
    state = {**dequantised(encoder, "enc.", "encoder."), **dequantised(decoder, "m.", "")}
    if not np.array_equal(state.pop("encoder.embed_tokens.weight"), state["shared.weight"]):
        raise GenirError(f"expected encoder and decoder of {DISTRIBUTION} to share one embedding, they differ")
    model = build_t5(CONFIG)
    shared = state["shared.weight"]
    state |= {"encoder.embed_tokens.weight": shared, "decoder.embed_tokens.weight": shared}
    model.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    model.save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_file=str(packaged_file("tokenizer.json")),
        eos_token="</s>",  # noqa: S106 - a token of the tokenizer, no password
        unk_token="<unk>",  # noqa: S106
        pad_token="<pad>",  # noqa: S106
        model_max_length=512,
    ).save_pretrained(folder)


def dequantised(graph: GraphProto, prefix: str, target: str) -> dict[str, np.ndarray]:
    """The float32 parameters of an ONNX graph, ``(q - zero_point) * scale``, under their Hugging Face names.

    A matrix product's weight is named by its position in the export, so its place is read off the node that uses it;
    ONNX multiplies by (in, out) matrices where PyTorch keeps (out, in).
    """
    from onnx import numpy_helper

    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}

    def weight(name: str) -> np.ndarray:
        name = name.removesuffix("_quantized")
        zero, scale = stored[f"{name}_zero_point"], stored[f"{name}_scale"]
        values: np.ndarray = (stored[f"{name}_quantized"].astype(np.float32) - np.float32(zero)) * np.float32(scale)
        return values

    state = {}
    for name in stored:
        if name.startswith(prefix) and name.endswith(".weight"):
            state[target + name.removeprefix(prefix)] = np.array(stored[name], dtype=np.float32)
        elif name.startswith(prefix) and name.endswith(".weight_quantized"):
            state[target + name.removeprefix(prefix).removesuffix("_quantized")] = weight(name)
    for node in graph.node:
        place = re.fullmatch(r"/(?:enc|m)/(.+)/MatMul_quant", node.name)
        if place and node.op_type == "MatMulInteger":
            state[f"{target}{place[1].replace('/', '.')}.weight"] = np.ascontiguousarray(weight(node.input[1]).T)
    return state
