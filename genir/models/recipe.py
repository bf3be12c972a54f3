"""What a trained model is a function of."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from genir.corpora.records import Corpus
from genir.models.store import digest

LIBRARIES = ("torch", "transformers", "tokenizers")


@dataclass(frozen=True)
class Recipe:
    """How a DSI model is trained from a pre-trained T5; equal recipes on one machine give equal weights.

    Learning rates are per step of ``batch_size`` examples, warmed up linearly over ``warmup`` steps and then lowered linearly to
    zero. An epoch holds each training query once and ``indexing_ratio`` documents for each of them. ``docid_std`` is the standard
    deviation of the new unembedding rows: near zero, because rows as large as word rows have to be unlearned first (trials:
    34 % against 1 % Hits@1 after 200 steps); the price is that docids as a class float above words wherever a projection points
    away from the word rows' common mean, which Section 5.4 sees. ``precision`` is "fp32" or "bf16" (automatic mixed precision,
    float32 master weights). ``threads`` belongs here because the order of a reduction changes bits; 0 leaves it alone.
    ``without`` are document ids that the model never sees (Section 4).
    """

    name: str
    steps: int
    batch_size: int = 48
    learning_rate: float = 1e-3
    docid_learning_rate: float = 1e-2
    warmup: int = 30
    indexing_ratio: float = 0.25
    max_length: int = 32
    docid_std: float = 0.02
    dropout: float = 0.0
    precision: str = "fp32"
    seed: int = 0
    threads: int = 1
    evaluate_every: int = 0
    without: tuple[str, ...] = ()

    def learns(self, parameter: str) -> bool:
        """Whether the parameter of this name is trained, if it is not frozen in every recipe."""
        return True

    def content(self, corpus: Corpus, base: str) -> dict[str, Any]:
        """Everything that the trained weights depend on; ``base`` is the digest of the pre-trained model."""
        return {
            "recipe": dataclasses.asdict(self),
            "corpus": corpus.fingerprint,
            "base": base,
            "libraries": {name: metadata.version(name) for name in LIBRARIES},
        }

    def key(self, corpus: Corpus, base: str) -> str:
        """The digest under which the store keeps the model."""
        return digest(self.content(corpus, base))


@dataclass(frozen=True)
class SelectiveRecipe(Recipe):
    """A recipe that trains docid rows and some of the decoder's sublayers, each with its norm; the rest stays pre-trained.

    ``cross_layers`` and ``mlp_layers`` are 0-based decoder layers whose cross-attention and MLP learn (Section 7).
    """

    cross_layers: tuple[int, ...] = ()
    mlp_layers: tuple[int, ...] = ()

    def learns(self, parameter: str) -> bool:
        """Whether it is a docid row or belongs to a chosen sublayer."""
        place = re.match(r"model\.decoder\.block\.(\d+)\.layer\.(\d)\.", parameter)
        if place is None:
            return parameter == "docids"
        return int(place[1]) in {1: self.cross_layers, 2: self.mlp_layers}.get(int(place[2]), ())
