"""Ratios of daily returns, exactly those of ``performance.ratios``, in a tenth of its time: a sweep makes thousands."""

from itertools import pairwise
from math import fsum, isqrt, ldexp, sqrt
from typing import NamedTuple

import numpy as np

from fanfold.performance import ratios
from fanfold.performance.ratios import DAYS_A_YEAR, RETURNS_MIN
from fanfold.research.columns import EXACT_FLOAT, Floats, Integers

# A return of between -50 % and 100 % is a whole number of these parts.
PARTS = 2**53


class DailyRatios(NamedTuple):
    """The number of daily returns, and what they come to in a year; None where there are too few to say it."""

    days: int
    volatility: float | None
    sharpe: float | None
    sortino: float | None


def daily_ratios(levels: Integers) -> DailyRatios:
    """Return the ratios of the equity at each midnight, in units of money."""
    returns = _returns(levels)
    days = returns.size
    if days < RETURNS_MIN:
        return DailyRatios(days, None, None, None)
    parts = returns * PARTS
    if not (np.abs(parts) < PARTS).all() or (parts != np.floor(parts)).any():
        plain: list[float] = returns.tolist()
        return DailyRatios(days, ratios.volatility(plain), ratios.sharpe(plain), ratios.sortino(plain))
    whole = parts.astype(np.int64).tolist()
    total, squares = sum(whole), sum(part * part for part in whole)
    spread = root(days * squares - total * total, days * (days - 1) * PARTS * PARTS)
    mean, year = total / PARTS / days, sqrt(DAYS_A_YEAR)
    downside = sqrt(fsum(each**2 for each in returns[returns < 0].tolist()) / days)
    return DailyRatios(
        days, spread * year, mean / spread * year if spread else None, mean / downside * year if downside else None
    )


def _returns(levels: Integers) -> Floats:
    before, after = levels[:-1], levels[1:]
    if levels.size and int(levels.max()) < EXACT_FLOAT and int(levels.min()) > 0:
        # Floats hold both, and their quotient is the float nearest to the exact one.
        return after / before - 1
    return np.array([now / then - 1 for then, now in pairwise(levels.tolist()) if then > 0])


def root(part: int, whole: int) -> float:
    """Return the float nearest to the square root of a fraction.

    >>> root(2, 1) == 2**0.5, root(9, 16)
    (True, 0.75)
    """
    if part == 0:
        return 0.0
    # A quotient of 128 bits has a root of 64; what was cut off is kept in its last bit, so that it rounds right.
    shift = (129 - part.bit_length() + whole.bit_length()) // 2
    quotient, rest = divmod(part << 2 * shift, whole) if shift >= 0 else divmod(part, whole << -2 * shift)
    bits = isqrt(quotient)
    return ldexp(float(bits | (rest != 0 or bits * bits != quotient)), -shift)
