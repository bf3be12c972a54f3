"""Effectiveness of a DSI model (Table 1): ranks and the first documents, never queries x vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from genir.corpora.records import Query
from genir.models.dsi import DSI, Protocol
from genir.models.families import unembedding_of
from genir.models.ranking import ranks, top
from genir.readouts.metrics import Ranked, pairs

Scored = list[tuple[str, float]]


class Effectiveness(NamedTuple):
    """Ranks of the relevant documents among words and documents (as the paper counts), and among documents alone.

    ``run[i]`` are the first documents of query ``i`` with their logits, best first; of documents that tie, the one with the
    larger id stands first, as trec_eval sorts.
    """

    vocabulary: Ranked
    documents: Ranked
    run: list[Scored]


@torch.inference_mode()
def effectiveness(
    dsi: DSI, queries: Sequence[Query], depth: int = 100, protocol: Protocol = Protocol.MASKED, batch_size: int = 256
) -> Effectiveness:
    """Rank the documents of ``dsi`` for ``queries``, ``depth`` of them in the run; GenirError for a document it lacks."""
    _, docids, owner = pairs(queries)
    number = {docid: position for position, docid in enumerate(dsi.docids)}
    rows = torch.from_numpy(dsi.rows_of(docids)).to(dsi.device)
    positions = torch.tensor([number[docid] for docid in docids], device=dsi.device)
    unembedding = unembedding_of(dsi.model)
    first, last = int(dsi.rows[0]), int(dsi.rows[-1]) + 1
    contiguous = last - first == len(dsi.rows)  # then a view will do: 110,000 rows of T5-large take 450 MB
    documents = unembedding[first:last] if contiguous else unembedding[torch.from_numpy(dsi.rows).to(dsi.device)]
    by_id = sorted(number.values(), key=lambda position: dsi.docids[position], reverse=True)
    order = torch.tensor(by_id, device=dsi.device)

    among_all, among_documents = np.empty(len(docids), np.int64), np.empty(len(docids), np.int64)
    run: list[Scored] = [[] for _ in queries]
    for chosen, inputs in dsi.batches([query.text for query in queries], protocol, batch_size):
        states = dsi.final_state(inputs)
        place = {query: row for row, query in enumerate(chosen.tolist())}
        mine = np.flatnonzero(np.isin(owner, chosen))
        own = states[[place[query] for query in owner[mine].tolist()]]
        among_all[mine] = ranks(own, unembedding, rows[mine]).cpu().numpy()
        among_documents[mine] = ranks(own, documents, positions[mine]).cpu().numpy()
        found, logits = (part.tolist() for part in top(states, documents, order, depth))
        for query, best, scores in zip(chosen.tolist(), found, logits, strict=True):
            run[query] = [(dsi.docids[position], score) for position, score in zip(best, scores, strict=True)]
    return Effectiveness(Ranked(among_all, owner), Ranked(among_documents, owner), run)
