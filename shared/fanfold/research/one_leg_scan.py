"""An account of one leg in one compiled scan that writes no series: it goes from change to change of what is wanted.

Orders, rules and bounds are those of ``account_scan``; ``curve_sums`` sums up what lies between two fills. For a leg
without a protection, whose strategy is stepped at each poll.
"""

from enum import IntEnum
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from fanfold.research.account_book import (
    FRESH,
    INT64_MAX,
    NOTHING,
    UNTOLD_LOTS,
    AccountField,
    AccountTerm,
    BarField,
    Book,
    BoundField,
    LegField,
    PollTable,
    RuleField,
    Terms,
    Wanted,
)
from fanfold.research.account_bounds import idle_until, is_around
from fanfold.research.account_decision import judge_all, propose, remain
from fanfold.research.account_idle import day_before
from fanfold.research.account_matching import match
from fanfold.research.account_scan import is_of_one_leg, value
from fanfold.research.columns import Floats, Integers, borrow, fetch
from fanfold.research.compile_cache import ONE_LEG, keep
from fanfold.research.curve_sums import add_span, begin, end_curve, sum_trips
from fanfold.research.equity_line import farthest
from fanfold.research.quantity_sums import CurveSum, QuantitySums, ValuedBars
from fanfold.research.step_signals import SignalTape
from fanfold.research.tape import DONE, FILLS, OVERFLOW, FillField, FillTape, piece

# Bars whose closes are looked through at once.
BLOCK = 256
# Signals whose bars are asked for before they are needed.
AHEAD = 8


class LegMarket(NamedTuple):
    """The bars of a leg at all polls, and as curves are valued, where poll 0 is bar ``bars.first``.

    ``unit`` is a tick of the latter in ticks of the former.
    """

    polls: PollTable
    bars: ValuedBars
    unit: int


class LegTrade(NamedTuple):
    """All that a scan writes: the account's book, sums, and at each poll the gross exposure as a share of equity.

    ``progress`` is by ScanField.
    """

    book: Book
    sums: QuantitySums
    exposure: Floats
    progress: Integers


class ScanField(IntEnum):
    """A figure of the progress of a scan: the poll, the number of the next signal, and whether a quantity is asked for.

    Then the first poll that is not summed up yet, and the lowest and the highest close since.
    """

    AT = 0
    SIGNAL = 1
    ASKS = 2
    SUMMED = 3
    LOW = 4
    HIGH = 5


@cache
def cached_scan() -> Any:
    """Return the scan, compiled before where that was kept; it returns its code, and OVERFLOW as ``account_scan``."""
    return keep(njit(nogil=True, error_model="numpy")(_scan), ONE_LEG)


def _scan(
    signals: SignalTape, count: int, market: LegMarket, terms: Terms, wanted: Wanted, trade: LegTrade, money_max: float
) -> int:
    """Trade so many signals, from where the progress stands; of ``wanted`` only its sizes count."""
    changes, seen, of, targets, made = borrow(signals), borrow(market), borrow(terms), borrow(wanted), borrow(trade)
    kept, progress, polls = made.book, made.progress, seen.polls.time.size
    if not is_of_one_leg(kept, seen.polls, of):
        return OVERFLOW
    if progress[ScanField.AT] == 0 and progress[ScanField.ASKS] == 0:
        begin(of.account[AccountTerm.CASH], seen.bars, made.sums, kept.tape)
        progress[ScanField.LOW], progress[ScanField.HIGH] = INT64_MAX, -INT64_MAX
    at, number = progress[ScanField.AT], progress[ScanField.SIGNAL]
    while at < polls:
        if progress[ScanField.ASKS] == 0:
            if kept.sums[AccountField.LIVE] > 0:
                _sum_up(at, seen, of, made)
                match(at, kept, seen.polls, of)
            number, weight, before = _told(number, at, changes, count, seen)
            if number < count:
                _fetch_bars(changes.at[min(number + AHEAD, count) - 1] - seen.bars.first, seen)
            at = _pass_idle_bars(at, weight, before, seen, of, targets, made, money_max)
            if at == polls:
                break
            number, weight, before = _told(number, at, changes, count, seen)
            mine = kept.leg[0]
            mine[LegField.STATE], mine[LegField.AT], kept.weight[0] = FRESH, at, weight
            mine[LegField.CODE], mine[LegField.EXIT] = 0, 0
            value(at, kept, seen.polls, of)
            close = seen.bars.close[seen.bars.first + at]
            _reach(close, close, progress)
        if abs(float(kept.sums[AccountField.EQUITY])) + float(kept.sums[AccountField.GROSS]) > money_max:
            return OVERFLOW
        asks = propose(at, kept, seen.polls, of, targets) >= 0
        progress[ScanField.AT], progress[ScanField.SIGNAL], progress[ScanField.ASKS] = at, number, asks
        if asks:
            return UNTOLD_LOTS
        judge_all(at, kept, seen.polls, of)
        remain(at, kept)
        at += 1
    _sum_up(polls, seen, of, made)
    _end(seen, of, made)
    return DONE


@piece
def _told(number: int, at: int, signals: SignalTape, count: int, market: LegMarket) -> tuple[int, float, int]:
    """Return the next signal after a poll, the weight that is wanted at it, and the poll of the next signal."""
    while number < count and signals.at[number] - market.bars.first <= at:
        number += 1
    weight = signals.weight[number - 1] if number > 0 else 0.0
    before = signals.at[number] - market.bars.first if number < count else market.polls.time.size
    return number, weight, before


@piece
def _fetch_bars(at: int, market: LegMarket) -> None:
    """Prefetch what an order that is decided at a poll reads, then and when it fills."""
    polls = market.polls
    fetch(polls.time, at)
    fetch(polls.seen[0], at)
    for figure in (BarField.CLOSE, BarField.OPEN, BarField.VOLUME):
        fetch(polls.bars[figure, 0], at)
        fetch(polls.bars[figure, 0], at + 1)
    fetch(market.bars.facts[market.bars.first + at + 1], 0)


@piece
def _pass_idle_bars(
    at: int, weight: float, before: int, market: LegMarket, terms: Terms, wanted: Wanted, trade: LegTrade,
    money_max: float,
) -> int:  # fmt: skip
    """Pass the idle bars of a day from one on, as ``account_idle`` does; return the first that is not."""
    book, polls, closes = trade.book, market.polls, market.bars.close[market.bars.first :]
    sums = book.sums
    if sums[AccountField.LIVE] > 0:
        return at
    first, end, bound = at, min(before, day_before(at, book, polls, terms)), book.bound[0]
    book.bound_weight[0] = weight
    while at < end:
        if idle_until(at, book, polls, terms, wanted, guarded=False) == 0 or not is_around(
            at, book, polls, terms, money_max, guarded=False
        ):
            break
        unit = bound[BoundField.UNIT] * market.unit
        if unit == 0 and bound[BoundField.PRICE_LEAST] == -INT64_MAX:
            sums[AccountField.PEAK] = max(sums[AccountField.PEAK], sums[AccountField.CASH])
            at = end
            break
        last = min(at + BLOCK, end)
        low, high = farthest(closes, at, last)
        if low * market.unit < bound[BoundField.PRICE_LEAST] or high * market.unit > bound[BoundField.PRICE_MOST]:
            last = _within(at, closes, bound, market.unit)
            if last == at:
                break
            low, high = farthest(closes, at, last)
        _reach(low, high, trade.progress)
        best = sums[AccountField.CASH] + unit * (high if unit > 0 else low)
        sums[AccountField.PEAK], at = max(sums[AccountField.PEAK], best), last
    if at > first:
        worth = book.leg[0, LegField.QUANTITY] * terms.rule[0, RuleField.WORTH]
        sums[AccountField.LAST] = sums[AccountField.CASH] + worth * polls.bars[BarField.CLOSE, 0, at - 1]
        book.leg[0, LegField.STATE] = NOTHING
    return at


@piece
def _reach(low: int, high: int, progress: Integers) -> None:
    """Note closes that were reached since polls were summed up."""
    progress[ScanField.LOW], progress[ScanField.HIGH] = (
        min(progress[ScanField.LOW], low),
        max(progress[ScanField.HIGH], high),
    )


@piece
def _within(at: int, closes: Integers, bound: Integers, unit: int) -> int:
    """Return the first bar from one on whose close is out of bounds; there is one."""
    while bound[BoundField.PRICE_LEAST] <= closes[at] * unit <= bound[BoundField.PRICE_MOST]:
        at += 1
    return at


@piece
def _sum_up(end: int, market: LegMarket, terms: Terms, trade: LegTrade) -> None:
    """Sum up the polls before one since the last fill."""
    progress, base, cash = trade.progress, market.bars.first, trade.book.sums[AccountField.CASH]
    first, unit = progress[ScanField.SUMMED], trade.book.leg[0, LegField.QUANTITY] * terms.rule[0, RuleField.WORTH]
    if first == end:
        return
    unit *= market.unit
    closes = progress[ScanField.LOW], progress[ScanField.HIGH]
    add_span(base + first, base + end, cash, unit, closes, market.bars, trade.sums)
    if unit == 0:
        trade.exposure[first:end] = 0.0
    else:
        _expose(trade.exposure[first:end], market.bars.close[base + first : base + end], cash, unit)
    progress[ScanField.SUMMED], progress[ScanField.LOW], progress[ScanField.HIGH] = end, INT64_MAX, -INT64_MAX


@piece
def _expose(exposure: Floats, closes: Integers, cash: int, unit: int) -> None:
    """Write the gross exposure at closes as a share of equity; 0 where that is not above 0."""
    size = abs(unit)
    for at in range(np.uint64(exposure.size)):
        worth = cash + unit * closes[at]
        exposure[at] = float(size * closes[at]) / float(worth) if worth > 0 else 0.0


@piece
def _end(market: LegMarket, terms: Terms, trade: LegTrade) -> None:
    """Write what the account ends with, and the sums of its fills and round trips."""
    polls, base, sums = market.polls, market.bars.first, trade.sums
    worth = trade.book.leg[0, LegField.QUANTITY] * terms.rule[0, RuleField.WORTH]
    last = polls.time.size - 1
    sums.curve[CurveSum.EQUITY] = trade.book.sums[AccountField.CASH] + worth * polls.bars[BarField.CLOSE, 0, last]
    end_curve(base + polls.time.size, market.bars, sums)
    _sum_fills(trade.book.tape, polls, terms.rule[0, RuleField.WORTH], sums)
    sum_trips(trade.book.tape, base, market.bars, sums)


@piece
def _sum_fills(tape: FillTape, polls: PollTable, worth: int, sums: QuantitySums) -> None:
    for number in range(tape.counts[FILLS]):
        fill = tape.fills[number]
        lots, price = fill[FillField.LOTS], fill[FillField.PRICE]
        opened, notional = polls.bars[BarField.OPEN, 0, fill[FillField.AT]], abs(lots) * price * worth
        sums.curve[CurveSum.FILLS] += 1
        sums.curve[CurveSum.NOTIONAL] += notional
        sums.rough[1] += float(notional)
        sums.curve[CurveSum.FEES] += fill[FillField.FEE]
        sums.curve[CurveSum.PAID_OVER] += lots * (price - opened) * worth
