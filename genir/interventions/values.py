"""What an intervention's replacements stand for, once the queries are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genir.interventions.patch import MEAN, OTHER, Intervention, Replacement, Resample
from genir.interventions.sites import Site


class Clean(NamedTuple):
    """Unpatched outputs that replacements refer to: means (d,) and, to resample, all (queries, d)."""

    means: Mapping[Site, Tensor]
    outputs: Mapping[Site, Tensor]


def sites_with(interventions: Iterable[Intervention], kind: Replacement | type[Resample]) -> tuple[Site, ...]:
    """The sites that some intervention replaces by ``kind``, each once, in order of first appearance."""
    return tuple(
        dict.fromkeys(
            site
            for intervention in interventions
            for site, replacement in intervention.edits.items()
            if replacement is kind or (kind is Resample and isinstance(replacement, Resample))
        )
    )


def batch_values(
    edits: Mapping[Site, Replacement],
    chosen: NDArray[np.int64],
    clean: Clean,
    other: Mapping[Site, Tensor],
    like: Tensor,
) -> dict[Site, Tensor]:
    """The values, (d,) or (batch, d), that replace each site for the queries ``chosen``.

    ``other`` holds the base model's outputs for these queries; ``like`` gives width, device and precision.
    """
    values = {}
    for site, replacement in edits.items():
        if isinstance(replacement, Tensor):
            value = replacement if replacement.ndim == 1 else replacement[torch.from_numpy(chosen)]
        elif isinstance(replacement, Resample):
            value = clean.outputs[site][torch.tensor([replacement.order[i] for i in chosen])]
        elif replacement is MEAN:
            value = clean.means[site]
        elif replacement is OTHER:
            value = other[site]
        else:
            value = like.new_zeros(like.shape[-1])
        values[site] = value.to(like)
    return values


class Accumulator:
    """Means and, for some sites, all values of outputs that arrive in batches."""

    def __init__(self, queries: int, mean_of: Sequence[Site], all_of: Sequence[Site]) -> None:
        self.queries, self.mean_of, self.all_of = queries, mean_of, all_of
        self.sums: dict[Site, Tensor] = {}
        self.outputs: dict[Site, Tensor] = {}

    def add(self, chosen: NDArray[np.int64], found: Mapping[Site, Tensor]) -> None:
        """Take in the outputs (batch, d) of the queries ``chosen``."""
        for site in self.mean_of:
            total = found[site].sum(0, dtype=torch.float64)
            self.sums[site] = self.sums[site] + total if site in self.sums else total
        for site in self.all_of:
            if site not in self.outputs:
                self.outputs[site] = found[site].new_empty(self.queries, found[site].shape[-1])
            self.outputs[site][torch.from_numpy(chosen)] = found[site]

    def clean(self) -> Clean:
        """The means in double precision and the kept outputs."""
        return Clean({site: total / self.queries for site, total in self.sums.items()}, self.outputs)
