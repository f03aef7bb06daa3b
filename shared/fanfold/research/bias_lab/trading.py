"""The returns of what a strategy wants: filled at the next open, at a cost, and closed by its protection.

Weights are held as shares of the capital, in floats: it is the walk of a statistic, run thousands of times. The account
with its lots, limits and exact money is the back-test's.
"""

from functools import cache
from math import isnan
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from fanfold.research.bias_lab.decisions import Decisions
from fanfold.research.bias_lab.market_columns import MarketColumns
from fanfold.research.columns import Floats, borrow
from fanfold.research.compile_cache import PERMUTED, keep
from fanfold.research.tape import piece
from fanfold.strategy.contract import Strategy


class HeldWeight(NamedTuple):
    """A position in an instrument after a bar: its weight, the one to hold from the next open, and the last close.

    ``stopped`` is the side on which it was stopped out, else 0; entry and best close are of the position.
    """

    weight: float
    target: float
    close: float
    stopped: int
    entry: float
    best: float


class TradedBars(NamedTuple):
    """The bars that are walked, and what is wanted at their closes: see ``Decisions``."""

    wanted: Floats
    open: Floats
    close: Floats
    volume: Floats


class TradeTerms(NamedTuple):
    """The share of the capital that an instrument has, and the cost of what is traded as a share of it."""

    share: float
    cost: float


def share_of(strategy: Strategy, instruments: int) -> float:
    """Return the share of the capital that each of so many instruments has."""
    return 1.0 if strategy.cross_sectional else 1.0 / instruments


def returns_of(strategy: Strategy, bars: MarketColumns, decisions: Decisions, cost: float) -> Floats:
    """Return the return of the whole capital in each bar; ``cost`` is the share of what is traded that it costs."""
    terms = TradeTerms(share_of(strategy, len(bars.instruments)), cost)
    total, earned = np.zeros(bars.length), np.empty(bars.length)
    walk = _compiled()
    for wanted, *columns in zip(decisions.wanted, bars.open, bars.close, bars.volume, strict=True):
        walk(TradedBars(wanted, *columns), terms, bool(wanted[1:].any()), earned)
        total += earned
    return total


@cache
def _compiled() -> Any:
    return keep(njit(nogil=True)(_walk), PERMUTED)


def _walk(bars: TradedBars, terms: TradeTerms, guarded: bool, earned: Floats) -> None:
    trade(nothing_held(bars.open[0]), borrow(bars), earned.size, terms, guarded, borrow(earned))


@piece
def nothing_held(price: float) -> HeldWeight:
    """Return the position before a bar that opens at a price."""
    return HeldWeight(0.0, 0.0, price, 0, 0.0, 0.0)


@piece
def trade(
    held: HeldWeight, bars: TradedBars, count: int, terms: TradeTerms, guarded: bool, earned: Floats
) -> HeldWeight:
    """Write what is earned in each of so many bars, and return what is held then.

    ``guarded`` says whether any bar asks for a protection; else bars at which nothing else is wanted are only valued.
    """
    at = 0
    while at < count:
        held = _trade_bar(held, bars, at, terms, earned)
        at += 1
        if not guarded and held.target == held.weight:
            first = at
            while at < count and (bars.wanted[0, at] == held.target or isnan(bars.wanted[0, at])):
                at += 1
            _value(held.weight * terms.share, bars, first, at, earned)
            held = HeldWeight(held.weight, held.target, bars.close[at - 1], 0, held.entry, held.best)
    return held


@piece
def _trade_bar(held: HeldWeight, bars: TradedBars, at: int, terms: TradeTerms, earned: Floats) -> HeldWeight:
    weight, target, last, stopped, entry, best = held
    opened, close, wanted = bars.open[at], bars.close[at], bars.wanted[0, at]
    moved = weight * (opened / last - 1)
    if target != weight and bars.volume[at] > 0:
        moved -= terms.cost * abs(target - weight)
        if target * weight <= 0:
            entry, best = opened, opened
        weight = target
    earned[at] = terms.share * (moved + weight * (close / opened - 1))
    if not isnan(wanted):
        target = wanted
    side = 1 if weight > 0 else -1 if weight < 0 else 0
    if side != 0:
        best = max(best, close) if side > 0 else min(best, close)
        stop, profit, trail = bars.wanted[1, at], bars.wanted[2, at], bars.wanted[3, at]
        gain, fallen = side * (close / entry - 1), side * (close / best - 1)
        if (stop > 0 and gain <= -stop) or (profit > 0 and gain >= profit) or (trail > 0 and fallen <= -trail):
            stopped = side
    # Stopped out, it stays out until another side is wanted.
    if stopped * target > 0:
        target = 0.0
    else:
        stopped = 0
    return HeldWeight(weight, target, close, stopped, entry, best)


@piece
def _value(weight: float, bars: TradedBars, first: int, end: int, earned: Floats) -> None:
    """Write what a weight of the capital earns from a bar up to another, several bars at once."""
    opened, before, close = bars.open[first:end], bars.close[first - 1 : end - 1], bars.close[first:end]
    written = earned[first:end]
    if weight == 0.0:
        written[:] = 0.0
        return
    for at in range(np.uint64(end - first)):
        # The moves to the open and from there, by one division.
        moved = (opened[at] - before[at]) * opened[at] + (close[at] - opened[at]) * before[at]
        written[at] = weight * (moved / (before[at] * opened[at]))
