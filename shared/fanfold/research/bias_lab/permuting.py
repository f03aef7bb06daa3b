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

from fanfold.research.bias_lab.market_columns import MarketColumns
from fanfold.research.bias_lab.shuffling import RUN, TILE, TileOrder, drawn, gather, shuffled
from fanfold.research.columns import EVERY, Floats, borrow
from fanfold.research.compile_cache import PERMUTED, keep
from fanfold.research.tape import piece


class BarShapes(NamedTuple):
    """Bars of an instrument without their level, but the first: the gap to each open, and its shape from there.

    A shape is close, high and low as multiples of the open, and the volume. Gaps and shapes are shuffled, each in an
    order of its own; a column that nobody reads is empty.
    """

    first: Floats
    gaps: Floats
    close: Floats
    high: Floats
    low: Floats
    volume: Floats


class ShuffledMarket(NamedTuple):
    """A market, the shapes of its instruments, and the seed of whatever is drawn of it."""

    bars: MarketColumns
    members: list[BarShapes]
    seed: int


class MarketOrder(NamedTuple):
    """The order of a permuted market: of its gaps, and of its shapes."""

    gaps: TileOrder
    shapes: TileOrder


class TileRoom(NamedTuple):
    """Room for a tile of gaps, one of shapes, and the runs that it is made of."""

    gaps: Floats
    shapes: Floats
    runs: Floats


class LaidColumns(NamedTuple):
    """Columns in which bars are laid; a column that nobody reads is empty."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


class Permutation(NamedTuple):
    """The outcome of a test: how many permuted markets did at least as well, and how likely that is by chance."""

    score: float
    probability: float
    better: int
    markets: int


def shapes_of(bars: MarketColumns, seed: int, names: frozenset[str] = EVERY) -> ShuffledMarket:
    """Return the gaps and shapes of bars; highs, lows and volumes of them where they are among ``names``.

    Volumes are read as well where an order at an open may find none.
    """
    chance = np.random.default_rng(seed)
    gap_places, places = (shuffled(bars.length - 1, chance) for _ in range(2))
    later, none = bars.open[:, 1:], bars.open[:, :0]
    gaps = (later / bars.close[:, :-1])[:, gap_places]
    shapes = (
        (bars.close[:, 1:] / later)[:, places],
        (bars.high[:, 1:] / later)[:, places] if "high" in names else none,
        (bars.low[:, 1:] / later)[:, places] if "low" in names else none,
        bars.volume[:, 1:][:, places] if "volume" in names or not (bars.volume > 0).all() else none,
    )
    firsts = np.stack([column[:, 0] for column in bars[2:]], axis=1)
    return ShuffledMarket(bars, [BarShapes(*rows) for rows in zip(firsts, gaps, *shapes, strict=True)], seed)


def order_of(market: ShuffledMarket, number: int) -> MarketOrder:
    """Draw the order of a permuted market by its number."""
    chance, count = np.random.default_rng([market.seed, number]), market.bars.length - 1
    return MarketOrder(drawn(count, chance), drawn(count, chance))


def blank_room() -> TileRoom:
    return TileRoom(np.empty(TILE), np.empty(TILE), np.empty(TILE + RUN))


def permuted(market: ShuffledMarket, number: int) -> MarketColumns:
    """Return bars in another order: the same first bar, the same last close, the same gaps and shapes.

    A column that nobody reads is NaN, of volumes 1.
    """
    bars, order, room = market.bars, order_of(market, number), blank_room()
    columns = LaidColumns(
        *(np.full(bars.open.shape, 1.0 if name == "volume" else np.nan) for name in LaidColumns._fields)
    )
    for member, shapes in enumerate(market.members):
        _compiled()(shapes, order, room, LaidColumns(*(column[member] for column in columns)))
    return MarketColumns(bars.instruments, bars.time, *columns)


@cache
def _compiled() -> Any:
    return keep(njit(nogil=True)(_lay_all), PERMUTED)


def _lay_all(shapes: BarShapes, order: MarketOrder, room: TileRoom, out: LaidColumns) -> None:
    parts, drawn_order, kept, laid = borrow(shapes), borrow(order), borrow(room), borrow(out)
    last = lay_first(parts, laid, 0)
    for tile in range(drawn_order.gaps.picks.shape[0]):
        last = lay_tile(parts, drawn_order, tile, last, kept, laid, 1 + tile * TILE)


@piece
def lay_first(shapes: BarShapes, out: LaidColumns, at: int) -> float:
    """Lay the first bar at a place, and return its close."""
    out.open[at], out.close[at] = shapes.first[0], shapes.first[3]
    if shapes.high.size:
        out.high[at] = shapes.first[1]
    if shapes.low.size:
        out.low[at] = shapes.first[2]
    if shapes.volume.size:
        out.volume[at] = shapes.first[4]
    return shapes.first[3]  # type: ignore[no-any-return]


@piece
def product(first: float, second: float) -> float:
    return first * second


@piece
def accumulate(join: Callable[[float, float], float], last: float, figures: Floats, out: Floats) -> float:
    """Write a figure joined with all up to each place, four at once, for each waits for the one before; return it."""
    whole = out.size // 4 * 4
    for at in range(0, whole, 4):
        first, third = figures[at], figures[at + 2]
        second, fourth = join(first, figures[at + 1]), join(third, figures[at + 3])
        out[at], out[at + 1] = join(last, first), join(last, second)
        out[at + 2], last = join(last, join(second, third)), join(last, join(second, fourth))
        out[at + 3] = last
    for at in range(whole, out.size):
        last = join(last, figures[at])
        out[at] = last
    return last


@njit(error_model="numpy", nogil=True)
def lay_tile(
    shapes: BarShapes, order: MarketOrder, tile: int, last: float, room: TileRoom, out: LaidColumns, at: int
) -> float:  # fmt: skip
    """Lay a tile of bars from a place on, and return the last close."""
    count = gather(shapes.gaps, order.gaps, tile, room.runs, room.gaps)
    gather(shapes.close, order.shapes, tile, room.runs, room.shapes)
    opened, closes = out.open[at : at + count], out.close[at : at + count]
    for place in range(np.uint64(count)):
        room.shapes[place] *= room.gaps[place]
    opened[0] = last * room.gaps[0]
    last = accumulate(product, last, room.shapes, closes)
    later, before, gaps = opened[1:], closes[: count - 1], room.gaps[1:]
    for place in range(np.uint64(count - 1)):
        later[place] = before[place] * gaps[place]
    if shapes.high.size:
        _lay(shapes.high, order.shapes, tile, room, opened, out.high[at : at + count])
    if shapes.low.size:
        _lay(shapes.low, order.shapes, tile, room, opened, out.low[at : at + count])
    if shapes.volume.size:
        gather(shapes.volume, order.shapes, tile, room.runs, out.volume[at : at + count])
    return last


@piece
def _lay(column: Floats, order: TileOrder, tile: int, room: TileRoom, opened: Floats, out: Floats) -> None:
    gather(column, order, tile, room.runs, room.shapes)
    for place in range(np.uint64(opened.size)):
        out[place] = opened[place] * room.shapes[place]


def permutation_test(real: float, score: Callable[[int], float], count: int) -> Permutation:
    """Return how a score compares with those of so many permuted markets, asked for by number in a thread a core.

    Of a market without a pattern each rank is as likely, so the probability is exact.
    """
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        better = sum(threads.map(lambda number: score(number) >= real, range(count)))
    return Permutation(real, (better + 1) / (count + 1), better, count)
