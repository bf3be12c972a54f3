"""What a peer is given and what it gives back; runs in the peer's own environment, where genir is not."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from transformers import T5ForConditionalGeneration

Place = tuple[str, int]
"""A component ("attention", "cross-attention" or "MLP") and a decoder layer."""
Means = dict[Place, torch.Tensor]


class Subject(NamedTuple):
    """A model, padded queries, the rank's vocabulary row for each, and per intervention what replaces which places."""

    model: T5ForConditionalGeneration
    ids: torch.Tensor
    mask: torch.Tensor
    gold: torch.Tensor
    plans: list[dict[Place, str]]

    @property
    def start(self) -> torch.Tensor:
        """The decoder's input: one start token for each query."""
        return torch.full((len(self.ids), 1), self.model.config.decoder_start_token_id)

    @property
    def places(self) -> list[Place]:
        """Every component of every decoder layer, in the order in which they write."""
        layers = range(self.model.config.num_decoder_layers)
        return [(part, layer) for layer in layers for part in ("attention", "cross-attention", "MLP")]

    def ranks(self, logits: torch.Tensor) -> torch.Tensor:
        """1-based rank of each query's row among its logits (queries, vocabulary)."""
        return 1 + (logits > logits.gather(1, self.gold[:, None])).sum(1)


def main(prepare: Callable[[Subject], object], way: Callable[[Subject, object], list[torch.Tensor]]) -> None:
    """Time ``way(subject, prepare(subject))``; arguments: the subject's folder, rounds. Preparing is not timed.

    Writes ranks (interventions, queries) to ``ranks.npy`` in the folder and prints the rounds' processor time.
    """
    folder, rounds = Path(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    model = T5ForConditionalGeneration.from_pretrained(folder).eval()
    arrays = np.load(folder / "queries.npz")
    plans = [
        {(part, layer): kind for part, layer, kind in plan} for plan in json.loads((folder / "plans.json").read_text())
    ]
    subject = Subject(model, *(torch.from_numpy(arrays[name]) for name in ("ids", "mask", "gold")), plans)
    prepared = prepare(subject)
    took = []
    with torch.no_grad():
        for _ in range(rounds):
            begin = time.process_time()
            ranks = way(subject, prepared)
            took.append(time.process_time() - begin)
    np.save(folder / "ranks.npy", torch.stack(ranks).numpy())
    print(json.dumps(took))
