"""One strategy on one instrument by a fixed quantity: signals, fills and equity in one compiled scan, block by block.

The rules are those of ``matching.fills`` for orders at market: what a close decides fills at the next open that has
volume, worsened by half the spread and the slippage, with the taker's fee. Between two fills nothing happens, so that
equity is written without a branch a bar.
"""

from functools import cache
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from fanfold.research.columns import IntegerBars, Integers, borrow
from fanfold.research.compile_cache import STRATEGY, keep, step_part
from fanfold.research.equity_line import draw_line, farthest
from fanfold.research.step_signals import SignalTape, blank_signals, signalled_by
from fanfold.research.tape import DONE, FILLS, LIMIT, OVERFLOW, FillTape, fee_of, piece, worsened, write_fill

# How a scan stopped, besides DONE and OVERFLOW: the tape may have no room for the fills of the next block.
FULL = 2
# Bars that are folded, then traded: as many as the processor keeps at hand.
BLOCK = 4_096
# Bound anew in the copy of the scan for each source of signals.
signalled: Any = None


class ScanTerms(NamedTuple):
    """The terms of a scan, as integers.

    ``cash`` is in steps of cash, ``size`` the lots of a weight of 1, ``worth`` the steps of cash of a lot at a price of
    one tick of the bars' scale; ``fee`` and ``worse`` are shares, as numerator and denominator; ``tick`` is in ticks of
    that scale, ``step`` what fees are multiples of.
    """

    cash: int
    size: int
    worth: int
    fee: tuple[int, int]
    worse: tuple[int, int]
    tick: int
    step: int


class ScanRoom(NamedTuple):
    """Room for what happens in a block: its signals, and the bar and the open at which each order of it fills.

    The first order is the one that waits from the block before; ``fills_at`` is -1 for one that finds no volume.
    """

    signals: SignalTape
    fills_at: Integers
    opened: Integers


class Holding(NamedTuple):
    """The account of a scan: cash, lots, the lots of an order that waits, and the number of bars that are valued.

    ``valued`` is -1 where 64 bits do not hold a figure.
    """

    cash: int
    lots: int
    waits: int
    valued: int


class ScanPoint(NamedTuple):
    """A place between two blocks: the first bar of the next, the progress of the signals, and the account."""

    at: int
    progress: Any
    holding: Holding


class ScanEnd(NamedTuple):
    """The end of a scan: its code, and the block at which it ended. From FULL a scan goes on, with a longer tape."""

    code: int
    point: ScanPoint


def before_all(progress: Any, terms: ScanTerms) -> ScanPoint:
    """Return the place before the first bar."""
    return ScanPoint(0, progress, Holding(terms.cash, 0, 0, 0))


def blank_room() -> ScanRoom:
    """Return room for any block."""
    return ScanRoom(blank_signals(BLOCK), np.empty(BLOCK + 1, np.int64), np.empty(BLOCK + 1, np.int64))


@piece
def quantity_of(weight: float, size: int) -> int:
    """Return a weight's share of a size, in whole lots towards zero; 0.29 of 100 is 29."""
    exact = weight * size
    nearest = round(exact)
    return int(nearest) if abs(exact - nearest) <= 1e-12 * size else int(exact)


@piece
def too_large(lots: int, price: int, of: int, cash: int, terms: ScanTerms) -> bool:
    """Return whether 64 bits may not hold the worth of lots, ``of`` times, and cash."""
    return abs(float(lots)) * float(price) * float(terms.worth) * float(of) + abs(float(cash)) > LIMIT


@piece
def priced(order: int, opened: int, terms: ScanTerms) -> tuple[int, int, int]:
    """Return the price, the notional and the fee of an order at a bar's open."""
    price = worsened(order, opened, terms.worse[0], terms.worse[1], terms.tick)
    notional = abs(order) * price * terms.worth
    return price, notional, fee_of(notional, terms.fee[0], terms.fee[1], terms.step)


def _scan(source: Any, point: ScanPoint, bars: IntegerBars, terms: ScanTerms, room: ScanRoom, tape: FillTape,
          equity: Integers) -> ScanEnd:  # fmt: skip
    seen, market, block, written, worths = borrow(source), borrow(bars), borrow(room), borrow(tape), borrow(equity)
    since, progress, holding = point
    for first in range(since, worths.size, BLOCK):
        end = min(first + BLOCK, worths.size)
        if written.fills.shape[0] - written.counts[FILLS] < end - first:
            return ScanEnd(FULL, ScanPoint(first, progress, holding))
        progress, count = signalled(seen, progress, first, end, block.signals)
        if count < 0:
            return ScanEnd(count, ScanPoint(first, progress, holding))
        _plan(block, count, first, end, market)
        top = farthest(market.close, first, end)[1]
        holding = _trade(holding, block, count, end, top, market, terms, written, worths)
        if holding.valued < 0:
            return ScanEnd(OVERFLOW, ScanPoint(first, progress, holding))
    return ScanEnd(DONE, ScanPoint(worths.size, progress, holding))


@piece
def _plan(room: ScanRoom, count: int, first: int, end: int, bars: IntegerBars) -> None:
    """Write where the orders of a block fill, ahead of all: their bars lie far apart, and are read at the same time."""
    at = first
    for number in range(count + 1):
        # What does not fill by the bar of the next signal is replaced by that.
        last = room.signals.at[number] if number < count else end - 1
        while at <= last and bars.volume[at] <= 0:
            at += 1
        room.fills_at[number] = at if at <= last else -1
        room.opened[number] = bars.open[min(at, last)]
        at = last + 1


@piece
def _trade(holding: Holding, room: ScanRoom, count: int, end: int, top: int, bars: IntegerBars, terms: ScanTerms,
           tape: FillTape, equity: Integers) -> Holding:  # fmt: skip
    """Trade the signals of a block, whose highest close is ``top``, and value it up to bar ``end``."""
    cash, lots, waits, valued = holding
    if too_large(lots, top, 1, cash, terms):
        return Holding(cash, lots, waits, -1)
    for number in range(count + 1):
        if number > 0:
            waits = quantity_of(room.signals.weight[number - 1], terms.size) - lots
        at, opened = room.fills_at[number], room.opened[number]
        if waits == 0 or at < 0:
            continue
        if too_large(waits, 2 * opened, max(terms.fee[0], 1), cash, terms):
            return Holding(cash, lots, waits, -1)
        draw_line(equity, bars.close, valued, at, cash, lots * terms.worth)
        price, notional, fee = priced(waits, opened, terms)
        write_fill(tape, 0, at, waits, price, fee, terms.worth, terms.step)
        cash -= (notional if waits > 0 else -notional) + fee
        lots += waits
        waits, valued = 0, at
        if too_large(lots, top, 1, cash, terms):
            return Holding(cash, lots, waits, -1)
    draw_line(equity, bars.close, valued, end, cash, lots * terms.worth)
    return Holding(cash, lots, waits, end)


def scan_of(signalled: Any, modules: tuple[str, ...], part: str) -> Any:
    """Return the compiled scan of a source of signals; see ``compile_cache.keep``."""
    scan = FunctionType(_scan.__code__, _scan.__globals__ | {"signalled": signalled}, "fixed_size")
    return keep(njit(scan), modules, part)


@cache
def step_scan(step: FunctionType) -> Any:
    """Return the compiled scan of a step."""
    return scan_of(signalled_by(step), STRATEGY, step_part(step))
