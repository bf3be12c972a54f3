"""Ranks over the whole vocabulary, in blocks that never hold queries x vocabulary."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genir.models.dsi import DSI, Protocol
from genir.models.families import unembedding_of

BLOCK = 8_192  # unembedding rows at a time: 64 queries of float32 logits take 2 MB


@torch.inference_mode()
def ranks(states: Tensor, unembedding: Tensor, rows: Tensor) -> Tensor:
    """1-based rank of row ``rows[i]`` for the state ``states[i]``: one more than the number of rows with a larger logit.

    ``states`` (queries, d), ``unembedding`` (vocabulary, d), ``rows`` (queries,) -> int64 (queries,). Words and document
    ids are ranked together (docs/protocol.md, "Setting"); a tie counts in favour of the row, and NaN ranks last.
    """
    own = torch.empty(len(states), 1, dtype=states.dtype, device=states.device)
    larger = torch.ones(len(states), dtype=torch.int64, device=states.device)
    blocks = range(0, len(unembedding), BLOCK)
    # The row's own logit is taken from the same product as its rivals': another summation order would rank it off by one.
    for start in blocks:
        inside = ((rows >= start) & (rows < start + BLOCK)).nonzero()[:, 0]
        if len(inside):
            logits = states @ unembedding[start : start + BLOCK].T
            own[inside, 0] = logits[inside, rows[inside] - start]
    for start in blocks:
        larger += (states @ unembedding[start : start + BLOCK].T > own).sum(1)
    return larger.masked_fill(own[:, 0].isnan(), len(unembedding))  # NaN is larger than nothing: it would win


@torch.inference_mode()
def top(states: Tensor, unembedding: Tensor, rows: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Of ``rows``, the ``k`` with the largest logits, and those logits, best first, both of shape (queries, k).

    ``states`` (queries, d), ``unembedding`` (vocabulary, d), ``rows`` (candidates,). Of rows that tie, the one that comes
    earlier in ``rows`` stands first.
    """
    logits = states.new_empty(len(states), 0)
    found = rows.new_empty(len(states), 0)
    for candidates in torch.split(rows, BLOCK):
        block = states @ unembedding[candidates].T
        # torch.topk would be faster, but leaves the order of ties open.
        logits, order = torch.cat([logits, block], 1).sort(dim=1, descending=True, stable=True)
        found = torch.cat([found, candidates.expand(len(states), -1)], 1).gather(1, order)[:, :k]
        logits = logits[:, :k]
    return found, logits


def gold_ranks(
    dsi: DSI,
    texts: Sequence[str],
    docids: Sequence[str],
    protocol: Protocol = Protocol.MASKED,
    length: int = 0,
    batch_size: int = 256,
) -> NDArray[np.int64]:
    """Rank of ``docids[i]`` for the query ``texts[i]``, 1-based over the whole vocabulary, shape (queries,)."""
    rows = torch.from_numpy(dsi.rows_of(docids)).to(dsi.device)
    found, unembedding = np.zeros(len(texts), dtype=np.int64), unembedding_of(dsi.model)
    for chosen, inputs in dsi.batches(texts, protocol, batch_size, length):
        found[chosen] = ranks(dsi.final_state(inputs), unembedding, rows[chosen]).cpu().numpy()
    return found
