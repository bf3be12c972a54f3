"""Which tokens cross-attention heads promote: docids among them (Table 5), and the words themselves (Table 6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genir.interventions.reference import capture, encode
from genir.interventions.sites import CROSS, Site
from genir.models.dsi import DSI, Protocol
from genir.readouts.lens import BLOCK, lens, split

DEPTHS = (10, 100, 1_000)  # of the ranking in which Table 5 counts docids
WORDS = 10  # tokens kept of each head, as many as Table 6 prints


class Words(NamedTuple):
    """What each cross-attention head of some layers promotes, by the logit lens on its output.

    ``docids`` (queries, layers, heads, 3) counts docids among the 10, 100 and 1,000 tokens that a head promotes most;
    ``shifted`` the same after the class offset is removed: the mean docid row is taken from docid rows and the mean word row
    from word rows, so that only what tells a docid from other docids is left. ``summed`` (queries, layers, 3) reads the sum of
    the heads. ``promoted`` (queries, layers, heads, 10) are the words, docids left out, that a head promotes most, as rows.
    """

    docids: NDArray[np.int32]
    shifted: NDArray[np.int32]
    summed: NDArray[np.int32]
    promoted: NDArray[np.int32]


def head_outputs(
    dsi: DSI,
    texts: Sequence[str],
    places: Sequence[Site],
    protocol: Protocol = Protocol.MASKED,
    batch_size: int = BLOCK,
) -> Iterator[tuple[NDArray[np.int64], Tensor]]:
    """What the heads at ``places`` add to the stream, (batch, places, d), with the positions of the batch's texts."""
    for chosen, inputs in dsi.batches(texts, protocol, batch_size):
        found = capture(dsi.model, encode(dsi.model, inputs), inputs.mask, places)
        yield chosen, torch.stack([found[site] for site in places], 1)


@torch.no_grad()
def promoted_words(
    dsi: DSI, texts: Sequence[str], layers: Iterable[int], protocol: Protocol = Protocol.MASKED
) -> Words:
    """What each cross-attention head of ``layers`` promotes for each text."""
    chosen_layers, heads = list(layers), dsi.model.config.num_heads
    places = [Site(CROSS, layer, head) for layer, head in product(chosen_layers, range(heads))]
    shape = len(texts), len(chosen_layers), heads
    found = Words(
        docids=np.zeros((*shape, len(DEPTHS)), np.int32),
        shifted=np.zeros((*shape, len(DEPTHS)), np.int32),
        summed=np.zeros((*shape[:2], len(DEPTHS)), np.int32),
        promoted=np.zeros((*shape, WORDS), np.int32),
    )
    for chosen, outputs in head_outputs(dsi, texts, places, protocol):
        by_layer = outputs.view(len(chosen), *shape[1:], -1)
        for number in range(len(chosen_layers)):
            found.summed[chosen, number] = docids_in_top(dsi, by_layer[:, number].sum(1))[0]
            for head in range(heads):
                state = by_layer[:, number, head]
                cell = chosen, number, head
                found.docids[cell], found.shifted[cell] = docids_in_top(dsi, state)
                found.promoted[cell] = top_words(dsi, state)
    return found


@torch.no_grad()
def docids_in_top(dsi: DSI, states: Tensor) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Docids among the first 10, 100, 1,000 tokens of each state, (states, 3): as they are, and without the class offset."""
    logits = (lens(dsi, states) @ dsi.model.lm_head.weight.T).float().cpu().numpy()
    parts = split(dsi, logits)
    offset = parts.words.mean(1) - parts.docids.mean(1)
    counts = (
        np.stack([(ranks <= depth).sum(1) for depth in DEPTHS], 1)
        for ranks in (parts.docid_ranks(), parts.docid_ranks(offset))
    )
    plain, shifted = counts
    return plain, shifted


@torch.no_grad()
def top_words(dsi: DSI, states: Tensor) -> NDArray[np.int64]:
    """The rows of the words, docids left out, with the largest logits of each state, best first, (states, 10)."""
    logits = lens(dsi, states) @ dsi.model.lm_head.weight.T
    logits[:, torch.from_numpy(dsi.rows)] = -torch.inf
    best: NDArray[np.int64] = logits.topk(WORDS, 1).indices.cpu().numpy()
    return best


def spelled(dsi: DSI, rows: Iterable[int]) -> list[str]:
    """Tokens as people write them."""
    tokens: list[str] = dsi.tokenizer.convert_ids_to_tokens([int(row) for row in rows])
    return [token.replace("▁", " ").strip() or token for token in tokens]
