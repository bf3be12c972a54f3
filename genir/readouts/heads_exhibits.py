"""The retrieval-head paper's figures as numbers: the map of scores, the ladder of masks, recall by length and depth."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genir.readouts.heads import Runs
from genir.readouts.heads_lost import Lost

EDGES = (0.0, 0.05, 0.1, 0.3, 0.5)


def heads_map(scores: NDArray[np.float64]) -> dict[str, Any]:
    """The score of each head, layer by layer."""
    layers, heads = scores.shape
    return {
        "kind": "matrix", "title": "Retrieval score of each head", "x": "head", "y": "layer",
        "values": scores.round(4).tolist(), "x_labels": list(range(heads)), "y_labels": list(range(layers)),
    }  # fmt: skip


def heads_histogram(scores: NDArray[np.float64]) -> dict[str, Any]:
    """How many heads have which score; those that copied nothing stand apart."""
    bounds = [*EDGES, np.inf]
    parts = pairwise(bounds)
    counts = [int((scores == 0).sum()), *(int(((scores >= max(a, 1e-12)) & (scores < b)).sum()) for a, b in parts)]
    names = ["0", *(f"{a:g}-{b:g}" for a, b in pairwise(EDGES)), f">= {EDGES[-1]:g}"]
    return {"kind": "bars", "title": "Heads by score", "x": "score", "y": "heads", "values": counts, "x_labels": names}


def heads_recall(runs: Runs) -> dict[str, Any]:
    """Mean recall of the unmasked model by length and depth; null where no run has both."""
    return _recall_map("Recall by length and depth", runs.recall, runs.length, runs.depth)


def heads_recall_masked(
    recall: NDArray[np.float64], length: NDArray[np.int64], depth: NDArray[np.float64]
) -> dict[str, Any]:
    """The same with the retrieval heads masked; arrays have an entry per cell."""
    return _recall_map("Recall by length and depth, retrieval heads masked", recall, length, depth)


def _recall_map(
    title: str, recall: NDArray[np.float64], length: NDArray[np.int64], depth: NDArray[np.float64]
) -> dict[str, Any]:
    lengths, depths = np.unique(length), np.unique(depth)
    values = [[_mean(recall[(length == x) & (depth == y)]) for x in lengths] for y in depths]
    return {
        "kind": "matrix", "title": title, "x": "length", "y": "depth", "values": values, "range": [0, 1],
        "x_labels": lengths.tolist(), "y_labels": [f"{100 * y:.0f} %" for y in depths],
    }  # fmt: skip


def heads_ladder(lost: Lost) -> dict[str, Any]:
    """Recall with the strongest heads masked, by their number, and at their judged number the mean of random sets."""
    doses = lost.dose_response()
    at = lost.matched.masking.size
    random = {
        "random heads of the same layers": lost.random_change(lost.matched).value,
        "random heads of any layer": lost.random_change(lost.unmatched).value,
    }
    curves: dict[str, list[float | None]] = {"retrieval heads": [round(value, 4) for value in doses.values()]}
    for name, change in random.items():
        curves[name] = [round(doses[0] + change * (dose == at), 4) if dose in (0, at) else None for dose in doses]
    return {
        "kind": "curves", "title": "Recall when the strongest heads are masked", "x": "heads masked", "y": "recall",
        "values": curves, "x_labels": list(doses),
    }  # fmt: skip


def _mean(values: NDArray[np.float64]) -> float | None:
    return round(float(values.mean()), 4) if len(values) else None
