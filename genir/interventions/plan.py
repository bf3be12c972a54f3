"""Interventions in words, before a model is named: ``mean(MLP, Stage.I) | zero(CROSS, 3)``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import NamedTuple

from genir.errors import GenirError
from genir.interventions.circuit import Cell
from genir.interventions.patch import MEAN, OTHER, ZERO, Intervention, Kind, describe
from genir.interventions.sites import Component, Site, Stage, Stages

Where = Stage | int | Iterable[int] | None
"""Layers: those of a stage, one (0-based), several, or all."""


class Part(NamedTuple):
    """One component in some layers, whole or one head of it, and the kind of replacement."""

    kind: Kind
    component: Component
    where: Stage | tuple[int, ...] | None
    head: int | None

    def on(self, layers: int, stages: Stages | None) -> Intervention:
        """The part on a decoder of ``layers`` layers; a stage is labelled as a cell of Table 3."""
        label = None
        if isinstance(self.where, Stage):
            if stages is None:
                raise GenirError(
                    f"expected a decoder with stages for Stage {self.where}, got {layers} layers: name layers"
                )
            chosen: Iterable[int] = stages[self.where]
            label = str(Cell(self.kind, self.component, self.where)) if self.head is None else None
        else:
            chosen = range(layers) if self.where is None else self.where
        places = tuple(Site(self.component, layer, self.head) for layer in chosen)
        return Intervention(label or f"{describe(places)} {self.kind}", dict.fromkeys(places, self.kind))


@dataclass(frozen=True)
class Plan:
    """What is to be replaced by what; ``|`` joins plans into one pass. Stages become layers on a model."""

    parts: tuple[Part, ...]

    def __or__(self, other: Plan) -> Plan:
        """Both in one pass."""
        return Plan(self.parts + other.parts)

    def on(self, layers: int, stages: Stages | None) -> Intervention:
        """The intervention on a decoder of ``layers`` layers; GenirError where two parts replace one site differently."""
        return reduce(or_, [part.on(layers, stages) for part in self.parts])


def zero(component: Component, where: Where = None, head: int | None = None) -> Plan:
    """Remove a component from the residual stream: ``zero(MLP, Stage.II)``, ``zero(CROSS, 3, head=1)``."""
    return plan(ZERO, component, where, head)


def mean(component: Component, where: Where = None, head: int | None = None) -> Plan:
    """Replace a component by its mean over the queries (mean ablation)."""
    return plan(MEAN, component, where, head)


def pretrained(component: Component, where: Where = None, head: int | None = None) -> Plan:
    """Replace a component by the pre-trained model's for the same query: Table 3's T5 rows; the model needs a base."""
    return plan(OTHER, component, where, head)


def plan(kind: Kind, component: Component, where: Where = None, head: int | None = None) -> Plan:
    """A plan of one part; GenirError where no layer is named."""
    if not isinstance(where, Stage) and where is not None:
        where = (where,) if isinstance(where, int) else tuple(where)
        if not where:
            raise GenirError(f"expected layers whose {component} to replace, got none: name some")
    return Plan((Part(kind, component, where, head),))
