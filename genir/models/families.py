"""Families of encoder-decoders: where the parts of each lie in its Hugging Face module, as one table of paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from genir.errors import GenirError


class Ability(StrEnum):
    """What a measurement asks of a model beyond patching by hooks, as messages name it."""

    STREAM = "reading the residual stream"
    LENS = "the logit lens"
    READING = "reading what neurons and heads read"
    FOLDING = "folding the reduced graph"
    ENCODER = "swapping the encoder"
    ENGINE = "the fast engine"


@dataclass(frozen=True)
class Family:
    """Paths into the module of a family; those of ``added``, ``projections`` and ``norms`` start at a decoder layer.

    ``added`` are the modules whose output is what self-attention, cross-attention and MLP add to the residual stream, and
    ``projections`` the output projections of the two attentions, whose input holds the heads side by side. In a post-norm family
    the stream is normalised after each addition, by ``norms``, and there is no ``final_norm``. The decoder's output passes
    ``transform``, where there is one, and meets the unembedding ``head`` with the ``bias``. ``lacks`` says by ability what a family
    has not, and why.
    """

    name: str
    layers: str
    added: tuple[str, str, str]
    projections: tuple[str, str]
    heads: str  # path of the number of decoder attention heads in the configuration
    head: str = "lm_head"
    encoder: str = "encoder"
    decoder: str = "decoder"
    final_norm: str | None = None
    norms: tuple[str, str, str] | None = None
    transform: str | None = None
    bias: str | None = None
    lacks: Mapping[Ability, str] = field(default_factory=lambda: MappingProxyType({}))


_NO_RMS = "its norm is a LayerNorm with biases, the reading is written for T5's RMS norm"
_NOT_T5 = "it is written for T5 alone"


def _t5(name: str, engine: str = "") -> Family:
    lacks = {Ability.ENGINE: engine, Ability.FOLDING: _NOT_T5} if engine else {}
    return Family(
        name=name,
        layers="decoder.block",
        added=("layer.0.dropout", "layer.1.dropout", "layer.2.dropout"),
        projections=("layer.0.SelfAttention.o", "layer.1.EncDecAttention.o"),
        heads="num_heads",
        final_norm="decoder.final_layer_norm",
        lacks=MappingProxyType(lacks),
    )


def _bart(name: str, pre_norm: bool) -> Family:
    post_norm = "it normalises the stream after every addition, so that outputs do not add up to it"
    lacks = {Ability.ENGINE: _NOT_T5, Ability.FOLDING: _NOT_T5, Ability.ENCODER: _NOT_T5, Ability.READING: _NO_RMS}
    if not pre_norm:
        lacks |= dict.fromkeys((Ability.STREAM, Ability.LENS, Ability.READING), post_norm)
    return Family(
        name=name,
        layers="model.decoder.layers",
        added=("self_attn.out_proj", "encoder_attn.out_proj", "fc2"),
        projections=("self_attn.out_proj", "encoder_attn.out_proj"),
        heads="decoder_attention_heads",
        encoder="model.encoder",
        decoder="model.decoder",
        final_norm="model.decoder.layer_norm" if pre_norm else None,
        norms=None if pre_norm else ("self_attn_layer_norm", "encoder_attn_layer_norm", "final_layer_norm"),
        bias="final_logits_bias",
        lacks=MappingProxyType(lacks),
    )


_BERT2BERT = Family(
    name="BERT2BERT",
    layers="decoder.bert.encoder.layer",
    added=("attention.output.dropout", "crossattention.output.dropout", "output.dropout"),
    projections=("attention.output.dense", "crossattention.output.dense"),
    heads="decoder.num_attention_heads",
    head="decoder.cls.predictions.decoder",
    decoder="decoder.bert",
    norms=("attention.output.LayerNorm", "crossattention.output.LayerNorm", "output.LayerNorm"),
    transform="decoder.cls.predictions.transform",
    bias="decoder.cls.predictions.bias",
    lacks=_bart("BERT2BERT", pre_norm=False).lacks,
)

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "t5": _t5("T5"),
        "mt5": _t5("mT5"),
        "umt5": _t5("UMT5", engine="every encoder layer has positions of its own"),
        "longt5": _t5("LongT5", engine="its encoder attends locally"),
        "bart": _bart("BART", pre_norm=False),
        "mbart": _bart("mBART", pre_norm=True),
        "marian": _bart("Marian", pre_norm=False),
        "pegasus": _bart("Pegasus", pre_norm=True),
        "encoder-decoder": _BERT2BERT,
    }
)
"""Families by the ``model_type`` of config.json; ByT5 and Flan-T5 are of type t5."""


def family_of(model: PreTrainedModel) -> Family:
    """The family of a model; GenirError for an architecture that is not in the table."""
    kind = model.config.model_type
    inner = model.config.decoder.model_type if kind == "encoder-decoder" else "bert"
    if kind not in FAMILIES or inner != "bert":
        raise GenirError(
            f"expected a model of type {', '.join(FAMILIES)} (of two BERTs), got {kind!r} ({inner}): "
            "its parts are not in genir/models/families.py"
        )
    return FAMILIES[kind]


def lacking(model: PreTrainedModel, ability: Ability) -> str | None:
    """Why a measurement cannot be made on this model, in one line; None where it can."""
    family = family_of(model)
    return f"{ability} is not for {family.name}: {family.lacks[ability]}" if ability in family.lacks else None


def part(model: nn.Module, path: str) -> Any:
    """The module or tensor at a path of the table."""
    return _at(model, path)


def layers_of(model: PreTrainedModel) -> nn.ModuleList:
    """The decoder layers."""
    return cast(nn.ModuleList, part(model, family_of(model).layers))


def heads_of(model: PreTrainedModel) -> int:
    """The number of attention heads of a decoder layer."""
    return int(_at(model.config, family_of(model).heads))


def width_of(model: PreTrainedModel) -> int:
    """The width of the residual stream."""
    return int(part(model, family_of(model).head).in_features)


def vocabulary_of(model: PreTrainedModel) -> int:
    """The number of rows of the unembedding."""
    return int(part(model, family_of(model).head).out_features)


def unembedding_of(model: PreTrainedModel) -> Tensor:
    """The matrix (vocabulary, d) that what ``read`` returns meets; a family with a bias has it as one column more."""
    family = family_of(model)
    weight = cast(Tensor, part(model, family.head).weight)
    if family.bias is None:
        return weight
    return torch.cat([weight, part(model, family.bias).to(weight).reshape(-1, 1)], 1)


def read(model: PreTrainedModel, state: Tensor) -> Tensor:
    """What the unembedding reads of the decoder's output ``state`` (..., d); with a bias, (..., d + 1) that ends in ones."""
    family = family_of(model)
    if _scales(model):
        state = state * width_of(model) ** -0.5
    if family.transform is not None:
        state = part(model, family.transform)(state)
    return state if family.bias is None else torch.cat([state, torch.ones_like(state[..., :1])], -1)


def _scales(model: PreTrainedModel) -> bool:
    # UMT5 has no switch of its own: where the head is tied, it scales
    tied = model.config.model_type == "umt5" and model.config.tie_word_embeddings
    return bool(tied or getattr(model.config, "scale_decoder_outputs", False))


def prompt_of(model: PreTrainedModel) -> tuple[int, ...]:
    """The decoder tokens after which a document id is written: the start token and, where generation forces one, the next.

    As Hugging Face trains BART and mBART they write ``<s>`` or a language first, and generation_config.json forces it.
    """
    start, forced = (_token(model, name) for name in ("decoder_start_token_id", "forced_bos_token_id"))
    if start is None:
        raise GenirError("expected decoder_start_token_id in the model's config.json, got none: set it as in training")
    return (start,) if forced is None else (start, forced)


def _token(model: PreTrainedModel, name: str) -> int | None:
    places = (model.config, getattr(model, "generation_config", None))
    return next((found for place in places if (found := getattr(place, name, None)) is not None), None)


def _at(whole: Any, path: str) -> Any:
    for name in path.split("."):
        whole = getattr(whole, name)
    return whole
