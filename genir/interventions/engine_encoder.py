"""T5's encoder on queries of mixed lengths: few at a time, so that they stay in the cache, and cut to the longest."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from transformers import T5ForConditionalGeneration

from genir.interventions.engine_layers import mlp, root_mean_square
from genir.interventions.engine_weights import folded, linear, matrix
from genir.interventions.reference import attention
from genir.models.dsi import Inputs

ROWS = {"cpu": 512, "cuda": 65_536}
"""Tokens at a time."""


class EncoderLayer(NamedTuple):
    """One encoder layer, norm weights folded in: ``qkv`` (3 inner, d), ``output`` (d, inner), and the MLP's matrices."""

    qkv: Tensor
    output: Tensor
    up: tuple[Tensor, ...]
    down: Tensor


class EncoderWeights(NamedTuple):
    """The encoder's layers, its embeddings (vocabulary, d), final norm weight (d,) and relative position module."""

    layers: tuple[EncoderLayer, ...]
    embeddings: Tensor
    final: Tensor
    positions: nn.Module
    heads: int
    epsilon: float
    activation: str


@torch.no_grad()
def fold_encoder(model: T5ForConditionalGeneration) -> EncoderWeights:
    """Fold an encoder's norm weights into the matrices that follow."""
    layers = []
    for block in model.encoder.block:
        own, dense = block.layer
        module, mlp_module = attention(own), cast(nn.Module, dense.DenseReluDense)
        layers.append(
            EncoderLayer(
                qkv=torch.cat([folded(module, name, own) for name in "qkv"]),
                output=matrix(module, "o"),
                up=tuple(
                    folded(mlp_module, name, dense) for name in ("wi", "wi_0", "wi_1") if hasattr(mlp_module, name)
                ),
                down=matrix(mlp_module, "wo"),
            )
        )
    return EncoderWeights(
        layers=tuple(layers),
        embeddings=model.encoder.embed_tokens.weight.detach(),
        final=model.encoder.final_layer_norm.weight.detach(),
        positions=attention(model.encoder.block[0].layer[0]),
        heads=model.config.num_heads,
        epsilon=model.config.layer_norm_epsilon,
        activation=model.config.dense_act_fn,
    )


def encode_few(weights: EncoderWeights, inputs: Inputs) -> Tensor:
    """The normed output of the encoder, (queries, length, d); a key is attended where ``inputs.mask`` is not zero."""
    queries, length = inputs.ids.shape
    dtype = weights.embeddings.dtype
    stream = weights.embeddings[inputs.ids.reshape(-1)].to(torch.promote_types(dtype, torch.float32))
    bias = cast(Tensor, weights.positions.compute_bias(length, length))  # type: ignore[operator]
    hidden = inputs.mask == 0
    if hidden.any():
        bias = bias.masked_fill(hidden[:, None, None], float("-inf"))
    bias = bias.expand(queries, -1, length, -1).reshape(queries * weights.heads, length, length)
    for layer in weights.layers:
        x = (stream * root_mean_square(stream, weights.epsilon)).to(dtype)
        qkv = linear(x, layer.qkv).view(queries, length, 3, weights.heads, -1).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.reshape(3, queries * weights.heads, length, -1)
        mixed = torch.bmm(torch.softmax(torch.baddbmm(bias, q, k.transpose(1, 2)), -1), v)
        mixed = mixed.view(queries, weights.heads, length, -1).transpose(1, 2).reshape(queries * length, -1)
        stream += linear(mixed, layer.output)
        x = (stream * root_mean_square(stream, weights.epsilon)).to(dtype)
        stream += mlp(x, layer.up, layer.down, weights.activation)
    out = stream.mul_(root_mean_square(stream, weights.epsilon)).to(dtype) * weights.final
    return out.view(queries, length, -1)


def encode_all(weights: EncoderWeights, inputs: Inputs, lengths: list[int]) -> Tensor:
    """As ``encode_few`` for any number of queries; positions beyond a query's few companions are zero.

    ``lengths`` are the positions each query needs; queries of similar length stand side by side, or time is
    lost.
    """
    longest = max(lengths)
    size = max(1, ROWS[inputs.ids.device.type] // longest)
    states = weights.embeddings.new_zeros(len(lengths), longest, weights.embeddings.shape[1])
    for start in range(0, len(lengths), size):
        mine, upto = slice(start, start + size), max(lengths[start : start + size])
        states[mine, :upto] = encode_few(weights, Inputs(inputs.ids[mine, :upto], inputs.mask[mine, :upto]))
    return states
