"""What patching does to retrieval: the measurements of Section 5.1, as ranks per query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from transformers import T5ForConditionalGeneration

from genir.corpora.records import Query
from genir.interventions.circuit import Cell, random_graphs, random_sets, reduced_graph, single_layers, table3
from genir.interventions.patch import MEAN, OTHER, ZERO, Intervention, Kind, noop
from genir.interventions.sites import MLP, Stages, every_site
from genir.interventions.sweep import Progress, site_means, sweep
from genir.models.dsi import DSI, Protocol
from genir.readouts.correct import Correct
from genir.readouts.metrics import pairs
from genir.readouts.writes import Writes, term, writes

Ranks = Mapping[str, NDArray[np.int64]]
DRAWS = 20
NOOP, REDUCED, RANDOM_GRAPH = "no-op", "reduced graph", "random graph"


def random_label(kind: str, size: int, draw: int) -> str:
    """The name of the ``draw``-th random set of ``size`` sites, each replaced by ``kind``."""
    return f"{size} random sites {kind}, draw {draw}"


def section_5_1(stages: Stages, with_base: bool, rng: np.random.Generator) -> list[Intervention]:
    """No-op, Table 3, single layers by mean (footnote 4), and for each stage's size ``DRAWS`` random sets of sites by each kind."""
    layers = stages.layers
    kinds: tuple[Kind, ...] = (ZERO, MEAN, OTHER) if with_base else (ZERO, MEAN)
    random = [
        Intervention(random_label(kind, size, draw), dict.fromkeys(places, kind))
        for size in sorted({len(stage) for stage in stages})
        for draw, places in enumerate(random_sets(every_site(layers), size, rng, DRAWS))
        for kind in kinds
    ]
    return [noop(), *table3(stages, kinds).values(), *single_layers(layers).values(), *random]


def leave_one_out(writes: Writes, stages: Stages) -> list[Intervention]:
    """Table 3's mean cells, each query's mean taken over all others: whether its own output, which is in the mean, matters.

    A query that has no other is given zeros.
    """
    terms = writes.terms.double()
    others = ((terms.sum(0) - terms) / max(1, len(terms) - 1)).to(writes.terms.dtype)
    return [
        Intervention(others_label(cell), {site: others[:, term(site)] for site in plan.edits})
        for cell, plan in table3(stages, (MEAN,)).items()
    ]


def others_label(cell: Cell) -> str:
    """The name of a mean cell with the mean taken over all other queries."""
    return f"{cell} of others"


def patched_ranks(
    dsi: DSI,
    correct: Correct,
    stages: Stages,
    base: T5ForConditionalGeneration | None = None,
    protocol: Protocol = Protocol.MASKED,
    seed: int = 0,
    progress: Progress = lambda done, of: None,
) -> Ranks:
    """Rank of the followed document, (correct queries,), under each intervention of Section 5.1, by label.

    The mean cells come leave-one-out as well. As published, queries are padded to one token more than the longest correct one for zero and mean, and not at all for T5 rows.
    """
    plans = section_5_1(stages, base is not None, np.random.default_rng(seed))
    rows = dsi.rows_of(correct.docids)

    def measured(chosen: Sequence[Intervention], how: Protocol) -> dict[str, NDArray[np.int64]]:
        found = sweep(dsi, correct.texts, rows, chosen, base=base, protocol=how, progress=progress)
        return {plan.label: ranks for plan, ranks in zip(chosen, found, strict=True)}

    from_base = [plan for plan in plans if OTHER in plan.edits.values()]
    rest = [plan for plan in plans if plan not in from_base]
    rest += leave_one_out(writes(dsi, correct.texts, protocol), stages)
    return measured(rest, protocol) | (measured(from_base, protocol.without_pads) if from_base else {})


def reduced_ranks(
    dsi: DSI,
    queries: Sequence[Query],
    correct: Correct,
    stages: Stages,
    protocol: Protocol = Protocol.MASKED,
    seed: int = 0,
    progress: Progress = lambda done, of: None,
) -> Ranks:
    """Ranks of relevant documents, (pairs of ``queries``,), in the whole, the reduced and ``DRAWS`` random graphs (Table 4).

    MLP means come from the correct (validation) queries, the ranks from ``queries`` (test).
    """
    texts, docids, _ = pairs(queries)
    graphs = [noop(), reduced_graph(stages), *random_graphs(stages, np.random.default_rng(seed), DRAWS)]
    means = site_means(dsi, correct.texts, [s for s in every_site(dsi.layers) if s.component is MLP], protocol=protocol)
    found = sweep(dsi, texts, dsi.rows_of(docids), graphs, means=means, protocol=protocol, progress=progress)
    labels = [NOOP, REDUCED, *(f"{RANDOM_GRAPH} {draw}" for draw in range(DRAWS))]
    return dict(zip(labels, found, strict=True))
