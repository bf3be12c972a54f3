"""Who reads from whom by matrix products, against the loop over neurons that was published."""

from __future__ import annotations

import torch

from genir.interventions.reference import decoder_sublayer
from genir.interventions.sites import MLP, Site
from genir.readouts.reading import positive_shares
from tests.benchmarks.measure import seconds
from tests.benchmarks.subjects import SIZES, random_model

NEURONS = 64
"""Of 1,024, for which the loop is timed."""


def test_neuron_reading(record):
    """One query and layer: the same shares as a loop over neurons and sources, and faster; how much is recorded."""
    model = random_model(0, 100, **SIZES["A"])
    layer, sources = 11, 35
    terms = torch.randn(sources, model.config.d_model, generator=torch.Generator().manual_seed(0))
    matrix = decoder_sublayer(model, Site(MLP, layer)).DenseReluDense.wi.weight.detach()

    def products(rows: torch.Tensor) -> torch.Tensor:
        added = (terms @ rows.T)[None]
        return positive_shares(added, added.sum(1) > 0)[0]

    def loop(rows: torch.Tensor) -> torch.Tensor:
        shares = []
        for row in rows:
            parts = torch.stack([torch.dot(row, source) for source in terms])
            if parts.sum() > 0:
                positive = torch.where(parts > 0, parts, torch.zeros_like(parts))
                shares.append(positive / positive.sum())
        return torch.stack(shares).mean(0)

    torch.testing.assert_close(products(matrix[:NEURONS]), loop(matrix[:NEURONS]), atol=1e-6, rtol=1e-5)
    slow = seconds(lambda: loop(matrix[:NEURONS])) * len(matrix) / NEURONS
    fast = seconds(lambda: products(matrix))
    record.fact("neuron reading of one query and layer, as products and as a loop", f"{slow / fast:.0f} times as fast")
    assert fast < slow
