"""Idle bars of an account: no order is live, no target asks for another position, no stop is reached.

Decisions 76, 99 and 115 say why; they call such bars calm.

They are only valued, several at once: bounds of prices say up to where a leg surely stays in its band and its stop out
of reach. What is not certain here, by floats with room to spare, is left to the scan, which is exact.
"""

import numpy as np

from fanfold.market.timeframes import DAY_S
from fanfold.research.account_book import (
    BLOCK,
    HIGH,
    INT64_MAX,
    LOW,
    NOTHING,
    AccountField,
    AccountTerm,
    BarField,
    Book,
    BoundField,
    LegField,
    LegTerm,
    PollTable,
    Terms,
    Wanted,
)
from fanfold.research.account_bounds import FEW, idle_until, is_around
from fanfold.research.columns import Integers, fetch
from fanfold.research.tape import piece


@piece
def pass_idle_bars(
    at: int, book: Book, market: PollTable, terms: Terms, wanted: Wanted, money_max: float, guarded: bool
) -> int:  # fmt: skip
    """Value the account over the idle bars of a day from one on, and return the first that is not."""
    sums = book.sums
    if sums[AccountField.LIVE] > 0 or at == market.time.size:
        return at
    for leg in range(len(book.leg)):
        if book.leg[leg, LegField.STATE] != NOTHING:
            return at
    first, end = at, _day_before(at, book, market, terms)
    while at < end:
        until, begun, passed, count = idle_until(at, book, market, terms, wanted, guarded), at, 0, 0
        if until <= market.time[at] or not is_around(at, book, market, terms, money_max, guarded):
            break
        until = INT64_MAX if until >= (sums[AccountField.DAY] + 1) * DAY_S else until
        while passed == count:
            at, count = at + passed, min(max(2 * count, FEW), BLOCK)
            passed = _pass(at, min(count, end - at), until, book, market, terms, guarded)
        at += passed
        if at == begun or (guarded and at < end and _is_reached(at, book, market, terms)):
            break
    if at > first:
        sums[AccountField.LAST] = book.curve[at - 1, 0]
    return at


@piece
def _day_before(at: int, book: Book, market: PollTable, terms: Terms) -> int:
    """Return the first time of the next day, which is where bars without a gap have it, or is looked for once."""
    sums, times, day_ends = book.sums, market.time, (book.sums[AccountField.DAY] + 1) * DAY_S
    if sums[AccountField.DAY_BEFORE] <= at:
        left = max((day_ends - times[at] - 1) // terms.account[AccountTerm.LENGTH_S] + 1, 0)
        ends = min(at + left, times.size)
        if times[ends - 1] >= day_ends or (ends < times.size and times[ends] < day_ends):
            ends = at
            while ends < times.size and times[ends] < day_ends:
                ends += 1
        sums[AccountField.DAY_BEFORE] = ends
    return sums[AccountField.DAY_BEFORE]  # type: ignore[no-any-return]


@piece
def _is_reached(at: int, book: Book, market: PollTable, terms: Terms) -> bool:
    """Return whether a bar may reach the stop or the profit of any leg."""
    for leg in range(len(book.leg)):
        bound, instrument = book.bound[leg], terms.leg[leg, LegTerm.INSTRUMENT]
        low, high = market.span[LOW, instrument, at], market.span[HIGH, instrument, at]
        if low < bound[BoundField.LOW_LEAST] or high > bound[BoundField.HIGH_MOST]:
            return True
    return False


@piece
def _pass(at: int, most: int, until: int, book: Book, market: PollTable, terms: Terms, guarded: bool) -> int:
    """Value the account at the first of so many bars, up to one that is out of bounds; return how many these are."""
    count = _idle_bars(at, most, until, book, market, terms, guarded)
    if count < most:
        _fetch(at + count, market)
    if count > 0:
        _value(at, count, book, market, terms)
    return count


@piece
def _fetch(at: int, market: PollTable) -> None:
    """Prefetch what idle bars do not read, of the bar that ends a run and of the next: all cache misses at once."""
    for instrument in range(market.bars.shape[1]):
        for figure in (BarField.OPEN, BarField.VOLUME):
            fetch(market.bars[figure, instrument], at)
            fetch(market.bars[figure, instrument], at + 1)
        fetch(market.seen[instrument], at)
    fetch(market.time, at)


@piece
def _idle_bars(at: int, most: int, until: int, book: Book, market: PollTable, terms: Terms, guarded: bool) -> int:
    """Return how many bars of so many, from one on, are within all bounds."""
    count = most
    for leg in range(len(book.leg)):
        count = min(count, book.bound[leg, BoundField.SAME_BEFORE] - at)
    while until != INT64_MAX and count > 0 and market.time[at + count - 1] >= until:
        count -= 1
    for leg in range(len(book.leg)):
        bound, instrument, end = book.bound[leg], terms.leg[leg, LegTerm.INSTRUMENT], at + count
        cheapest, dearest = bound[BoundField.PRICE_LEAST], bound[BoundField.PRICE_MOST]
        if cheapest != -INT64_MAX or dearest != INT64_MAX:
            closes = market.bars[BarField.CLOSE, instrument, at:end]
            count = _within(closes, closes, cheapest, dearest)
        low, high = bound[BoundField.LOW_LEAST], bound[BoundField.HIGH_MOST]
        if guarded and (low != -INT64_MAX or high != INT64_MAX):
            # Of a bar that was not seen low and high are 0.
            end = at + count
            count = _within(market.span[LOW, instrument, at:end], market.span[HIGH, instrument, at:end], low, high)
    return count


@piece
def _within(lows: Integers, highs: Integers, least: int, most: int) -> int:
    """Return how many bars, from the first on, are within bounds."""
    if lows.size == BLOCK and _are_all_within(lows, highs, least, most):
        return BLOCK
    for bar in range(np.uint64(lows.size)):
        if (lows[bar] < least) | (highs[bar] > most):
            return np.int64(bar)  # type: ignore[return-value]
    return lows.size


@piece
def _are_all_within(lows: Integers, highs: Integers, least: int, most: int) -> bool:
    """Return whether each of BLOCK bars is within bounds, without a branch a bar."""
    out = False
    for bar in range(np.uint64(BLOCK)):
        out |= (lows[bar] < least) | (highs[bar] > most)
    return not out


@piece
def _value(at: int, count: int, book: Book, market: PollTable, terms: Terms) -> None:
    """Value the account at so many bars."""
    worth, gross = book.block[0, :count], book.block[1, :count]
    curve, cash, peak = book.curve[at : at + count], book.sums[AccountField.CASH], book.sums[AccountField.PEAK]
    for bar in range(np.uint64(count)):
        worth[bar], gross[bar] = cash, 0
    for leg in range(len(book.leg)):
        unit, instrument = book.bound[leg, BoundField.UNIT], terms.leg[leg, LegTerm.INSTRUMENT]
        if unit != 0:
            _add(market.bars[BarField.CLOSE, instrument, at : at + count], unit, worth, gross)
    for bar in range(np.uint64(count)):
        curve[bar, 0], curve[bar, 1] = worth[bar], gross[bar]
        peak = max(peak, worth[bar])
    book.sums[AccountField.PEAK] = peak


@piece
def _add(closes: Integers, unit: int, worth: Integers, gross: Integers) -> None:
    """Add the worth of a position at closes."""
    for bar in range(np.uint64(closes.size)):
        worth[bar] += unit * closes[bar]
        gross[bar] += abs(unit) * closes[bar]
