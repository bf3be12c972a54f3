"""Multiplicity: several claims of one section, judged together."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genir.errors import GenirError


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Holm's adjusted p-values, in the order of the input; they hold under any dependence between the tests.

    nan stands for a claim that could not be tested: it stays nan and does not count.
    Raises GenirError for a p-value outside [0, 1].
    Source: Holm (1979), Scand. J. Statist. 6.
    """
    p = np.array(p_values, dtype=np.float64).reshape(-1)
    tested = np.flatnonzero(~np.isnan(p))
    if ((p[tested] < 0) | (p[tested] > 1)).any():
        raise GenirError(f"expected p-values between 0 and 1, got {p[tested].min():g} to {p[tested].max():g}")
    order = tested[np.argsort(p[tested], kind="stable")]
    remaining = np.arange(len(order), 0, -1)
    adjusted = np.full_like(p, np.nan)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * remaining))
    return adjusted
