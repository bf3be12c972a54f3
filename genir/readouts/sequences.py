"""Losses of rank 1 where document ids are sequences: at one decoder position, or at all (beyond the paper)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genir.corpora.records import Query
from genir.interventions.patch import Intervention, noop
from genir.interventions.positions import sequence_ranks
from genir.models.dsi import Protocol
from genir.models.sequences import SequenceDSI
from genir.readouts.correct import Correct
from genir.readouts.metrics import pairs
from genir.statistics import Estimate, minus


def correct_sequences(
    model: SequenceDSI, queries: Sequence[Query], width: int = 10, protocol: Protocol = Protocol.MASKED
) -> Correct:
    """The queries whose relevant document comes first out of constrained beam search."""
    texts, docids, owner = pairs(queries)
    first = np.flatnonzero(sequence_ranks(model, texts, docids, [noop()], width=width, protocol=protocol)[0] == 1)
    return Correct(tuple(queries[owner[i]] for i in first), tuple(docids[i] for i in first), len(queries))


def losses_by_position(
    model: SequenceDSI,
    correct: Correct,
    intervention: Intervention,
    width: int = 10,
    protocol: Protocol = Protocol.MASKED,
    confidence: float = 0.95,
) -> dict[int | None, Estimate]:
    """The share of correct queries that lose rank 1, net of doing nothing, by the position that is patched; None is all.

    Positions are those that the queries' own ids reach.
    """

    def lost(plan: Intervention, at: Sequence[int] | None) -> np.ndarray:
        return sequence_ranks(model, correct.texts, correct.docids, [plan], at, width=width, protocol=protocol)[0] > 1

    nothing = lost(noop(), None)
    places: list[int | None] = [*range(max(map(len, model.codes_of(correct.docids)))), None]
    return {at: minus(lost(intervention, None if at is None else [at]), nothing, confidence) for at in places}
