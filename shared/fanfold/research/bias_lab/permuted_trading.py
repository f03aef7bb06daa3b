"""The score of a strategy on a permuted market: laid, folded and walked block by block, in one compiled scan.

A block is some thousands of bars, which the processor keeps at hand; no column of the market is ever whole.
"""

import threading
from collections.abc import Callable
from functools import cache, partial
from math import nan, sqrt
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from fanfold.research.bias_lab.market_columns import TAIL
from fanfold.research.bias_lab.permuting import (
    BarShapes,
    LaidColumns,
    MarketOrder,
    ShuffledMarket,
    TileRoom,
    accumulate,
    blank_room,
    lay_first,
    lay_tile,
    order_of,
)
from fanfold.research.bias_lab.shuffling import TILE
from fanfold.research.bias_lab.trading import TradedBars, TradeTerms, nothing_held, share_of, trade
from fanfold.research.columns import Floats, Integers, borrow
from fanfold.research.compile_cache import PERMUTED, keep, step_part
from fanfold.research.compiled import columns_read, inlined, part
from fanfold.research.folding import ENDLESS, PROTECTED, UNSOUND, write
from fanfold.research.tape import piece
from fanfold.strategies import sma_cross
from fanfold.strategy.bars import Bars
from fanfold.strategy.contract import Strategy
from fanfold.strategy.loading import attempted

# Bars that are folded, then walked.
BLOCK = 2 * TILE
# Below so many bars to lay in all it takes less to lay them whole than to compile a scan of a step.
BARS_MIN = 50_000_000
# Bound anew in the copies of a fold and of a scan for each strategy.
step: Any = None
fold_block: Any = None


class BlockRoom(NamedTuple):
    """Room for a block of bars, with the lookback in front and bars to come behind, and for what comes of them.

    ``time`` are the padded closes of all bars; ``summed`` is what instruments earn together, and empty for one alone;
    ``totals`` are sums of closes.
    """

    time: Integers
    columns: LaidColumns
    tile: TileRoom
    totals: Floats
    wanted: Floats
    earned: Floats
    summed: Floats


class Earned(NamedTuple):
    """The sum of returns, and of their squares, which are NaN where the live leg would be silent at a bar."""

    total: float
    squares: float


def _block_room(strategy: Strategy, market: ShuffledMarket) -> BlockRoom:
    """Return room for the markets of a thread."""
    bars, before = market.bars, strategy.lookback
    length = before + BLOCK + TILE + 2 * TAIL
    time = np.concatenate([np.full(before, bars.time[0]), bars.time, np.full(TAIL, bars.time[-1])])
    summed = np.zeros(bars.length if len(market.members) > 1 else 0)
    read = {"open", "close", "volume"} | columns_read(strategy.step)
    columns = LaidColumns(*(np.ones(length if name in read else 0) for name in LaidColumns._fields))
    return BlockRoom(time, columns, blank_room(), np.empty(length), np.zeros((4, BLOCK)), np.zeros(BLOCK), summed)


def permuted_scores(strategy: Strategy, market: ShuffledMarket, cost: float) -> Callable[[int], float]:
    """Return what scores permuted markets by number, for several threads at once.

    It is ``score`` of what the strategy earns on ``permuted``, and NaN where its step raises, or wants what
    silences the live leg: no finite weight, or a protection that is no share of the price.
    """
    scan, start = _scan_of(strategy.step), strategy.start(strategy.params)
    terms = TradeTerms(share_of(strategy, len(market.members)), cost)
    mine = threading.local()

    def score_of(number: int) -> float:
        if not hasattr(mine, "room"):
            mine.room = _block_room(strategy, market)
        order, room, earned = order_of(market, number), mine.room, Earned(nan, nan)
        room.summed[:] = 0.0
        for shapes in market.members:
            made = attempted(partial(scan, strategy.params, start, strategy.lookback, shapes, order, terms, room))
            if isinstance(made, BaseException):
                return nan
            earned = Earned(*made)
        mean = earned.total / market.bars.length
        spread = earned.squares / market.bars.length - mean * mean
        return 0.0 if spread <= 0 else mean / sqrt(spread)

    return score_of


@cache
def _scan_of(step: FunctionType) -> Any:
    if step is sma_cross.step:
        fold = part()(_cross)
    else:
        by_step = FunctionType(_step_over.__code__, _step_over.__globals__ | {"step": inlined(step)}, "fold")
        fold = part()(by_step)
    scan = FunctionType(_scan.__code__, _scan.__globals__ | {"fold_block": fold}, "permuted")
    return keep(njit(nogil=True)(scan), PERMUTED, step_part(step))


def _step_over(params: Any, state: Any, lookback: int, time: Any, count: int, room: BlockRoom) -> Any:
    """Write what a step wants at each bar of a block, and return its state and the marks of ``folding.write``."""
    seen: Any = room.columns
    wanted, marks = room.wanted, 0
    for at in range(count):
        view = Bars(at + lookback, time, seen.open, seen.high, seen.low, seen.close, seen.volume)
        state, weight = step(params, state, view)
        marks |= write(wanted, at, weight)
    return state, marks


def _cross(params: Any, state: Any, lookback: int, _time: Integers, count: int, room: BlockRoom) -> Any:
    """Do so for the shipped crossing of averages, whose sums of windows are differences of running sums.

    They round where the step does not, which matters at ties, and prices of a permuted market have none by design.
    """
    totals, wanted = room.totals, room.wanted[0]
    totals[0] = 0.0
    accumulate(_sum, 0.0, room.columns.close[: lookback + count], totals[1 : lookback + count + 1])
    now, fast_ago = totals[params.slow :], totals[params.slow - params.fast :]
    for at in range(np.uint64(count)):
        wanted[at] = params.slow * (now[at] - fast_ago[at]) > params.fast * (now[at] - totals[at])
    return state, 0


@piece
def _sum(first: float, second: float) -> float:
    return first + second


def _scan(
    params: Any, state: Any, lookback: int, shapes: BarShapes, order: MarketOrder, terms: TradeTerms, room: BlockRoom
) -> Earned:
    parts, places, kept = borrow(shapes), borrow(order), borrow(room)
    seen, length = kept.columns, places.gaps.places + 1
    last = lay_first(parts, seen, lookback)
    _pad(seen, 0, lookback, lookback)
    held, earned, laid, first = nothing_held(parts.first[0]), Earned(0.0, 0.0), 1, 0
    while first < length:
        last, laid = _lay_ahead(parts, places, last, kept, lookback, laid, first)
        count = min(BLOCK, length - first)
        state, marks = fold_block(params, state, lookback, kept.time[first:], count, kept)
        held, earned = _walk(held, earned, first, count, lookback, terms, marks, kept)
        _pass_on(seen, count, lookback + laid - first)
        first += count
    return earned


@njit(error_model="numpy", nogil=True)
def _lay_ahead(
    shapes: BarShapes, order: MarketOrder, last: float, room: BlockRoom, lookback: int, laid: int, first: int
) -> tuple[float, int]:
    """Lay tiles until a block and what follows it is there; return the last close and the number of bars."""
    length = order.gaps.places + 1
    while laid < length and laid < first + BLOCK + TAIL:
        last = lay_tile(shapes, order, (laid - 1) // TILE, last, room.tile, room.columns, lookback + laid - first)
        laid = min(laid + TILE, length)
    if laid == length:
        end = lookback + laid - first
        _pad(room.columns, end, end + TAIL, end - 1)
    return last, laid


@piece
def _pad(columns: LaidColumns, first: int, end: int, like: int) -> None:
    """Fill places with the bar at another."""
    for column in columns:
        for place in range(first, min(end, column.size)):
            column[place] = column[like]


@piece
def _pass_on(columns: LaidColumns, count: int, end: int) -> None:
    """Move bars so many places to the front, up to a place."""
    for column in columns:
        to, of = column[: max(end - count, 0)], column[count:end]
        for place in range(np.uint64(of.size)):
            to[place] = of[place]


@njit(error_model="numpy", nogil=True)
def _walk(
    held: Any, earned: Earned, first: int, count: int, lookback: int, terms: TradeTerms, marks: int, room: BlockRoom
) -> tuple[Any, Earned]:
    """Trade a block of which the step left marks; return what is held and earned then."""
    wanted, columns = room.wanted, room.columns
    # Nothing is said before more bars than the lookback were seen.
    silent = min(max(lookback - first, 0), count)
    for at in range(silent):
        wanted[0, at] = nan
    bars = TradedBars(wanted, columns.open[lookback:], columns.close[lookback:], columns.volume[lookback:])
    held = trade(held, bars, count, terms, marks & PROTECTED != 0, room.earned)
    if room.summed.size:
        for at in range(count):
            room.summed[first + at] += room.earned[at]
            room.earned[at] = room.summed[first + at]
    total, squares = _sums(room.earned[:count])
    squares = nan if marks & (ENDLESS | UNSOUND) else squares
    return held, Earned(earned.total + total, earned.squares + squares)


# Several sums at once, which round otherwise than one.
@part(fastmath={"reassoc"})
def _sums(row: Floats) -> tuple[float, float]:
    """Return the sum of a row, and of its squares."""
    total, squares = 0.0, 0.0
    for at in range(np.uint64(row.size)):
        total += row[at]
        squares += row[at] * row[at]
    return total, squares
