"""Idle bars of an account: no order is live, no target asks for another position, no stop is reached.

Decisions 76, 99 and 115 say why; they call such bars calm.

They are only valued, several at once: bounds of prices say up to where a leg surely stays in its band and its stop out
of reach. What is not certain here, by floats with room to spare, is left to the scan, which is exact.
"""

from math import isnan

import numpy as np

from fanfold.market.timeframes import DAY_S
from fanfold.research.account_book import (
    AHEAD,
    BLOCK,
    GROSSES,
    HIGH,
    INT64_MAX,
    LOW,
    NOTHING,
    WORTHS,
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
from fanfold.research.account_bounds import idle_until, is_around
from fanfold.research.account_changes import same_before
from fanfold.research.columns import Integers, fetch
from fanfold.research.tape import piece

# Bars that are valued at first, and those that vectors of any width hold without a rest.
FEW = 16
# Figures of 64 bits in a line of the cache.
LINE = 8


@piece
def pass_idle_bars(
    at: int, book: Book, market: PollTable, terms: Terms, wanted: Wanted, money_max: float, guarded: bool
) -> int:  # fmt: skip
    """Value the account over the idle bars of a day from one on, and return the first that is not."""
    sums = book.sums
    if sums[AccountField.LIVE] > 0 or not _stand_anew(at, book, wanted, guarded):
        return at
    first, end = at, day_before(at, book, market, terms)
    while at < end:
        before, changes = same_before(at, book, wanted)
        until, begun, passed, count = idle_until(at, book, market, terms, wanted, guarded), at, 0, 0
        if until <= market.time[at] or not is_around(at, book, market, terms, money_max, guarded):
            break
        until = INT64_MAX if until >= (sums[AccountField.DAY] + 1) * DAY_S else until
        if changes and not guarded:
            _fetch_orders(before, book, market, terms, wanted)
        _fetch_ahead(at, before, market, terms, wanted)
        before = min(before, end)
        while passed == count:
            at, count = at + passed, min(max(4 * count, FEW), BLOCK)
            passed = _pass(at, min(count, before - at), until, book, market, terms, guarded)
        at += passed
        if changes and at == before:
            sums[AccountField.SETTLED] = (
                at if not guarded and at < end and _near(at, 1, book, market, terms) == 1 else -1
            )
            break
        if at == begun or (guarded and at < end and _is_reached(at, book, market, terms)):
            break
    if at > first:
        sums[AccountField.LAST] = book.curve[WORTHS, at - 1]
        book.leg[:, LegField.STATE] = NOTHING
    return at


@piece
def _stand_anew(at: int, book: Book, wanted: Wanted, guarded: bool) -> bool:
    """Return whether no target stands, or, of legs without a protection, each that does is replaced at a time."""
    for leg in range(len(book.leg)):
        if book.leg[leg, LegField.STATE] != NOTHING and (guarded or isnan(wanted.weight[leg, at])):
            return False
    return True


@piece
def day_before(at: int, book: Book, market: PollTable, terms: Terms) -> int:
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
    count = most
    while until != INT64_MAX and count > 0 and market.time[at + count - 1] >= until:
        count -= 1
    if guarded:
        count = _unreached(at, count, book, market, terms)
        if count < BLOCK:
            _fetch(at + count, market)
    if count > 0 and _value(at, count, book, market, terms):
        count = _near(at, count, book, market, terms)
    peak = book.sums[AccountField.PEAK]
    for bar in range(np.uint64(count)):
        peak = max(peak, book.curve[WORTHS, at + np.int64(bar)])
    book.sums[AccountField.PEAK] = peak
    return count


@piece
def _fetch_ahead(at: int, before: int, market: PollTable, terms: Terms, wanted: Wanted) -> None:
    """Prefetch what a run of bars reads, as far ahead of it as memory takes to come."""
    for leg in range(len(terms.leg)):
        closes, weights = market.bars[BarField.CLOSE, terms.leg[leg, LegTerm.INSTRUMENT]], wanted.weight[leg]
        for there in range(at, before, LINE):
            fetch(closes, there + AHEAD // 4)
            fetch(weights, there + AHEAD)


@piece
def _fetch_orders(at: int, book: Book, market: PollTable, terms: Terms, wanted: Wanted) -> None:
    """Prefetch for a time at which a leg wants something else what its order meets."""
    for leg in range(len(book.leg)):
        if wanted.weight[leg, at] != book.bound_weight[leg]:
            _fetch_bar(at, terms.leg[leg, LegTerm.INSTRUMENT], market)
    fetch(market.time, at)


@piece
def _fetch(at: int, market: PollTable) -> None:
    """Prefetch what idle bars do not read, of the bar that ends a run and of the next: all cache misses at once."""
    for instrument in range(market.bars.shape[1]):
        _fetch_bar(at, instrument, market)
    fetch(market.time, at)


@piece
def _fetch_bar(at: int, instrument: int, market: PollTable) -> None:
    for figure in (BarField.OPEN, BarField.VOLUME):
        fetch(market.bars[figure, instrument], at)
        fetch(market.bars[figure, instrument], at + 1)
    fetch(market.seen[instrument], at)


@piece
def _unreached(at: int, count: int, book: Book, market: PollTable, terms: Terms) -> int:
    """Return how many bars of so many, from one on, reach neither the stop nor the profit of any leg."""
    end = _padded(at, count, market)
    for leg in range(len(book.leg)):
        low, high = book.bound[leg, BoundField.LOW_LEAST], book.bound[leg, BoundField.HIGH_MOST]
        if low != -INT64_MAX or high != INT64_MAX:
            # Of a bar that was not seen low and high are 0.
            instrument = terms.leg[leg, LegTerm.INSTRUMENT]
            lows, highs = market.span[LOW, instrument, at:end], market.span[HIGH, instrument, at:end]
            if _is_any_out(lows, highs, low, high):
                count = _within(lows[:count], highs[:count], low, high)
    return count


@piece
def _near(at: int, count: int, book: Book, market: PollTable, terms: Terms) -> int:
    """Return how many bars of so many, from one on, close within the bounds of all legs."""
    for leg in range(len(book.leg)):
        closes = market.bars[BarField.CLOSE, terms.leg[leg, LegTerm.INSTRUMENT], at : at + count]
        count = _within(closes, closes, book.bound[leg, BoundField.PRICE_LEAST], book.bound[leg, BoundField.PRICE_MOST])
    return count


@piece
def _padded(at: int, count: int, market: PollTable) -> int:
    """Return where so many bars from one on end, with those that fill up a whole number of vectors, where there are."""
    end = at + (count + FEW - 1) // FEW * FEW
    return end if end <= market.time.size else at + count


@piece
def _within(lows: Integers, highs: Integers, least: int, most: int) -> int:
    """Return how many bars, from the first on, are within bounds."""
    for bar in range(np.uint64(lows.size)):
        if (lows[bar] < least) | (highs[bar] > most):
            return np.int64(bar)  # type: ignore[return-value]
    return lows.size


@piece
def _is_any_out(lows: Integers, highs: Integers, least: int, most: int) -> bool:
    """Return whether any bar is out of bounds, without a branch a bar."""
    out = False
    for bar in range(np.uint64(lows.size)):
        out |= (lows[bar] < least) | (highs[bar] > most)
    return out


@piece
def _value(at: int, count: int, book: Book, market: PollTable, terms: Terms) -> bool:
    """Value the account at so many bars, and return whether any close may be out of bounds.

    Bars up to a whole number of vectors are valued with them; what is written there is written anew later.
    """
    end = _padded(at, count, market)
    worth, gross, out = book.curve[WORTHS, at:end], book.curve[GROSSES, at:end], False
    cash = book.sums[AccountField.CASH]
    for bar in range(np.uint64(worth.size)):
        worth[bar], gross[bar] = cash, 0
    for leg in range(len(book.leg)):
        bound, closes = book.bound[leg], market.bars[BarField.CLOSE, terms.leg[leg, LegTerm.INSTRUMENT], at:end]
        least, most = bound[BoundField.PRICE_LEAST], bound[BoundField.PRICE_MOST]
        # Of most legs without a position no close is read.
        if bound[BoundField.UNIT] != 0 or least != -INT64_MAX or most != INT64_MAX:
            out |= _add(closes, bound[BoundField.UNIT], least, most, worth, gross)
    return out


@piece
def _add(closes: Integers, unit: int, least: int, most: int, worth: Integers, gross: Integers) -> bool:
    """Add the worth of a position at closes, and return whether any of these is out of bounds."""
    out, size = False, abs(unit)
    for bar in range(np.uint64(closes.size)):
        worth[bar] += unit * closes[bar]
        gross[bar] += size * closes[bar]
        out |= (closes[bar] < least) | (closes[bar] > most)
    return out
