"""T5 v1.0 in NumPy, one query at a time, from the paper's description: an oracle that shares no code with what it checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Place = tuple[str, int]
"""A component ("attention", "cross-attention", "MLP") and a decoder layer."""
HEADS = 2


def norm(x: Floats, weight: Floats) -> Floats:
    """Root mean square norm over the last axis."""
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6) * weight


def attend(weights: Mapping[str, Floats], at: str, asking: Floats, given: Floats, bias: Floats) -> Floats:
    """Attention of ``asking`` (queries, d) to ``given`` (keys, d), scores not scaled, as T5 does; bias (heads, queries, keys)."""
    heads = []
    for head in range(HEADS):
        mine = slice(4 * head, 4 * head + 4)
        q, k, v = (
            source @ weights[f"{at}.{part}.weight"][mine].T
            for part, source in (("q", asking), ("k", given), ("v", given))
        )
        scores = q @ k.T + bias[head]
        share = np.exp(scores - scores.max(1, keepdims=True))
        heads.append(share / share.sum(1, keepdims=True) @ v)
    return np.concatenate(heads, 1) @ weights[f"{at}.o.weight"].T


def mlp(weights: Mapping[str, Floats], at: str, x: Floats) -> Floats:
    """ReLU between two matrices."""
    hidden = np.maximum(x @ weights[f"{at}.DenseReluDense.wi.weight"].T, 0)
    return hidden @ weights[f"{at}.DenseReluDense.wo.weight"].T


def encode(weights: Mapping[str, Floats], ids: Sequence[int]) -> Floats:
    """The encoder's output, (length, d); lengths below 8, where each distance has a position bias of its own."""
    stream, place = weights["shared.weight"][list(ids)], np.arange(len(ids))
    ahead = place[None] - place[:, None]  # of the key, seen from the query
    table = weights["encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"]
    bias = table[np.abs(ahead) + 16 * (ahead > 0)].transpose(2, 0, 1)
    for layer in range(2):
        at = f"encoder.block.{layer}.layer"
        x = norm(stream, weights[f"{at}.0.layer_norm.weight"])
        stream = stream + attend(weights, f"{at}.0.SelfAttention", x, x, bias)
        stream = stream + mlp(weights, f"{at}.1", norm(stream, weights[f"{at}.1.layer_norm.weight"]))
    return norm(stream, weights["encoder.final_layer_norm.weight"])


def decode(
    weights: Mapping[str, Floats], encoded: Floats, patched: Mapping[Place, Floats] | None = None
) -> tuple[Floats, dict[Place, Floats]]:
    """Logits after the start token, (vocabulary,), and what each component added; ``patched`` ones add what they are told."""
    stream, added = weights["shared.weight"][[0]], {}
    for layer in range(4):
        at = f"decoder.block.{layer}.layer"
        for number, component in enumerate(("attention", "cross-attention", "MLP")):
            x = norm(stream, weights[f"{at}.{number}.layer_norm.weight"])
            if component == "attention":  # one position attends to itself, whatever the score
                out = attend(weights, f"{at}.0.SelfAttention", x, x, np.zeros((HEADS, 1, 1)))
            elif component == "cross-attention":
                out = attend(weights, f"{at}.1.EncDecAttention", x, encoded, np.zeros((HEADS, 1, len(encoded))))
            else:
                out = mlp(weights, f"{at}.2", x)
            place = component, layer
            added[place] = out[0] if patched is None or place not in patched else patched[place]
            stream = stream + added[place]
    state = norm(stream[0], weights["decoder.final_layer_norm.weight"]) / np.sqrt(8)
    return weights["shared.weight"] @ state, added
