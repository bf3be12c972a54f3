"""Encoder-decoders of every family in the table, loaded from a folder: safetensors alone, whole, no code run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import (
    BartForConditionalGeneration,
    EncoderDecoderModel,
    MarianMTModel,
    MBartForConditionalGeneration,
    PegasusForConditionalGeneration,
    PreTrainedModel,
)

from genir.errors import GenirError
from genir.models.families import FAMILIES, family_of, prompt_of
from genir.models.t5 import T5_TYPES, load_t5, settings_in

CLASSES: dict[str, type[PreTrainedModel]] = {
    "bart": BartForConditionalGeneration,
    "mbart": MBartForConditionalGeneration,
    "marian": MarianMTModel,
    "pegasus": PegasusForConditionalGeneration,
    "encoder-decoder": EncoderDecoderModel,
}


def load_model(folder: Path, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """The encoder-decoder saved in ``folder``, in evaluation mode.

    Raises GenirError for a decoder-only model, for an architecture that is not in ``families``, and for weights that are missing,
    damaged, NaN, or not those of config.json.
    """
    settings = settings_in(folder)
    kind = str(settings.get("model_type"))
    if kind in T5_TYPES:
        return load_t5(folder, dtype)
    if kind not in CLASSES:
        raise GenirError(f"expected an encoder-decoder ({', '.join(FAMILIES)}) in {folder}, got {_described(settings)}")
    if not any(folder.glob("*.safetensors")):
        raise GenirError(f"expected safetensors weights in {folder}, found none: save the model with save_pretrained")
    try:
        model, info = CLASSES[kind].from_pretrained(
            folder, dtype=dtype, use_safetensors=True, local_files_only=True, output_loading_info=True
        )
    except (SafetensorError, OSError) as error:
        raise GenirError(
            f"expected whole safetensors in {folder}, got {_first_line(error)}: fetch or save the model again"
        ) from None
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise GenirError(
            f"expected the weights in {folder} to fit its config.json, got {_first_line(error)}: fetch the model again"
        ) from None
    odd = sorted(
        str(name) for problem in ("missing_keys", "unexpected_keys", "mismatched_keys") for name in info[problem]
    )
    if odd:
        raise GenirError(f"expected the weights in {folder} to fit its config.json, these do not: {', '.join(odd[:5])}")
    for name, value in model.state_dict().items():
        if not torch.isfinite(value).all():
            raise GenirError(
                f"expected finite weights, {name} in {folder} holds NaN or infinity: train or export it again"
            )
    family_of(model)
    prompt_of(model)
    return model.eval()


def _described(settings: dict[str, Any]) -> str:
    found = settings.get("architectures")
    written = [str(name) for name in found] if isinstance(found, list) else []
    if any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in written):
        return (
            f"the decoder-only {written[0]}: without cross-attention there is no bridging stage to measure; "
            "ask it about retrieval heads with --lm"
        )
    return f"model_type {settings.get('model_type')!r}: other architectures are not supported"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
