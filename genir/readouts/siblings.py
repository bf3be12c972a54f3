"""What the encoder knows: ranks with encoders that never saw the documents (Section 4, Table 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from transformers import T5ForConditionalGeneration
from transformers.models.t5.modeling_t5 import T5Stack

from genir.corpora.records import Query
from genir.interventions.encoder_swap import Swap, random_encoder, swap_ranks
from genir.models.dsi import DSI, Protocol
from genir.models.ranking import gold_ranks
from genir.readouts.correct import Correct
from genir.statistics import Estimate, mean, proportion

Ranks = Mapping[str, NDArray[np.int64]]


class Comparison(NamedTuple):
    """Ranks of one sibling beside the whole model's, 1-based; the document is the first relevant one.

    ``whole``, ``sibling``: (queries,) about documents that both have seen. ``removed``, ``swapped``, ``residual``: (queries,)
    about the removed documents, by the whole model, by its decoder with the sibling's encoder, and with the sibling's last
    residual state under the host's own norm (docs/protocol.md, "encoder swap").
    """

    whole: NDArray[np.int64]
    sibling: NDArray[np.int64]
    removed: NDArray[np.int64]
    swapped: NDArray[np.int64]
    residual: NDArray[np.int64]


def compare_sibling(
    dsi: DSI, other: DSI, queries: Sequence[Query], removed: Sequence[str], protocol: Protocol = Protocol.MASKED
) -> Comparison:
    """Rank ``queries`` by both models, and those about ``removed`` documents with the sibling's encoder."""
    gone = set(removed)
    about = [query for query in queries if query.relevant[0] in gone]
    rest = [query for query in queries if not gone & set(query.relevant)]

    def by(model: DSI, chosen: Sequence[Query]) -> NDArray[np.int64]:
        return gold_ranks(model, [q.text for q in chosen], [q.relevant[0] for q in chosen], protocol, dsi.max_length)

    def swapped(how: Swap) -> NDArray[np.int64]:
        rows = dsi.rows_of([q.relevant[0] for q in about])
        texts = [q.text for q in about]
        return swap_ranks(dsi, other.model.encoder, texts, rows, how, protocol=protocol, length=dsi.max_length)

    return Comparison(by(dsi, rest), by(other, rest), by(dsi, about), swapped(Swap.WHOLE), swapped(Swap.RESIDUAL))


def table2(found: Mapping[str, Comparison], confidence: float = 0.95) -> dict[str, dict[str, Estimate]]:
    """Hits@1 and MRR of removed documents by sibling (Table 2), with the whole encoder swapped and with its last residual state.

    Over the queries that the whole model answers at rank 1; a sibling without any is left out.
    """
    readings = {"": "swapped", ", last residual state": "residual"}
    chosen = {name: one for name, one in found.items() if (one.removed == 1).any()}
    return {
        name: {
            f"{metric}{suffix}": estimate
            for suffix, reading in readings.items()
            for ranks in [getattr(one, reading)[one.removed == 1]]
            for metric, estimate in (
                ("Hits@1", proportion(ranks == 1, confidence)),
                ("MRR", mean(1 / ranks, np.random.default_rng(0), confidence)),
            )
        }
        for name, one in chosen.items()
    }


def pretrained_ranks(
    dsi: DSI,
    base: T5ForConditionalGeneration,
    correct: Correct,
    protocol: Protocol = Protocol.MASKED,
    seed: int = 0,
) -> Ranks:
    """Ranks of correct queries' documents, (queries,), with the pre-trained encoder, both readings, and with a random one."""
    rows = dsi.rows_of(correct.docids)

    def swapped(encoder: T5Stack, how: Swap) -> NDArray[np.int64]:
        return swap_ranks(dsi, encoder, correct.texts, rows, how, protocol=protocol)

    return {
        Swap.WHOLE: swapped(base.encoder, Swap.WHOLE),
        Swap.RESIDUAL: swapped(base.encoder, Swap.RESIDUAL),
        "random encoder": swapped(random_encoder(dsi.model.encoder, np.random.default_rng(seed)), Swap.WHOLE),
    }
