"""A share that was counted in full, so that nothing is left to estimate."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from genir.errors import GenirError
from genir.statistics.estimate import Estimate


def census(outcomes: ArrayLike, confidence: float = 0.95, unit: str = "%") -> Estimate:
    """The share of true outcomes among all that there are, such as the cells of a printed table: the interval is the value.

    Raises GenirError for no outcomes and for outcomes that are not boolean.
    """
    values = np.array(outcomes)
    if values.ndim != 1 or values.size == 0 or values.dtype != np.bool_:
        raise GenirError(f"expected one true or false for each case, got {values.dtype} of shape {values.shape}")
    share = float(values.mean())
    return Estimate(share, share, share, confidence, len(values), "census", unit, values, int(values.sum()))
