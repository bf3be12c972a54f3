"""Printed numbers: whether a percentage can have come from counting so many queries.

Decimal arithmetic throughout: 0.285 is no binary fraction, and a claim about rounding must not round.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import NamedTuple

from genir.errors import GenirError

Printed = str | float


class SampleSize(NamedTuple):
    """A sample size, the printed cells that some count out of it explains, and those that none does."""

    n: int
    fits: tuple[Printed, ...]
    misfits: tuple[Printed, ...]


def possible(percent: Printed, n: int, decimals: int | None = None) -> list[int]:
    """The counts k for which 100 k / n prints as ``percent``, rounding halves up or to even.

    A text brings its own number of decimals ("1.50" has two); a float needs ``decimals`` (2 by default).
    Raises GenirError for n below 1 and for what is not a number.
    """
    if n < 1:
        raise GenirError(f"expected a sample of at least one query, got n = {n}")
    printed, unit = _read(percent, decimals)
    target = printed / unit  # the printed digits as one integer
    first = max(0, int((target - 1) * unit * n / 100))
    last = min(n, int((target + 1) * unit * n / 100) + 1)
    return [k for k in range(first, last + 1) if _prints_as(Fraction(100 * k, n) / unit, target)]


def sample_sizes(cells: Sequence[Printed], sizes: Iterable[int], decimals: int | None = None) -> list[SampleSize]:
    """The sample sizes that explain most of the printed ``cells``: one, or all that tie.

    Large samples explain everything: at two decimals any n above 10,000 does. Look where n can be.
    """
    if not cells:
        raise GenirError("expected at least one printed percentage, got none")
    best: list[SampleSize] = []
    for n in sizes:
        fits = tuple(cell for cell in cells if possible(cell, n, decimals))
        if best and len(fits) < len(best[0].fits):
            continue
        candidate = SampleSize(n, fits, tuple(cell for cell in cells if cell not in fits))
        best = [*best, candidate] if best and len(fits) == len(best[0].fits) else [candidate]
    if not best:
        raise GenirError("expected at least one sample size to try, got none")
    return best


def consistent_ratio(absolute: Printed, base: Printed, relative: Printed, decimals: int | None = None) -> bool:
    """Whether ``relative`` percent can be 100 absolute / base, given that all three were rounded.

    True where the ratios that the two rounded figures allow overlap those that print as ``relative``.
    ``decimals`` applies to floats, as in ``possible``.
    """
    top, top_unit = _read(absolute, decimals)
    bottom, bottom_unit = _read(base, decimals)
    ratio, ratio_unit = _read(relative, decimals)
    if bottom - bottom_unit / 2 <= 0:
        raise GenirError(f"expected a base that is not zero within rounding, got {base}")
    least = 100 * (top - top_unit / 2) / (bottom + bottom_unit / 2)
    most = 100 * (top + top_unit / 2) / (bottom - bottom_unit / 2)
    return least <= ratio + ratio_unit / 2 and most >= ratio - ratio_unit / 2


def _prints_as(exact: Fraction, target: Fraction) -> bool:
    gap = exact - target
    if abs(gap) != Fraction(1, 2):
        return abs(gap) < Fraction(1, 2)
    return gap < 0 or target % 2 == 0  # a half goes up to the target, or down to an even one


def _read(printed: Printed, decimals: int | None) -> tuple[Fraction, Fraction]:
    """The figure and the unit of its last decimal, exactly."""
    places = 2 if decimals is None else decimals
    text = printed.strip() if isinstance(printed, str) else f"{printed:.{places}f}"
    try:
        number = Decimal(text)
        exponent = number.as_tuple().exponent
        if not isinstance(exponent, int):
            raise InvalidOperation
    except InvalidOperation:
        raise GenirError(f"expected a printed number such as '92.86', got {printed!r}") from None
    return Fraction(number), Fraction(10) ** min(exponent, 0)
