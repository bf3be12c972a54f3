"""T5 models of Hugging Face and their relatives mT5, UMT5, LongT5: built and loaded so that an untied head stays untied."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from transformers import (
    LongT5Config,
    LongT5ForConditionalGeneration,
    MT5Config,
    T5Config,
    T5ForConditionalGeneration,
    UMT5Config,
    UMT5ForConditionalGeneration,
)

from genir import strict_json
from genir.errors import GenirError
from genir.models.reduced import reduce_decoder

# An mT5 is a T5 v1.1 whose output is never scaled: it is held as one, so that all that is made for T5 serves it.
CLASSES = {
    "t5": (T5Config, T5ForConditionalGeneration),
    "umt5": (UMT5Config, UMT5ForConditionalGeneration),
    "longt5": (LongT5Config, LongT5ForConditionalGeneration),
}
T5_TYPES = (*CLASSES, "mt5")


def t5_config(settings: Mapping[str, Any]) -> T5Config:
    """A configuration that honours ``tie_word_embeddings``.

    transformers 5 forces it to True, after which loading an untied checkpoint overwrites the input embeddings with the head.
    """
    config = CLASSES[settings.get("model_type", "t5")][0](**settings)
    config.tie_word_embeddings = settings.get("tie_word_embeddings", True)
    config.scale_decoder_outputs = settings.get("scale_decoder_outputs", config.tie_word_embeddings)
    return config


def build_t5(settings: Mapping[str, Any]) -> T5ForConditionalGeneration:
    """A T5 with untrained weights, in evaluation mode; encoder and decoder share one embedding.

    With ``bridging_layers`` in ``settings`` its decoder is that of the reduced graph (``reduced``).
    """
    config = t5_config(settings)
    model = CLASSES[config.model_type][1](config).eval()
    if settings.get("bridging_layers") is not None:
        reduce_decoder(model, settings["bridging_layers"])
    model.set_input_embeddings(model.shared)
    return model


def load_t5(folder: Path, dtype: torch.dtype = torch.float32) -> T5ForConditionalGeneration:
    """The T5 saved in ``folder``, in evaluation mode, read from safetensors alone.

    Raises GenirError where the folder holds no T5, files that cannot be read, weights that its configuration does not
    expect, or NaN.
    """
    settings = settings_in(folder)
    if settings.get("model_type") not in T5_TYPES:
        raise GenirError(
            f"expected a T5 checkpoint in {folder}, got model_type {settings.get('model_type')!r}: name another folder"
        )
    shards = sorted(folder.glob("*.safetensors"))
    if not shards:
        raise GenirError(f"expected safetensors weights in {folder}, found none: save the model with save_pretrained")
    state: dict[str, Tensor] = {}
    for shard in shards:
        try:
            state |= {name: value.to(dtype) for name, value in load_file(shard).items()}
        except SafetensorError as error:
            raise GenirError(
                f"expected whole safetensors, got a damaged file {shard} ({error}): fetch or save the model again"
            ) from None
    for name, value in state.items():
        if not torch.isfinite(value).all():
            raise GenirError(
                f"expected finite weights, {name} in {folder} holds NaN or infinity: train or export it again"
            )
    if settings["model_type"] == "mt5":
        settings = as_t5(settings, tied="lm_head.weight" not in state)
    shared = state.get("shared.weight", state.get("encoder.embed_tokens.weight"))
    if shared is not None:
        state |= {
            "shared.weight": shared,
            "encoder.embed_tokens.weight": shared,
            "decoder.embed_tokens.weight": shared,
        }
        if settings.get("tie_word_embeddings", True):
            state.setdefault("lm_head.weight", shared)
    state.pop("decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight", None)  # unused, in old exports
    for name in ("num_layers", "num_decoder_layers"):
        if not isinstance(settings.get(name, 1), int | None) or (settings.get(name) or 0) > len(state):
            raise GenirError(
                f"expected the layers of the weights as {name} in {folder}, got {settings[name]!r}: fetch it again"
            )
    try:
        with torch.device("meta"):
            model = build_t5(settings)
    except Exception as error:  # transformers and torch raise whatever a setting of another type led to
        raise GenirError(
            f"expected the settings of a T5 in {folder / 'config.json'}, got {type(error).__name__} ({error}): fetch it again"
        ) from None
    expected, found = model.state_dict(), state
    odd = sorted(expected.keys() ^ found.keys()) or sorted(n for n in expected if expected[n].shape != found[n].shape)
    if odd:
        raise GenirError(f"expected the weights in {folder} to fit its config.json, these do not: {', '.join(odd[:5])}")
    model.load_state_dict(state, assign=True)
    model.set_input_embeddings(model.shared)
    return model.eval()


def as_t5(settings: Mapping[str, Any], tied: bool) -> dict[str, Any]:
    """The settings of a T5 that computes what the mT5 of ``settings`` does."""
    like = {"model_type": "t5", "tie_word_embeddings": tied, "scale_decoder_outputs": False}
    return MT5Config().to_dict() | dict(settings) | like


def settings_in(folder: Path) -> dict[str, Any]:
    """What config.json of a model folder holds; GenirError where there is none, or none that can be read."""
    path = folder / "config.json"
    if not path.is_file():
        raise GenirError(f"expected a Hugging Face model folder with config.json, got {folder}: check the path")
    try:
        settings = strict_json.loads(path.read_bytes())
    except ValueError as error:
        raise GenirError(f"expected JSON in {path}, got {error}: fetch or save the model again") from None
    if not isinstance(settings, dict):
        raise GenirError(f"expected a JSON object in {path}, got {type(settings).__name__}: fetch the model again")
    return settings
