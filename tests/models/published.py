"""A folder as the published checkpoints lie on the hub, file by file, with weights small enough to check by hand."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors

PIECES = ["<pad>", "</s>", "<unk>", *(f"▁w{number}" for number in range(31_997))]
EXTRA = [f"<extra_id_{number}>" for number in reversed(range(100))]
TEXT_TOKENS = 32_100  # of the tokenizer
ROWS = 32_128  # of the embedding that it was trained with: 28 are nobody's
CONFIG = {
    "_name_or_path": "t5-large",
    "architectures": ["T5ForConditionalGeneration"],
    "classifier_dropout": 0.0,
    "d_ff": 12,
    "d_kv": 4,
    "d_model": 8,
    "decoder_start_token_id": 0,
    "dense_act_fn": "relu",
    "dropout_rate": 0.1,
    "eos_token_id": 1,
    "feed_forward_proj": "relu",
    "initializer_factor": 1.0,
    "is_encoder_decoder": True,
    "is_gated_act": False,
    "layer_norm_epsilon": 1e-06,
    "model_type": "t5",
    "n_positions": 512,
    "num_decoder_layers": 4,
    "num_heads": 2,
    "num_layers": 2,
    "output_past": True,
    "pad_token_id": 0,
    "relative_attention_max_distance": 128,
    "relative_attention_num_buckets": 32,
    "task_specific_params": {"summarization": {"max_length": 200, "num_beams": 4, "prefix": "summarize: "}},
    "torch_dtype": "float32",
    "transformers_version": "4.44.0",
    "use_cache": True,
}


def write_base(folder: Path, seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """A pre-trained T5 v1.0, embedding of 32,128 rows; its weights by name."""
    weights = random_weights(np.random.default_rng(seed), ROWS)
    _write(folder, weights, ROWS, ())
    return weights


def write_dsi(
    folder: Path, docids: Sequence[str], base: dict[str, NDArray[np.float32]]
) -> dict[str, NDArray[np.float32]]:
    """A DSI model whose embedding was resized from its base's to the tokenizer's length; its weights by name.

    The first 28 documents inherit rows of the base. Everything but the embedding is drawn anew, as if it had been trained.
    """
    rng, length = np.random.default_rng(7), TEXT_TOKENS + len(docids)
    kept = base["shared.weight"][:length]
    new = rng.standard_normal((length - len(kept), CONFIG["d_model"]), dtype=np.float32)  # type: ignore[arg-type]
    weights = random_weights(rng, 0) | {"shared.weight": np.concatenate([kept, new])}
    _write(folder, weights, length, docids)
    return weights


def random_weights(rng: np.random.Generator, rows: int) -> dict[str, NDArray[np.float32]]:
    """All that a tied T5 v1.0 keeps in its file; what is tied stands there once, as transformers 4 saved it."""
    width, inner, hidden = 8, 8, 12

    def matrix(*shape: int) -> NDArray[np.float32]:
        return rng.standard_normal(shape, dtype=np.float32)

    found = {"shared.weight": matrix(rows, width)}
    for stack, layers in (("encoder", 2), ("decoder", 4)):
        attentions = ["SelfAttention"] if stack == "encoder" else ["SelfAttention", "EncDecAttention"]
        for layer in range(layers):
            at = f"{stack}.block.{layer}.layer"
            for number, name in enumerate(attentions):
                for part in "qkvo":
                    found[f"{at}.{number}.{name}.{part}.weight"] = matrix(inner, width) * np.float32(0.4)
                found[f"{at}.{number}.layer_norm.weight"] = 1 + matrix(width) * np.float32(0.2)
            last = len(attentions)
            found[f"{at}.{last}.DenseReluDense.wi.weight"] = matrix(hidden, width) * np.float32(0.5)
            found[f"{at}.{last}.DenseReluDense.wo.weight"] = matrix(width, hidden) * np.float32(0.5)
            found[f"{at}.{last}.layer_norm.weight"] = 1 + matrix(width) * np.float32(0.2)
        found[f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"] = matrix(32, 2)
        found[f"{stack}.final_layer_norm.weight"] = 1 + matrix(width) * np.float32(0.2)
    return found


def _write(folder: Path, weights: dict[str, NDArray[np.float32]], rows: int, docids: Sequence[str]) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG | {"vocab_size": rows}, indent=2))
    generation = {"decoder_start_token_id": 0, "eos_token_id": 1, "pad_token_id": 0, "transformers_version": "4.44.0"}
    (folder / "generation_config.json").write_text(json.dumps(generation))
    state = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in weights.items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    write_tokenizer(folder, [f"@DOC_ID_{docid}@" for docid in docids])


def write_tokenizer(folder: Path, added: Sequence[str]) -> None:
    """The fast and the slow tokenizer, as transformers 4.44 saved both."""
    fast = Tokenizer(models.Unigram([(piece, 0.0) for piece in PIECES] + [(piece, 0.0) for piece in EXTRA], unk_id=2))
    fast.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    fast.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    special = [*PIECES[:3], *EXTRA]
    fast.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    fast.add_tokens([AddedToken(token, normalized=True) for token in added])
    fast.save(str(folder / "tokenizer.json"))
    ids = {token: fast.token_to_id(token) for token in (*special, *added)}
    decoder = {
        str(row): {
            "content": token, "lstrip": False, "normalized": token in added, "rstrip": False, "single_word": False,
            "special": token not in added,
        }
        for token, row in sorted(ids.items(), key=lambda pair: pair[1])
    }  # fmt: skip
    named: dict[str, Any] = {"eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    config = {
        "add_prefix_space": None, "added_tokens_decoder": decoder, "additional_special_tokens": EXTRA[::-1],
        "clean_up_tokenization_spaces": True, "extra_ids": 100, "model_max_length": 512, "tokenizer_class": "T5Tokenizer",
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(config | named))
    (folder / "special_tokens_map.json").write_text(json.dumps({"additional_special_tokens": EXTRA[::-1], **named}))
    (folder / "added_tokens.json").write_text(json.dumps({token: ids[token] for token in (*EXTRA, *added)}))
    (folder / "spiece.model").write_bytes(_sentencepiece())


def _sentencepiece() -> bytes:
    """The same pieces in SentencePiece's own format, protocol buffers: (piece, score, kind) each, then how it was trained."""
    kinds = {"<pad>": 3, "</s>": 3, "<unk>": 2}
    pieces = b"".join(
        _field(1, _field(1, piece.encode()) + b"\x15" + struct.pack("<f", 0.0) + b"\x18" + bytes([kinds.get(piece, 1)]))
        for piece in PIECES
    )
    no_id = b"\xff" * 9 + b"\x01"  # -1 as a varint
    trainer = b"\x18\x01" + b"\xc0\x02\x02" + b"\xc8\x02" + no_id + b"\xd0\x02\x01" + b"\xd8\x02\x00"
    return pieces + _field(2, trainer)


def _field(number: int, content: bytes) -> bytes:
    size, length = len(content), b""
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content
