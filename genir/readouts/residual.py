"""Who moves the residual stream, and which way (Section 5, Fig. 3), from inner products of what was written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from genir.interventions.sites import Component, Site
from genir.readouts.writes import PARTS, Writes, term

Floats = NDArray[np.float64]


class Residual(NamedTuple):
    """Inner products between all that each query's decoder pass writes, and how they vary between queries.

    ``gram`` (queries, terms, terms), in double precision; terms as in ``Writes``. Every norm and every angle between sums of
    terms follows from it. ``deviation`` (queries, terms) is the squared distance of a query's term from the term's mean over
    queries, ``common`` (terms,) the squared norm of that mean.
    """

    gram: Floats
    deviation: Floats
    common: Floats

    @property
    def layers(self) -> int:
        """The number of decoder layers."""
        return int(self.gram.shape[1] - 1) // len(PARTS)

    def ratio(self, component: Component) -> Floats:
        """Norm of the component's output over the norm of its layer's change, (queries, layers)."""
        return np.stack(
            [
                _norm(self.gram, [term(Site(component, layer))]) / _norm(self.gram, _written_in(layer))
                for layer in range(self.layers)
            ],
            axis=1,
        )

    def cosine_input(self, component: Component) -> Floats:
        """Cosine of the component's output and the stream that enters its layer (the paper's text), (queries, layers)."""
        return self._cosines(component, lambda layer: range(_written_in(layer).start))

    def cosine_output(self, component: Component) -> Floats:
        """Cosine of the component's output and the stream that leaves its layer (Fig. 3's caption and the code)."""
        return self._cosines(component, lambda layer: range(_written_in(layer).stop))

    def between(self, first: Iterable[Site], second: Iterable[Site]) -> Floats:
        """Cosine of two sums of outputs, (queries,)."""
        return _cosine(self.gram, [term(site) for site in first], [term(site) for site in second])

    def specific(self, component: Component) -> Floats:
        """Share of the output's power that differs between queries, (layers,): variance over mean squared norm."""
        places = [term(Site(component, layer)) for layer in range(self.layers)]
        variance = self.deviation[:, places].mean(0)
        share: Floats = variance / (variance + self.common[places])
        return share

    def _cosines(self, component: Component, terms: Callable[[int], range]) -> Floats:
        return np.stack(
            [_cosine(self.gram, [term(Site(component, layer))], terms(layer)) for layer in range(self.layers)],
            axis=1,
        )


def residual(written: Writes, block: int = 64) -> Residual:
    """The inner products and the variation between queries of what was written."""
    grams = []
    for start in range(0, len(written.terms), block):
        terms = written.terms[start : start + block].double()
        grams.append(terms @ terms.transpose(1, 2))
    mean = written.terms.double().mean(0)
    deviation = torch.cat(
        [(written.terms[i : i + block] - mean).pow(2).sum(-1) for i in range(0, len(written.terms), block)]
    )
    return Residual(torch.cat(grams).cpu().numpy(), deviation.cpu().numpy(), mean.pow(2).sum(-1).cpu().numpy())


def _written_in(layer: int) -> range:
    return range(1 + len(PARTS) * layer, 1 + len(PARTS) * (layer + 1))


def _inner(gram: Floats, first: Iterable[int], second: Iterable[int]) -> Floats:
    rows, columns = np.ix_(list(first), list(second))
    inner: Floats = gram[:, rows, columns].sum((1, 2))
    return inner


def _norm(gram: Floats, terms: Iterable[int]) -> Floats:
    chosen = list(terms)
    return np.sqrt(np.maximum(_inner(gram, chosen, chosen), 0))


def _cosine(gram: Floats, first: Iterable[int], second: Iterable[int]) -> Floats:
    one, two = list(first), list(second)
    norms = _norm(gram, one) * _norm(gram, two)
    # a component that writes nothing points nowhere
    return np.divide(_inner(gram, one, two), norms, out=np.zeros(len(gram)), where=norms > 0)
