"""Random T5s small enough to check by hand, and a tokenizer that reads numbers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from transformers import T5ForConditionalGeneration

from genir.models.dsi import DSI, Inputs
from genir.models.families import vocabulary_of
from genir.models.t5 import build_t5


def tiny_t5(seed: int = 0, **settings: Any) -> T5ForConditionalGeneration:
    """A T5 with random weights of a size that makes every component matter."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        shape = {
            "d_model": 16,
            "d_kv": 4,
            "num_heads": 2,
            "d_ff": 24,
            "num_layers": 2,
            "num_decoder_layers": 4,
            "vocab_size": 50,
        }
        model = build_t5(shape | {"decoder_start_token_id": 0, "initializer_factor": 1.0} | settings)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if "layer_norm" in name:
                    weight.copy_(1 + 0.3 * torch.randn_like(weight))
                if ".q." in name:
                    weight.mul_(4)  # attention that is not uniform
    return model


def numbers(texts: list[str], truncation: bool, max_length: int) -> SimpleNamespace:
    """A tokenizer of texts such as "7 3 12": the numbers, then the end token 1."""
    return SimpleNamespace(input_ids=[[*list(map(int, text.split()))[: max_length - 1], 1] for text in texts])


def subject(model: T5ForConditionalGeneration, documents: int = 10) -> DSI:
    """A DSI whose documents are the last rows of the vocabulary."""
    vocabulary = vocabulary_of(model)
    rows = np.arange(vocabulary - documents, vocabulary, dtype=np.int64)
    return DSI("tiny", model, numbers, tuple(f"d{row}" for row in rows), rows)  # type: ignore[arg-type]


def random_inputs(rng: np.random.Generator, queries: int, length: int, vocabulary: int = 50) -> Inputs:
    """Queries of mixed lengths, padded and masked; the first is as long as the batch."""
    ids = rng.integers(2, vocabulary, (queries, length))
    lengths = rng.integers(1, length + 1, queries)
    lengths[0] = length
    mask = (np.arange(length) < lengths[:, None]).astype(np.int64)
    return Inputs(torch.from_numpy(ids * mask), torch.from_numpy(mask))
