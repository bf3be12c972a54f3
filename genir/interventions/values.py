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


def value_of(
    site: Site,
    replacement: Replacement,
    chosen: NDArray[np.int64],
    clean: Clean,
    other: Mapping[Site, Tensor],
    like: Tensor,
) -> Tensor | None:
    """The value, (d,) or (chosen, d), that replaces a site for the queries ``chosen``; None for zero.

    ``other`` holds the base model's outputs for these queries; ``like`` gives device and precision.
    """
    if isinstance(replacement, Tensor):
        value = replacement if replacement.ndim == 1 else replacement[torch.from_numpy(chosen)]
    elif isinstance(replacement, Resample):
        value = clean.outputs[site][torch.tensor([replacement.order[i] for i in chosen])]
    elif replacement is MEAN:
        value = clean.means[site]
    elif replacement is OTHER:
        value = other[site]
    else:
        return None
    return value.to(like)


class Accumulator:
    """Means and, for some sites, all values of outputs that arrive in batches."""

    def __init__(
        self,
        queries: int,
        mean_of: Sequence[Site],
        all_of: Sequence[Site],
        means: Mapping[Site, Tensor] | None = None,
    ) -> None:
        self.queries, self.mean_of, self.all_of = queries, mean_of, all_of
        self.given = means
        self.means: dict[Site, Tensor] = {}
        self.outputs: dict[Site, Tensor] = {}

    def add(self, chosen: NDArray[np.int64], found: Mapping[Site, Tensor]) -> None:
        """Take in the outputs (batch, d) of the queries ``chosen`` at the sites that ``found`` holds."""
        for site in self.mean_of:
            if site not in found:
                continue
            share = found[site].sum(0, dtype=torch.float64) / self.queries
            self.means[site] = self.means[site] + share if site in self.means else share
        for site in self.all_of:
            if site not in found:
                continue
            if site not in self.outputs:
                self.outputs[site] = found[site].new_empty(self.queries, found[site].shape[-1])
            self.outputs[site][torch.from_numpy(chosen)] = found[site]

    def clean(self) -> Clean:
        """The means so far, in double precision or as they were given, and the kept outputs."""
        return Clean(self.means if self.given is None else self.given, self.outputs)
