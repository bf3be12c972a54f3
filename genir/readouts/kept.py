"""How much of its effectiveness a model keeps (Table 4)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from genir.readouts.metrics import Ranked, hits, recall
from genir.statistics import Estimate, ratio_of_means

METRICS = {
    "Hits@1": lambda ranked: hits(ranked, 1).astype(float),
    "R@5": lambda ranked: recall(ranked, 5),
    "Hits@10": lambda ranked: hits(ranked, 10).astype(float),
}


def kept(ranked: Mapping[str, Ranked], whole: str, graph: str, confidence: float = 0.95) -> dict[str, Estimate]:
    """Each metric in ``graph`` over that in the unpatched model under the same protocol, paired by query.

    ``graph`` names one entry of ``ranked`` or, as a prefix, several draws, over which a query's outcomes are averaged.
    """
    draws = [ranks for name, ranks in ranked.items() if name.startswith(graph)]
    return {
        name: ratio_of_means(
            np.mean([metric(ranks) for ranks in draws], axis=0),
            metric(ranked[whole]),
            np.random.default_rng(0),
            confidence,
            unit="%",
        )
        for name, metric in METRICS.items()
    }
