"""Where an intervention acts: component outputs of the decoder, by layer, by stage, by head."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple, SupportsIndex

from genir.errors import GenirError


class Component(StrEnum):
    """What a decoder layer adds to the residual stream, in the order in which it adds it."""

    ATTENTION = "attention"
    CROSS = "cross-attention"
    MLP = "MLP"


ATTENTION, CROSS, MLP = Component.ATTENTION, Component.CROSS, Component.MLP


class Stage(StrEnum):
    """The three stages of the retrieval process (Section 5): priming, bridging, interaction."""

    I = "I"  # noqa: E741
    II = "II"
    III = "III"


class Site(NamedTuple):
    """The output of a component in a decoder layer (0-based), or of one of its attention heads."""

    component: Component
    layer: int
    head: int | None = None

    def __str__(self) -> str:
        head = "" if self.head is None else f", head {self.head}"
        return f"{self.component} of layer {self.layer}{head}"


class Stages(NamedTuple):
    """Layers of each stage, as half-open ranges that cover the decoder."""

    I: range  # noqa: E741
    II: range
    III: range

    @property
    def layers(self) -> int:
        """The number of decoder layers that they cover."""
        return sum(map(len, self))

    def __getitem__(self, stage: Stage | SupportsIndex | slice) -> range:  # type: ignore[override]
        return getattr(self, stage.value) if isinstance(stage, Stage) else tuple.__getitem__(self, stage)  # type: ignore[return-value]


def published_stages(layers: int) -> Stages:
    """The stages that the paper reads off Fig. 3, scaled to a decoder of ``layers`` layers.

    At 24 layers I = 0-6, II = 7-17, III = 18-23 (Section 5); at another depth the fractions 7/24 and 18/24
    are rounded. Raises GenirError below 3 layers, where no stage can have a layer of its own.
    """
    if layers < 3:
        raise GenirError(f"expected a decoder of at least 3 layers to divide into three stages, got {layers}")
    first = max(1, round(layers * 7 / 24))
    second = min(layers - 1, max(first + 1, round(layers * 18 / 24)))
    return Stages(range(first), range(first, second), range(second, layers))


def sites(component: Component, layers: Iterable[int]) -> tuple[Site, ...]:
    """The sites of one component in each of ``layers``."""
    return tuple(Site(component, layer) for layer in layers)


def every_site(layers: int) -> tuple[Site, ...]:
    """All components of a decoder of ``layers`` layers, in the order in which they write."""
    return tuple(Site(component, layer) for layer in range(layers) for component in Component)


def head_sites(layers: int, heads: int) -> tuple[Site, ...]:
    """All self- and cross-attention heads of a decoder, in the order in which their components write."""
    return tuple(
        Site(part, layer, head) for layer in range(layers) for part in (ATTENTION, CROSS) for head in range(heads)
    )
