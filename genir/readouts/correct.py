"""Correct queries: those on which interventions are judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from genir.corpora.records import Query
from genir.interventions.patch import noop
from genir.interventions.sweep import sweep
from genir.models.dsi import DSI, Protocol
from genir.readouts.metrics import pairs


class Correct(NamedTuple):
    """Queries whose relevant document is at rank 1, that document, and how many queries were asked.

    Where a query has several relevant documents the one at rank 1 is followed (PROTOCOL.md, "Setting").
    """

    queries: tuple[Query, ...]
    docids: tuple[str, ...]
    asked: int

    @property
    def texts(self) -> list[str]:
        """What the queries ask."""
        return [query.text for query in self.queries]


def correct_queries(
    dsi: DSI, queries: Sequence[Query], protocol: Protocol = Protocol.MASKED, length: int = 0
) -> Correct:
    """The queries whose relevant document the unpatched model puts at rank 1 of the whole vocabulary.

    They are chosen by the sweep that interventions go through: another order of summation may break a near tie otherwise, and
    doing nothing would lose a query.
    """
    texts, docids, owner = pairs(queries)
    first = np.flatnonzero(sweep(dsi, texts, dsi.rows_of(docids), [noop()], protocol=protocol, length=length)[0] == 1)
    _, once = np.unique(owner[first], return_index=True)
    chosen = first[once]
    return Correct(tuple(queries[owner[i]] for i in chosen), tuple(docids[i] for i in chosen), len(queries))
