"""Bars in another order: what a market looks like that has the same bars and no pattern in time.

From Masters, "Permutation and Randomization Tests for Trading System Development" (2020). The step from a close to the
next open and the shape of a bar from its open are drawn apart, each without replacement, and alike for all instruments.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from fanfold.research.bias_lab.market_columns import PRICES, MarketColumns
from fanfold.research.columns import EVERY, Floats, Integers

# The columns that every walk over bars reads.
NEEDED = ("open", "close", "volume")


class BarShapes(NamedTuple):
    """Bars without their level: by instrument and bar, but the first, the gap to its open, and its shape from there.

    A shape is close, high and low as multiples of the open, and the volume.
    """

    bars: MarketColumns
    gaps: Floats
    shapes: Floats


class Permutation(NamedTuple):
    """The outcome of a test: how many permuted markets did at least as well, and how likely that is by chance."""

    score: float
    probability: float
    better: int
    markets: int


def shapes_of(bars: MarketColumns) -> BarShapes:
    """Return the gaps and shapes of bars."""
    later = bars.open[:, 1:]
    shapes = [bars.close[:, 1:] / later, bars.high[:, 1:] / later, bars.low[:, 1:] / later, bars.volume[:, 1:]]
    return BarShapes(bars, later / bars.close[:, :-1], np.ascontiguousarray(np.stack(shapes, axis=2)))


def permuted(market: BarShapes, chance: np.random.Generator, names: frozenset[str] = EVERY) -> MarketColumns:
    """Return bars in another order: the same first bar, the same last close, the same gaps and shapes.

    Highs and lows are NaN unless they are among ``names``.
    """
    bars = market.bars
    orders = [np.empty(bars.length - 1, np.int32) for _ in range(2)]
    for order in orders:
        _compiled(_draw)(chance, order)
    # None is laid of a column without places.
    columns = [np.empty_like(column) if name in {*NEEDED, *names} else column[:, :0]
               for name, column in zip(PRICES, bars[2:], strict=True)]  # fmt: skip
    for member in range(len(bars.instruments)):
        first = np.array([column[member, 0] for column in bars[2:]])
        rows = (row[member] for row in columns)
        _compiled(_lay)(market.gaps[member], market.shapes[member], *orders, first, *rows)
    unread = np.broadcast_to(np.nan, bars.close.shape)
    return MarketColumns(bars.instruments, bars.time, *(row if row.size else unread for row in columns))


@cache
def _compiled(function: Callable[..., None]) -> Any:
    return njit(nogil=True)(function)


def _draw(chance: np.random.Generator, order: Integers) -> None:
    """Write every place once, in an order by chance, as Fisher and Yates do."""
    for place in range(order.size):
        order[place] = place
    for place in range(order.size - 1, 0, -1):
        other = int(chance.random() * (place + 1))
        order[place], order[other] = order[other], order[place]


def _lay(
    gaps: Floats, shapes: Floats, gap_order: Integers, shape_order: Integers, first: Floats,
    opened: Floats, high: Floats, low: Floats, close: Floats, volume: Floats,
) -> None:  # fmt: skip
    opened[0], close[0], volume[0] = first[0], first[3], first[4]
    last = close[0]
    for place in range(gap_order.size):
        begins, shape = last * gaps[gap_order[place]], shapes[shape_order[place]]
        last = begins * shape[0]
        opened[place + 1], close[place + 1], volume[place + 1] = begins, last, shape[3]
        if high.size:
            high[place + 1] = begins * shape[1]
        if low.size:
            low[place + 1] = begins * shape[2]
    high[:1], low[:1] = first[1], first[2]


def permutation_test(
    score: Callable[[MarketColumns], float],
    bars: MarketColumns,
    count: int,
    seed: int,
    names: frozenset[str] = EVERY,
) -> Permutation:
    """Return how a score of the bars compares with that of permuted ones, in a thread a core.

    ``names`` are the columns that the score reads besides opens, closes and volumes. Of a market without a pattern each
    rank is as likely, so the probability is exact.
    """
    shapes, real = shapes_of(bars), score(bars)

    def as_good(number: int) -> bool:
        return score(permuted(shapes, np.random.default_rng([seed, number]), names)) >= real

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        better = sum(threads.map(as_good, range(count)))
    return Permutation(real, (better + 1) / (count + 1), better, count)
