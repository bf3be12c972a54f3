"""Effectiveness with intervals, in the columns of Table 1."""

from __future__ import annotations

import numpy as np

from genir.readouts.metrics import Ranked, hits, recall, reciprocal_rank
from genir.statistics import Estimate, mean, proportion


def table1(ranked: Ranked, confidence: float = 0.95) -> dict[str, Estimate]:
    """Hits@1, R@5, Hits@10 (Table 1) and MRR over queries."""
    rng = np.random.default_rng(0)
    return {
        "Hits@1": proportion(hits(ranked, 1), confidence),
        "R@5": mean(recall(ranked, 5), rng, confidence, unit="%"),
        "Hits@10": proportion(hits(ranked, 10), confidence),
        "MRR": mean(reciprocal_rank(ranked), rng, confidence),
    }
