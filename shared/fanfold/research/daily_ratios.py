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
# Of so many, the sums of products of halves fit into 64 bits.
HALF_BITS, DAYS_AT_ONCE = 27, 512


class DailyRatios(NamedTuple):
    """The number of daily returns, and what they come to in a year; None where there are too few to say it."""

    days: int
    volatility: float | None
    sharpe: float | None
    sortino: float | None


def daily_ratios(levels: Integers) -> DailyRatios:
    """Return the ratios of the equity at each midnight, in units of money."""
    (measured,) = _measured(_returns(levels)[np.newaxis])
    return measured


def daily_ratios_of(rows: Integers) -> list[DailyRatios]:
    """Return the ratios of each row of levels: numpy takes as long to begin with one as for a dozen."""
    exact = (rows.min(axis=1, initial=1) > 0) & (rows.max(axis=1, initial=1) < EXACT_FLOAT)
    together = iter(_measured(_quotients(rows[exact])))
    return [next(together) if held else daily_ratios(levels) for levels, held in zip(rows, exact.tolist(), strict=True)]


def _measured(returns: Floats) -> list[DailyRatios]:
    """Return the ratios of each row of returns."""
    days = returns.shape[1]
    if days < RETURNS_MIN:
        return [DailyRatios(days, None, None, None)] * len(returns)
    parts = returns * PARTS
    fits = ((np.abs(parts) < PARTS) & (parts == np.floor(parts))).all(axis=1)
    sums = _sums(np.where(fits[:, np.newaxis], parts, 0).astype(np.int64))
    return [
        _ratios(row, *each) if fit else _plain_ratios(row)
        for row, each, fit in zip(returns, sums, fits.tolist(), strict=True)
    ]


def _plain_ratios(returns: Floats) -> DailyRatios:
    plain: list[float] = returns.tolist()
    return DailyRatios(len(plain), ratios.volatility(plain), ratios.sharpe(plain), ratios.sortino(plain))


def _ratios(returns: Floats, total: int, squares: int) -> DailyRatios:
    """Return the ratios of returns by the exact sums of their parts, and of the squares of these."""
    days, year = returns.size, sqrt(DAYS_A_YEAR)
    spread = root(days * squares - total * total, days * (days - 1) * PARTS * PARTS)
    mean = total / PARTS / days
    downside = sqrt(fsum([each**2 for each in returns[returns < 0].tolist()]) / days)
    return DailyRatios(
        days, spread * year, mean / spread * year if spread else None, mean / downside * year if downside else None
    )


def _sums(parts: Integers) -> list[tuple[int, int]]:
    """Return the exact sums of each row of numbers below PARTS, and of their squares."""
    sums = [(0, 0)] * len(parts)
    for at in range(0, parts.shape[1], DAYS_AT_ONCE):
        few = parts[:, at : at + DAYS_AT_ONCE]
        upper, lower = few >> HALF_BITS, few & (1 << HALF_BITS) - 1
        products = (few, upper * upper, upper * lower, lower * lower)
        more = zip(sums, *(product.sum(axis=1).tolist() for product in products), strict=True)
        sums = [
            (total + each, squares + (high << 2 * HALF_BITS) + (mixed << HALF_BITS + 1) + low)
            for (total, squares), each, high, mixed, low in more
        ]
    return sums


def _returns(levels: Integers) -> Floats:
    if levels.size and int(levels.max()) < EXACT_FLOAT and int(levels.min()) > 0:
        return _quotients(levels)
    return np.array([now / then - 1 for then, now in pairwise(levels.tolist()) if then > 0])


def _quotients(levels: Integers) -> Floats:
    """Return returns where floats hold all levels: their quotient is the float nearest to the exact one."""
    return levels[..., 1:] / levels[..., :-1] - 1


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
