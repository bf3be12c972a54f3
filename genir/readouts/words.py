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
from genir.models.families import heads_of
from genir.readouts.lens import BLOCK, logits_of, split

DEPTHS = (10, 100, 1_000)  # of the ranking in which Table 5 counts docids
WORDS = 10  # tokens kept of each head, as many as Table 6 prints


class Words(NamedTuple):
    """What each cross-attention head of some layers promotes, by the logit lens on its output.

    ``docids`` (queries, layers, heads, 3) counts docids among the 10, 100 and 1,000 tokens that a head promotes most;
    ``shifted`` the same after the class offset is removed: the mean docid row is taken from docid rows and the mean word row
    from word rows, so that only what tells a docid from other docids is left. ``summed`` (queries, layers, 3) reads the sum of
    the heads. ``promoted`` (queries, layers, heads, 10) are the words, docids left out, that a head promotes most, as rows.
    ``relevant`` (queries, layers, heads) is the rank of the followed document, 1-based over words and docids.
    """

    docids: NDArray[np.int32]
    shifted: NDArray[np.int32]
    summed: NDArray[np.int32]
    promoted: NDArray[np.int32]
    relevant: NDArray[np.int32]


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
    dsi: DSI,
    texts: Sequence[str],
    rows: NDArray[np.int64],
    layers: Iterable[int],
    protocol: Protocol = Protocol.MASKED,
) -> Words:
    """What each cross-attention head of ``layers`` promotes; ``rows`` (queries,) are those of the followed documents."""
    chosen_layers, heads = list(layers), heads_of(dsi.model)
    places = [Site(CROSS, layer, head) for layer, head in product(chosen_layers, range(heads))]
    shape = len(texts), len(chosen_layers), heads
    found = Words(
        docids=np.zeros((*shape, len(DEPTHS)), np.int32),
        shifted=np.zeros((*shape, len(DEPTHS)), np.int32),
        summed=np.zeros((*shape[:2], len(DEPTHS)), np.int32),
        promoted=np.zeros((*shape, WORDS), np.int32),
        relevant=np.zeros(shape, np.int32),
    )
    for chosen, outputs in head_outputs(dsi, texts, places, protocol):
        by_layer = outputs.view(len(chosen), *shape[1:], -1)
        for number in range(len(chosen_layers)):
            found.summed[chosen, number] = docids_in_top(dsi, logits_of(dsi, by_layer[:, number].sum(1)))[0]
            for head in range(heads):
                logits, cell = logits_of(dsi, by_layer[:, number, head]), (chosen, number, head)
                own = np.take_along_axis(logits, rows[chosen, None], 1)
                found.relevant[cell] = (logits > own).sum(1) + 1
                found.docids[cell], found.shifted[cell] = docids_in_top(dsi, logits)
                found.promoted[cell] = top_words(dsi, logits)
    return found


def docids_in_top(dsi: DSI, logits: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Docids among the first 10, 100, 1,000 tokens, (states, 3): by the logits as they are, and without the class offset."""
    parts = split(dsi, logits)
    offset = parts.words.mean(1) - parts.docids.mean(1)
    plain, shifted = (
        np.stack([(ranks <= depth).sum(1) for depth in DEPTHS], 1)
        for ranks in (parts.docid_ranks(), parts.docid_ranks(offset))
    )
    return plain, shifted


def top_words(dsi: DSI, logits: NDArray[np.floating]) -> NDArray[np.int64]:
    """The rows of the words, docids left out, with the largest logits, best first, (states, 10)."""
    words = torch.from_numpy(logits).index_fill(1, torch.from_numpy(dsi.rows), -torch.inf)
    best: NDArray[np.int64] = words.topk(WORDS, 1).indices.numpy()
    return best


def spelled(dsi: DSI, rows: Iterable[int]) -> list[str]:
    """Tokens as people write them."""
    numbers = [int(row) for row in rows]
    tokens: list[str | None] = dsi.tokenizer.convert_ids_to_tokens(numbers)
    # T5 has 28 rows beyond its tokenizer, which nothing spells.
    known = [f"<row {row}>" if token is None else token for row, token in zip(numbers, tokens, strict=True)]
    return [token.replace("▁", " ").strip() or token for token in known]
