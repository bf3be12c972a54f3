"""The logit lens: what a part of the residual stream would answer (Section 5.2, Fig. 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genir.errors import GenirError
from genir.interventions.sites import Component, Site, every_site
from genir.models.dsi import DSI
from genir.models.families import family_of, part, read, unembedding_of
from genir.models.ranking import ranks
from genir.readouts.writes import PARTS, Writes

BLOCK = 64  # states at a time: at 32,700 rows their logits take 8 MB
TOP = 100  # tokens of which documents are counted

STREAM = 0
"""The position of the stream among ``Lens``'s sources; that of a component is ``1 + list(Component).index(component)``."""


class Lens(NamedTuple):
    """Ranks that the logit lens gives, 1-based over words and docids; arrays are (queries, 4 sources, layers).

    The sources are the stream that leaves the layer, then attention, cross-attention and MLP alone. ``relevant`` is the rank
    of the followed document; ``docids_mean``, ``docids_median``, ``words_mean``, ``words_median`` are over all docids and over
    all other tokens; ``docids_in_top`` counts docids among the first 100 tokens.
    """

    relevant: NDArray[np.int64]
    docids_mean: NDArray[np.float64]
    docids_median: NDArray[np.float64]
    words_mean: NDArray[np.float64]
    words_median: NDArray[np.float64]
    docids_in_top: NDArray[np.int64]


class Sorted(NamedTuple):
    """Logits (states, ·) in ascending order, docids and words apart; ranks over both follow from them."""

    docids: NDArray[np.floating]
    words: NDArray[np.floating]

    def docid_ranks(self, shift: float | NDArray[np.floating] = 0.0) -> NDArray[np.int64]:
        """Ranks of all docids, (states, docids), as if ``shift`` had been added to their logits.

        Docids of equal logit share no rank: each takes a place of its own, as in a sorted list.
        """
        shifts = np.broadcast_to(shift, len(self.docids))
        larger = np.stack(
            [
                self.words.shape[1] - np.searchsorted(words, docids + by, side="right")
                for words, docids, by in zip(self.words, self.docids, shifts, strict=True)
            ]
        )
        return 1 + larger + np.arange(self.docids.shape[1])[::-1]


@torch.no_grad()
def lens(dsi: DSI, states: Tensor) -> Tensor:
    """What the unembedding reads of each state: the final norm with its weight and, where the model does, times d^-1/2.

    ``states`` (..., d) -> (..., d). Multiplied with the unembedding, the stream that leaves the decoder gives the model's logits.
    """
    norm = family_of(dsi.model).final_norm
    if norm is None:
        raise GenirError(
            f"expected a model with a final norm for the logit lens, {dsi.name} has none: use a pre-norm one"
        )
    return read(dsi.model, part(dsi.model, norm)(states))


@torch.no_grad()
def lens_ranks(dsi: DSI, written: Writes, rows: NDArray[np.int64]) -> Lens:
    """Ranks by the logit lens on the stream and on each component, layer by layer.

    ``rows`` (queries,) are the unembedding rows of the followed documents (``dsi.rows_of``).
    """
    sources = [written.stream[:, 1:], *(written.of(part) for part in PARTS)]
    shape = len(rows), len(sources), written.layers
    found = [np.zeros(shape, dtype) for dtype in (np.int64, *[np.float64] * 4, np.int64)]
    for number, source in enumerate(sources):
        for layer in range(written.layers):
            for array, values in zip(found, state_ranks(dsi, source[:, layer], rows), strict=True):
                array[:, number, layer] = values
    return Lens(*found)


@torch.no_grad()
def state_ranks(dsi: DSI, states: Tensor, rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], ...]:
    """The six figures of ``Lens`` for one state (queries, d) of each query, each of shape (queries,)."""
    parts = []
    for start in range(0, len(states), BLOCK):
        chosen = rows[start : start + BLOCK]
        logits = logits_of(dsi, states[start : start + BLOCK])
        own = np.take_along_axis(logits, chosen[:, None], 1)
        parts.append(((logits > own).sum(1) + 1, *summary(split(dsi, logits))))
    return tuple(np.concatenate(values) for values in zip(*parts, strict=True))


@torch.no_grad()
def logits_of(dsi: DSI, states: Tensor) -> NDArray[np.float32]:
    """Logits by the lens, (states, vocabulary), in host memory: sorting is faster there than in torch."""
    logits: NDArray[np.float32] = (lens(dsi, states) @ unembedding_of(dsi.model).T).float().cpu().numpy()
    return logits


def split(dsi: DSI, logits: NDArray[np.floating]) -> Sorted:
    """Logits of docids and of all other tokens, sorted."""
    words = np.delete(logits, dsi.rows, axis=1)
    words.sort(axis=1)
    return Sorted(np.sort(logits[:, dsi.rows], axis=1), words)


def summary(logits: Sorted) -> tuple[NDArray[np.float64], ...]:
    """Mean and median rank of docids, mean and median rank of words, docids in the top: each (states,).

    All ranks of the vocabulary add up to V (V + 1) / 2, which leaves the words' mean without ranking them.
    """
    docids, words = logits.docids.shape[1], logits.words.shape[1]
    found = logits.docid_ranks()
    mean = found.mean(1)
    total = (docids + words) * (docids + words + 1) / 2
    middle = sorted({(words - 1) // 2, words // 2})
    word_ranks = [
        1
        + (words - 1 - place)
        + np.array(
            [
                docids - np.searchsorted(mine, value, side="right")
                for mine, value in zip(logits.docids, logits.words[:, place], strict=True)
            ]
        )
        for place in middle
    ]
    return (
        mean,
        np.median(found, axis=1),
        (total - docids * mean) / words,
        np.mean(word_ranks, axis=0),
        (found <= TOP).sum(1),
    )


class Alone(NamedTuple):
    """Ranks of the followed document, (queries,), by logits of the sum of one component's outputs over all layers.

    ``with_start`` holds the same with the start token's embedding added; the paper does not say whether it counts.
    """

    mlp: NDArray[np.int64]
    mlp_with_start: NDArray[np.int64]
    cross: NDArray[np.int64]
    cross_with_start: NDArray[np.int64]


@torch.no_grad()
def component_ranks(dsi: DSI, written: Writes, rows: NDArray[np.int64]) -> Alone:
    """Where the followed document stands by MLP outputs alone and by cross-attention outputs alone (Section 5.2)."""

    def by(places: Sequence[Site], start: bool) -> NDArray[np.int64]:
        state = written.total(places) + (written.terms[:, 0] if start else 0)
        return ranks(lens(dsi, state), unembedding_of(dsi.model), torch.from_numpy(rows).to(dsi.device)).cpu().numpy()

    mine = {part: [s for s in every_site(dsi.layers) if s.component is part] for part in PARTS}
    return Alone(
        by(mine[Component.MLP], False),
        by(mine[Component.MLP], True),
        by(mine[Component.CROSS], False),
        by(mine[Component.CROSS], True),
    )
