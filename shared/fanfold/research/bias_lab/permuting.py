"""Bars in another order: what a market looks like that has the same bars and no pattern in time.

From Masters, "Permutation and Randomization Tests for Trading System Development" (2020). The step from a close to the
next open and the shape of a bar from its open are drawn apart, each without replacement, and alike for all instruments.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from fanfold.research.bias_lab.market_columns import MarketColumns
from fanfold.research.columns import Floats, Integers


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


def permuted(market: BarShapes, chance: np.random.Generator) -> MarketColumns:
    """Return bars in another order: the same first bar, the same last close, the same gaps and shapes."""
    bars = market.bars
    count = bars.length - 1
    gap_order, shape_order = chance.permutation(count), chance.permutation(count)
    columns = [column.copy() for column in bars[2:]]
    for member in range(len(bars.instruments)):
        rows = (row[member] for row in columns)
        _compiled()(market.gaps[member], market.shapes[member], gap_order, shape_order, *rows)
    return MarketColumns(bars.instruments, bars.time, *columns)


@cache
def _compiled() -> Any:
    return njit(_lay)


def _lay(
    gaps: Floats, shapes: Floats, gap_order: Integers, shape_order: Integers,
    opened: Floats, high: Floats, low: Floats, close: Floats, volume: Floats,
) -> None:  # fmt: skip
    last = close[0]
    for place in range(gap_order.size):
        begins, shape = last * gaps[gap_order[place]], shapes[shape_order[place]]
        last = begins * shape[0]
        opened[place + 1], close[place + 1] = begins, last
        high[place + 1], low[place + 1], volume[place + 1] = begins * shape[1], begins * shape[2], shape[3]


def permutation_test(
    score: Callable[[MarketColumns], float], bars: MarketColumns, count: int, seed: int
) -> Permutation:
    """Return how a score of the bars compares with that of permuted ones.

    Of a market without a pattern each rank is as likely, so the probability is exact.
    """
    chance = np.random.default_rng(seed)
    shapes, real = shapes_of(bars), score(bars)
    better = sum(score(permuted(shapes, chance)) >= real for _ in range(count))
    return Permutation(real, (better + 1) / (count + 1), better, count)
