"""Models of reference sizes with random weights, their queries, and the sweep that is timed."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from transformers import T5ForConditionalGeneration

from genir.interventions.circuit import table3
from genir.interventions.patch import MEAN, OTHER, ZERO, Intervention
from genir.interventions.sites import published_stages
from genir.models.dsi import Inputs
from genir.models.t5 import build_t5

WORDS, DOCUMENTS = 8_000, 2_000
SIZES = {
    "T": {"d_model": 128, "d_kv": 32, "num_heads": 4, "d_ff": 512, "num_layers": 2, "num_decoder_layers": 6},
    "A": {"d_model": 256, "d_kv": 32, "num_heads": 8, "d_ff": 1_024, "num_layers": 6, "num_decoder_layers": 12},
    "C": {"d_model": 512, "d_kv": 64, "num_heads": 8, "d_ff": 2_048, "num_layers": 6, "num_decoder_layers": 12},
}
SMALL = {  # flan-t5-small, as a DSI over 10,000 documents
    "d_model": 512,
    "d_kv": 64,
    "num_heads": 6,
    "d_ff": 1_024,
    "num_layers": 8,
    "num_decoder_layers": 8,
    "feed_forward_proj": "gated-gelu",
    "tie_word_embeddings": False,
}


class Subject(NamedTuple):
    """What a way of patching is given: one padded and masked batch, and the interventions."""

    model: T5ForConditionalGeneration
    base: T5ForConditionalGeneration | None
    inputs: Inputs
    gold: np.ndarray
    interventions: list[Intervention]

    @property
    def batches(self) -> list[tuple[np.ndarray, Inputs]]:
        """The queries in batches of at most 64, in order of length."""
        order = np.argsort(self.inputs.mask.sum(1).numpy(), kind="stable")
        parts = np.split(order, range(64, len(order), 64))
        width = [int(self.inputs.mask[part].sum(1).max()) for part in parts]
        return [
            (part, Inputs(self.inputs.ids[part, :length], self.inputs.mask[part, :length]))
            for part, length in zip(parts, width, strict=True)
        ]


def random_model(seed: int, vocabulary: int, **shape: int | str | bool) -> T5ForConditionalGeneration:
    """A T5 with random weights that the global generator does not see."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_t5({**shape, "vocab_size": vocabulary, "decoder_start_token_id": 0})


def queries(lengths: np.ndarray, vocabulary: int, rng: np.random.Generator) -> Inputs:
    """Random queries of these lengths, padded to the longest and masked."""
    mask = (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)
    return Inputs(torch.from_numpy(rng.integers(2, vocabulary, mask.shape) * mask), torch.from_numpy(mask))


@lru_cache(maxsize=1)
def table_3_subject(size: str) -> Subject:
    """The Table 3 sweep of a reference size: 64 queries of up to 16 tokens, 18 interventions, 2,000 documents."""
    rng = np.random.default_rng(0)
    model = random_model(0, WORDS + DOCUMENTS, **SIZES[size])
    plans = list(table3(published_stages(model.config.num_decoder_layers), (ZERO, MEAN)).values())
    gold = rng.integers(WORDS, WORDS + DOCUMENTS, 64)
    lengths = np.minimum(rng.integers(6, 32, 64), 16)  # two in five are shorter than the longest
    return Subject(model, None, queries(lengths, WORDS, rng), gold, plans)


@lru_cache(maxsize=1)
def small_subject(count: int = 500) -> Subject:
    """All 27 cells of Table 3 on a model of flan-t5-small's shape with 10,000 documents; lengths as of questions."""
    rng = np.random.default_rng(0)
    model, base = random_model(0, 42_128, **SMALL), random_model(1, 32_128, **SMALL)
    plans = list(table3(published_stages(8), (ZERO, MEAN, OTHER)).values())
    lengths = np.clip(rng.poisson(11, count), 4, 32)
    return Subject(model, base, queries(lengths, 32_000, rng), rng.integers(32_128, 42_128, count), plans)
