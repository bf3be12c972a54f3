"""Models that write document ids token by token: one whose every probability can be computed by hand, and random ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from transformers import PreTrainedModel

from genir.models.dsi import DSI
from genir.models.sequences import Code, SequenceDSI
from genir.models.t5 import build_t5
from tests.interventions.tiny import numbers

HAND: Mapping[str, Code] = {"aa": (5, 7), "ab": (5, 8), "ba": (6, 7), "bb": (6, 8), "c": (9,)}
WIDTH = 16
HEARD = 0.5 / np.sqrt(1 / WIDTH + 1e-6)  # half of the attention, on a normed embedding: about 2
FIRST, SECOND = 10, 11  # dimensions that cross-attention writes for a query of token 3 and of token 4


def sequence_dsi(model: PreTrainedModel, codes: Mapping[str, Code]) -> SequenceDSI:
    """A model whose queries are written as numbers."""
    return SequenceDSI(DSI("tiny", model, numbers, (), np.array([], np.int64)), codes)  # type: ignore[arg-type]


def by_hand() -> SequenceDSI:
    """A bigram model that hears the query through one cross-attention.

    Each token's embedding is a dimension of its own. Cross-attention adds about 2 in dimension 10 or 11, which depends on the query.
    The unembedding reads both: the token before says 6 and then 8, the query says 5 and then 7, or 6 and then 8, louder.
    """
    model = build_t5(
        {
            "d_model": WIDTH, "d_kv": WIDTH, "num_heads": 1, "d_ff": 4, "num_layers": 1, "num_decoder_layers": 3,
            "vocab_size": WIDTH, "decoder_start_token_id": 0, "tie_word_embeddings": False,
        }
    )  # fmt: skip
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.fill_(1.0 if "layer_norm" in name else 0.0)
        model.shared.weight.copy_(torch.eye(WIDTH))
        cross = model.decoder.block[1].layer[1].EncDecAttention
        cross.v.weight[FIRST, 3] = cross.v.weight[SECOND, 4] = 1.0
        cross.o.weight.copy_(torch.eye(WIDTH))
        model.lm_head.weight.copy_(unembedding())
    return sequence_dsi(model.double(), HAND)


def unembedding() -> torch.Tensor:
    """Logits of the next token by what is in the stream."""
    found = torch.zeros(WIDTH, WIDTH)
    found[6, 0], found[9, 0] = 0.5, 0.2  # after the start token
    found[8, 5] = found[8, 6] = 0.6
    found[[5, 7], FIRST] = 1.0
    found[[6, 8], SECOND] = 1.0
    return found


def log_probability(code: Code, query: int, heard: tuple[bool, ...]) -> float:
    """What the model by hand gives a document id for a query of one token; ``heard`` says where cross-attention speaks."""
    total, before = 0.0, 0
    for position, token in enumerate(code):
        stream = np.zeros(WIDTH)
        stream[before] = 1
        stream[FIRST if query == 3 else SECOND] = HEARD if heard[position] else 0
        logits = unembedding().numpy().astype(float) @ (stream / np.sqrt((stream**2).mean() + 1e-6))
        total += logits[token] - np.log(np.exp(logits).sum())
        before = token
    return float(total)


def random_codes(rng: np.random.Generator, documents: int = 12, longest: int = 3) -> dict[str, Code]:
    """Ids of mixed lengths over few tokens, so that many share a beginning; each ends with token 1."""
    found: set[Code] = set()
    while len(found) < documents:
        found.add((*rng.integers(30, 34, rng.integers(1, longest + 1)).tolist(), 1))
    return {f"d{number}": code for number, code in enumerate(sorted(found))}
