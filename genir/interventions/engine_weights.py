"""The weights of a T5 as the engine reads them, shared with the model.

Norm weights are not folded into matrices: a copy of all weights costs more than one multiplication of the
rows, and memory.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from transformers import T5ForConditionalGeneration

from genir.interventions.reference import attention
from genir.models.products import linear


class Mlp(NamedTuple):
    """An MLP's norm weight (d,) and matrices: ``up`` one (d_ff, d), or gate and linear part; ``down`` (d, d_ff)."""

    norm: Tensor
    up: tuple[Tensor, ...]
    down: Tensor


class Attention(NamedTuple):
    """An attention's norm weight (d,) and matrices: three (inner, d) and ``output`` (d, inner); inner = heads x d_kv."""

    norm: Tensor
    query: Tensor
    key: Tensor
    value: Tensor
    output: Tensor


class DecoderLayer(NamedTuple):
    """One decoder layer; over one position self-attention is one linear map, ``own_map`` (d, d) = output x value."""

    own: Attention
    own_map: Tensor
    cross: Attention
    mlp: Mlp


class EncoderLayer(NamedTuple):
    """One encoder layer."""

    own: Attention
    mlp: Mlp


class Weights(NamedTuple):
    """A T5: layers, embeddings (vocabulary, d), final norm weights (d,) and the relative positions of the encoder.

    ``final`` is the decoder's, times the scale of a tied T5; ``start`` (d,) is the embedding of the start
    token. ``dtype`` is that of the matrices, ``stream`` that of the residual stream: T5's reaches thousands,
    which bfloat16 would round to multiples of 16.
    """

    encoder: tuple[EncoderLayer, ...]
    decoder: tuple[DecoderLayer, ...]
    embeddings: Tensor
    positions: nn.Module
    encoder_final: Tensor
    start: Tensor
    final: Tensor
    unembedding: Tensor
    heads: int
    epsilon: float
    activation: str
    dtype: torch.dtype
    stream: torch.dtype


@torch.no_grad()
def weights_of(model: T5ForConditionalGeneration) -> Weights:
    """A model as the engine reads it; make it anew after training."""
    config = model.config
    stream = torch.promote_types(model.lm_head.weight.dtype, torch.float32)
    final = model.decoder.final_layer_norm.weight.detach().to(stream)
    return Weights(
        encoder=tuple(_encoder_layer(block, stream) for block in model.encoder.block),
        decoder=tuple(_decoder_layer(block, stream) for block in model.decoder.block),
        embeddings=model.encoder.embed_tokens.weight.detach(),
        positions=attention(model.encoder.block[0].layer[0]),
        encoder_final=model.encoder.final_layer_norm.weight.detach().to(stream),
        start=model.decoder.embed_tokens.weight[config.decoder_start_token_id].detach().to(stream),
        final=final * config.d_model**-0.5 if config.scale_decoder_outputs else final,
        unembedding=model.lm_head.weight.detach(),
        heads=config.num_heads,
        epsilon=config.layer_norm_epsilon,
        activation=config.dense_act_fn,
        dtype=model.lm_head.weight.dtype,
        stream=stream,
    )


def _encoder_layer(block: nn.Module, stream: torch.dtype) -> EncoderLayer:
    own, mlp = cast(nn.ModuleList, block.layer)
    return EncoderLayer(_attention(own, stream), _mlp(mlp, stream))


def _decoder_layer(block: nn.Module, stream: torch.dtype) -> DecoderLayer:
    own, cross, mlp = cast(nn.ModuleList, block.layer)
    first = _attention(own, stream)
    return DecoderLayer(first, _product(first.output, first.value), _attention(cross, stream), _mlp(mlp, stream))


def _attention(sublayer: nn.Module, stream: torch.dtype) -> Attention:
    module = attention(sublayer)
    return Attention(_norm(sublayer, stream), *(_matrix(module, name) for name in "qkvo"))


def _mlp(sublayer: nn.Module, stream: torch.dtype) -> Mlp:
    dense = cast(nn.Module, sublayer.DenseReluDense)
    up = tuple(_matrix(dense, name) for name in ("wi", "wi_0", "wi_1") if hasattr(dense, name))
    return Mlp(_norm(sublayer, stream), up, _matrix(dense, "wo"))


def _matrix(module: nn.Module, name: str) -> Tensor:
    return cast(nn.Linear, getattr(module, name)).weight.detach()


def _norm(sublayer: nn.Module, stream: torch.dtype) -> Tensor:
    return cast(nn.Linear, sublayer.layer_norm).weight.detach().to(stream)


def _product(left: Tensor, right: Tensor) -> Tensor:
    """``left @ right``, rounded once whatever the precision of the factors."""
    wide = torch.promote_types(left.dtype, torch.float32)
    return linear(left.to(wide), right.to(wide).T).to(left.dtype)
