"""Ranks of one vocabulary row for many states: larger logits counted in blocks that stay in the cache."""

from __future__ import annotations

import torch
from torch import Tensor

from genir.interventions.engine_layers import normed
from genir.interventions.engine_weights import Weights
from genir.models.products import linear

VOCABULARY = {"cpu": 512, "cuda": 16_384}
ROWS = {"cpu": 1_200, "cuda": 8_192}


def count_larger(rows: Tensor, gold: Tensor, weights: Weights) -> Tensor:
    """1-based rank of row ``gold[i]`` for each of query ``i``'s final streams: one more than the larger logits there are.

    ``rows`` (queries, interventions, d) before the final norm, ``gold`` (queries,) -> (queries,
    interventions). The row's own logit comes from the same product as its rivals', so that equal rows tie
    exactly and a tie counts in its favour.
    """
    queries, interventions, _ = rows.shape
    size, step = ROWS[rows.device.type], VOCABULARY[rows.device.type]
    states = normed(rows, weights.final, weights)
    gold = gold.repeat_interleave(interventions)
    own = states.new_empty(len(states), 1)
    larger = torch.zeros(len(states), dtype=torch.float32, device=rows.device)
    blocks = []
    for start in range(0, len(weights.unembedding), step):
        block = weights.unembedding[start : start + step]
        inside = ((gold >= start) & (gold < start + len(block))).nonzero()[:, 0]
        for some in torch.split(inside, size) if len(inside) else ():
            logits = linear(states[some], block)
            own[some] = logits.gather(1, (gold[some] - start)[:, None])
        parts = torch.searchsorted(inside, torch.arange(0, len(states) + size, size, device=rows.device)).tolist()
        blocks.append((start, block, inside, parts))
    for start, block, inside, parts in blocks:
        for number, first in enumerate(range(0, len(states), size)):
            mine = slice(first, first + size)
            logits = linear(states[mine], block).gt_(own[mine])
            # A product of other rows may round otherwise: a row is never larger than itself.
            if parts[number] < parts[number + 1]:
                some = inside[parts[number] : parts[number + 1]]
                logits[some - first, gold[some] - start] = 0
            larger[mine] += logits.sum(1, dtype=torch.float32)
    return larger.long().add_(1).view(queries, interventions)
