"""What replaces the output of a site: zero, a mean, another query's or model's output, a given vector."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from torch import Tensor
from transformers import PreTrainedModel

from genir.errors import GenirError
from genir.interventions.sites import MLP, Component, Site
from genir.models.families import heads_of, layers_of, width_of


class Kind(StrEnum):
    """Replacements that need no data of their own; they print as the rows of Table 3."""

    ZERO = "zero"
    MEAN = "mean"
    OTHER = "T5"


ZERO, MEAN, OTHER = Kind.ZERO, Kind.MEAN, Kind.OTHER


class Resample(NamedTuple):
    """The site's unpatched output for another query: query ``i`` receives that of query ``order[i]``."""

    order: tuple[int, ...]


Replacement = Kind | Resample | Tensor


@dataclass(frozen=True, eq=False)
class Intervention:
    """A set of sites and what replaces the output of each, all in one forward pass.

    A tensor is what the site adds to the residual stream: (d,) for every query or (queries, d). ``MEAN`` is
    the mean over the queries of the sweep, or the means that the sweep is given; ``OTHER`` is the base
    model's own output for the query.
    """

    label: str
    edits: Mapping[Site, Replacement]

    def __post_init__(self) -> None:
        whole = {(site.component, site.layer) for site in self.edits if site.head is None}
        for site in self.edits:
            if site.head is not None and (site.component, site.layer) in whole:
                raise GenirError(f"expected a component or heads of it, {self.label!r} replaces both at the {site}")

    def __or__(self, other: Intervention) -> Intervention:
        """Both interventions in one pass; GenirError where they replace one site with two things."""
        for site, replacement in other.edits.items():
            mine = self.edits.get(site, replacement)
            if mine is not replacement and (
                isinstance(mine, Tensor) or isinstance(replacement, Tensor) or mine != replacement
            ):
                raise GenirError(
                    f"expected one replacement for each site, {self.label!r} and {other.label!r} differ "
                    f"at the {site}: leave it out of one of them"
                )
        parts = [part for part in (self, other) if part.edits] or [self]
        return Intervention(" + ".join(part.label for part in parts), {**self.edits, **other.edits})

    def named(self, label: str) -> Intervention:
        """The same intervention under another label."""
        return Intervention(label, self.edits)


def noop() -> Intervention:
    """Replace nothing: the row that every table is read against."""
    return Intervention("no-op", {})


def zero(places: Iterable[Site]) -> Intervention:
    """Remove the sites from the residual stream."""
    return _constant(ZERO, places)


def mean(places: Iterable[Site]) -> Intervention:
    """Replace each site by its mean over queries (mean ablation)."""
    return _constant(MEAN, places)


def from_model(places: Iterable[Site]) -> Intervention:
    """Replace each site by the base model's output for the same query: the T5 patch of Table 3."""
    return _constant(OTHER, places)


def resample(places: Iterable[Site], rng: np.random.Generator, queries: int) -> Intervention:
    """Replace each site by its output for another query, the same one at every site (resample ablation).

    The ``queries`` are put into one random cycle, so that no query receives itself; GenirError below two
    queries.
    """
    if queries < 2:
        raise GenirError(f"expected at least 2 queries to exchange outputs between, got {queries}")
    cycle = rng.permutation(queries)
    order = np.empty(queries, dtype=np.int64)
    order[cycle] = np.roll(cycle, 1)
    chosen = tuple(places)
    replacement = Resample(tuple(order.tolist()))
    return Intervention(f"{describe(chosen)} resample", dict.fromkeys(chosen, replacement))


def _constant(kind: Kind, places: Iterable[Site]) -> Intervention:
    chosen = tuple(places)
    return Intervention(f"{describe(chosen)} {kind}", dict.fromkeys(chosen, kind))


def describe(places: Sequence[Site]) -> str:
    """A set of sites in words: the layers of one component where they are a run, otherwise their number."""
    if len(places) == 1:
        return str(places[0])
    layers = sorted(site.layer for site in places)
    alike = len({(site.component, site.head) for site in places}) == 1
    if alike and all(after == before + 1 for before, after in pairwise(layers)):
        head = "" if places[0].head is None else f", head {places[0].head}"
        return f"{places[0].component} of layers {layers[0]}-{layers[-1]}{head}"
    return f"{len(places)} sites"


def check(
    interventions: Sequence[Intervention],
    model: PreTrainedModel,
    queries: int,
    base: PreTrainedModel | None = None,
    means: Mapping[Site, Tensor] | None = None,
) -> None:
    """Raise GenirError for a model in training, a site it lacks or a replacement that does not fit."""
    _check_model(model)
    width = width_of(model)
    if base is not None:
        _check_model(base)
        if width_of(base) != width:
            raise GenirError(f"expected a base model of width {width}, got {width_of(base)}: take the model's own")
    for intervention in interventions:
        where = f"in intervention {intervention.label!r}"
        for site, replacement in intervention.edits.items():
            _check_site(site, model, where)
            if replacement is OTHER:
                if base is None:
                    raise GenirError(f"expected a base model to take the {site} from {where}: give the sweep a base")
                _check_site(site, base, f"{where}, from the base model")
            if replacement is MEAN and means is not None and site not in means:
                raise GenirError(f"expected a mean for every site that is replaced by its mean, the {site} has none")
            if isinstance(replacement, Resample):
                _check_order(replacement.order, queries, where)
            if isinstance(replacement, Tensor) and replacement.shape not in ((width,), (queries, width)):
                raise GenirError(
                    f"expected a value of shape ({width},) or ({queries}, {width}) for the {site}, "
                    f"got {tuple(replacement.shape)} {where}"
                )


def _check_model(model: PreTrainedModel) -> None:
    if model.training:
        raise GenirError("expected a model in evaluation mode, got one in training: call model.eval()")


def _check_site(site: Site, model: PreTrainedModel, where: str) -> None:
    layers, heads = len(layers_of(model)), heads_of(model)
    if site.component not in tuple(Component):
        raise GenirError(f"expected one of {', '.join(Component)}, got {site.component!r} {where}")
    if not 0 <= site.layer < layers:
        raise GenirError(f"expected a decoder layer from 0 to {layers - 1}, got {site.layer} {where}")
    if site.head is not None and (site.component is MLP or not 0 <= site.head < heads):
        raise GenirError(f"expected an attention head from 0 to {heads - 1}, got the {site} {where}")


def _check_order(order: tuple[int, ...], queries: int, where: str) -> None:
    if len(order) != queries or not all(0 <= i < queries for i in order):
        raise GenirError(f"expected one of the {queries} queries of the sweep for each query, got {len(order)} {where}")
