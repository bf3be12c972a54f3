"""The folded reduced graph beside the patched model: the same ranking, and less time (Section 7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genir.interventions.circuit import reduced_graph
from genir.interventions.fold import fold_reduced, replaced_mlps
from genir.interventions.patch import MEAN
from genir.interventions.reference import decode, encode
from genir.interventions.sites import Stages
from genir.interventions.sweep import site_means
from genir.models.dsi import DSI, Protocol
from genir.readouts.correct import Correct
from genir.readouts.timing import decode_seconds

DEPTH = 10  # of the rankings that are compared
BATCH = 64  # queries that are timed together


class Folded(NamedTuple):
    """The folded model against the one that it was folded from.

    ``same`` (queries,): whether its first ten are those of the patched model, in that order; ``gap`` (queries,) the largest
    difference of their logits. ``batch``, ``single`` (repeats, 2): seconds that the whole and the folded decoder take for 64
    queries and for one. ``parameters`` (2,): how many parameters their decoders have.
    """

    same: NDArray[np.bool_]
    gap: NDArray[np.float32]
    batch: NDArray[np.float64]
    single: NDArray[np.float64]
    parameters: NDArray[np.int64]


@torch.no_grad()
def compare_folded(
    dsi: DSI, stages: Stages, correct: Correct, texts: Sequence[str], protocol: Protocol = Protocol.MASKED
) -> Folded:
    """Fold the reduced graph with means from correct queries, and compare its rankings for ``texts``."""
    means = site_means(dsi, correct.texts, replaced_mlps(stages), protocol=protocol)
    small, graph = fold_reduced(dsi, stages, means), reduced_graph(stages)
    silence = torch.zeros(dsi.model.config.d_model)
    values = {site: means[site] if kind is MEAN else silence for site, kind in graph.edits.items()}
    same, gap = np.zeros(len(texts), np.bool_), np.zeros(len(texts), np.float32)
    for chosen, inputs in dsi.batches(texts, protocol):
        encoded = encode(dsi.model, inputs)
        like = {site: value.to(encoded) for site, value in values.items()}
        patched = dsi.model.lm_head(decode(dsi.model, encoded, inputs.mask, like))
        folded = small.model.lm_head(decode(small.model, encoded, inputs.mask))
        same[chosen] = (_first(patched) == _first(folded)).all(1).cpu().numpy()
        gap[chosen] = (patched - folded).abs().amax(1).float().cpu().numpy()
    sizes = [sum(p.numel() for p in model.model.decoder.block.parameters()) for model in (dsi, small)]
    return Folded(
        same,
        gap,
        decode_seconds([dsi, small], texts[:BATCH]),
        decode_seconds([dsi, small], texts[:1]),
        np.array(sizes),
    )


def _first(logits: Tensor) -> Tensor:
    return logits.topk(DEPTH, 1).indices
