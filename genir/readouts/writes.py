"""What the decoder writes into the residual stream: the one pass that most readouts of Sections 5 and 6 share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from genir.interventions.reference import trace
from genir.interventions.sites import Component, Site
from genir.models.dsi import DSI, Protocol
from genir.models.families import width_of

PARTS = tuple(Component)


class Writes(NamedTuple):
    """Everything that was added to the residual stream of the first decoder position, in the order of writing.

    ``terms`` is (queries, 1 + 3 x layers, d): the start token's embedding, then attention, cross-attention and MLP of each
    layer. They add up to the stream within rounding, so that any part of the stream is a sum of terms.
    """

    terms: Tensor

    @property
    def layers(self) -> int:
        """The number of decoder layers."""
        return (self.terms.shape[1] - 1) // len(PARTS)

    def of(self, component: Component) -> Tensor:
        """The outputs of ``component``, (queries, layers, d)."""
        return self.terms[:, 1 + PARTS.index(component) :: len(PARTS)]

    def total(self, places: Iterable[Site]) -> Tensor:
        """The sum of what ``places`` write, (queries, d)."""
        return self.terms[:, [term(site) for site in places]].sum(1)

    def read_by(self, site: Site) -> Tensor:
        """The stream as the component at ``site`` reads it, before its norm, (queries, d)."""
        return self.terms[:, : term(site)].sum(1)

    @property
    def stream(self) -> Tensor:
        """The stream that enters each layer, and last the one that leaves the decoder, (queries, layers + 1, d)."""
        return self.terms.cumsum(1)[:, :: len(PARTS)]


def term(site: Site) -> int:
    """The position of a component's output among the terms; the start token's embedding has position 0."""
    return 1 + len(PARTS) * site.layer + PARTS.index(site.component)


@torch.no_grad()
def writes(
    dsi: DSI,
    texts: Sequence[str],
    protocol: Protocol = Protocol.MASKED,
    length: int = 0,
    batch_size: int = 128,
) -> Writes:
    """What the unpatched model writes for each text; 18 MB for 360 queries at 8 layers of width 512."""
    shape = len(texts), 1 + len(PARTS) * dsi.layers, width_of(dsi.model)
    found = torch.empty(shape, dtype=dsi.model.dtype, device=dsi.device)
    for chosen, inputs in dsi.batches(texts, protocol, batch_size, length):
        seen = trace(dsi.model, inputs)
        rows = torch.from_numpy(chosen).to(dsi.device)
        found[rows, 0] = seen.embedding
        for number, component in enumerate(PARTS):
            found[rows, 1 + number :: len(PARTS)] = seen.outputs[component].transpose(0, 1)
    return Writes(found)
