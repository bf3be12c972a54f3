"""A T5 decoder for one position: norm weights folded into the matrices that follow, one matrix for attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import T5ForConditionalGeneration

from genir.interventions.reference import attention


class LayerWeights(NamedTuple):
    """One decoder layer; matrices are (out, in), ``inner`` = heads x d_kv.

    Over one position attention is one linear map, ``attention`` (d, d) = output x value. ``value`` (inner, d)
    and ``output`` (d, inner) are the same map in two steps, for single heads. ``key_value`` (2 inner, d)
    reads the encoder. ``up`` is one matrix (d_ff, d), or gate and linear part; ``down`` (d, d_ff).
    """

    attention: Tensor
    value: Tensor
    output: Tensor
    query: Tensor
    key_value: Tensor
    cross_output: Tensor
    up: tuple[Tensor, ...]
    down: Tensor


class DecoderWeights(NamedTuple):
    """The decoder's layers, the embedding (d,) of its start token, and what reads its output.

    ``final`` (d,) is the final norm's weight times the scale of tied T5; ``unembedding`` (vocabulary, d).
    """

    layers: tuple[LayerWeights, ...]
    embedding: Tensor
    final: Tensor
    unembedding: Tensor
    heads: int
    epsilon: float
    activation: str

    @property
    def stream_dtype(self) -> torch.dtype:
        """Precision of the residual stream: T5's reaches thousands, which bfloat16 would round to multiples of 16."""
        return torch.float64 if self.unembedding.dtype == torch.float64 else torch.float32


@torch.no_grad()
def fold(model: T5ForConditionalGeneration) -> DecoderWeights:
    """Fold a decoder for one position; the unembedding and matrices without a norm before them are shared, not copied."""
    config = model.config
    final = model.decoder.final_layer_norm.weight.detach()
    return DecoderWeights(
        layers=tuple(_layer(block) for block in model.decoder.block),
        embedding=model.decoder.embed_tokens.weight[config.decoder_start_token_id].detach(),
        final=final * config.d_model**-0.5 if config.scale_decoder_outputs else final,
        unembedding=model.lm_head.weight.detach(),
        heads=config.num_heads,
        epsilon=config.layer_norm_epsilon,
        activation=config.dense_act_fn,
    )


def _layer(block: nn.Module) -> LayerWeights:
    own, cross, mlp = cast(nn.ModuleList, block.layer)
    self_attention, cross_attention, dense = attention(own), attention(cross), cast(nn.Module, mlp.DenseReluDense)
    value, output = folded(self_attention, "v", own), matrix(self_attention, "o")
    return LayerWeights(
        attention=_product(output, value),
        value=value,
        output=output,
        query=folded(cross_attention, "q", cross),
        key_value=torch.cat([matrix(cross_attention, "k"), matrix(cross_attention, "v")]),
        cross_output=matrix(cross_attention, "o"),
        up=tuple(folded(dense, name, mlp) for name in ("wi", "wi_0", "wi_1") if hasattr(dense, name)),
        down=matrix(dense, "wo"),
    )


def matrix(module: nn.Module, name: str) -> Tensor:
    """The weight (out, in) of a linear map in ``module``, shared."""
    return cast(nn.Linear, getattr(module, name)).weight.detach()


def folded(module: nn.Module, name: str, sublayer: nn.Module) -> Tensor:
    """The same weight with that of the norm before it folded in."""
    return matrix(module, name) * cast(nn.Linear, sublayer.layer_norm).weight.detach()


def _product(left: Tensor, right: Tensor) -> Tensor:
    """``left @ right`` rounded once, whatever the precision of the factors."""
    if left.dtype in (torch.float32, torch.float64):
        return left @ right
    return (left.float() @ right.float()).to(left.dtype)


def _onednn(x: Tensor, weight: Tensor, activation: str) -> Tensor:
    name, algorithm = {"none": ("none", ""), "relu": ("relu", ""), "gelu_new": ("gelu", "tanh")}[activation]
    return cast(Tensor, torch.ops.mkldnn._linear_pointwise(x, weight, None, name, [], algorithm))


def has_onednn() -> bool:
    """Whether oneDNN's linear map with a fused activation is there: an operator that torch.compile uses, not a public one."""
    return torch._C._has_mkldnn and hasattr(torch.ops.mkldnn, "_linear_pointwise")


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda x: x,
    "relu": torch.relu_,
    "gelu_new": lambda x: F.gelu(x, approximate="tanh"),
    "gelu": F.gelu,
    "silu": F.silu,
}
FUSED = ("none", "relu", "gelu_new")
ONEDNN = has_onednn()


def linear(x: Tensor, weight: Tensor, activation: str = "none") -> Tensor:
    """``activation(x @ weight.T)`` for rows ``x`` (rows, in) and ``weight`` (out, in) of one precision.

    On CPU oneDNN reaches twice the speed of the BLAS behind ``F.linear`` on processors of another maker than
    the BLAS, and writes the activation in the same pass.
    """
    if ONEDNN and x.dtype is torch.float32 and activation in FUSED and x.device.type == "cpu":
        return _onednn(x, weight, activation)
    return ACTIVATIONS[activation](F.linear(x, weight))
