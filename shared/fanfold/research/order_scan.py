"""A column of orders, filled and valued in one compiled scan; between two of them it only writes equity."""

from functools import cache
from typing import Any, NamedTuple

from numba import njit

from fanfold.research.columns import Floats, IntegerBars, Integers, borrow, fetch
from fanfold.research.compile_cache import ORDERS, keep
from fanfold.research.equity_line import draw_long_line
from fanfold.research.fixed_size_scan import ScanTerms, priced, too_large
from fanfold.research.flag_words import WIDTH, lowest, unlike
from fanfold.research.tape import DONE, LIMIT, OVERFLOW, FillTape, piece, write_fill

# Entries whose bars are asked for before they are needed.
AHEAD = 8


class OrderColumn(NamedTuple):
    """Orders or weights at the closes of the bars ``rows``, which rise: lots to trade, or shares of equity to hold.

    The column of the other kind is empty.
    """

    rows: Integers
    lots: Integers
    weights: Floats


@njit(nogil=True)
def unlike_rows(column: Integers | Floats, others: Integers | Floats, rows: Integers) -> int:
    """Write the rows at which a column differs from others, of which there are as many or 64; return their number.

    Of floats what is no number does not differ, but may among the last 64.
    """
    seen, against, written = borrow(column), borrow(others), borrow(rows)
    count, whole = 0, seen.size // WIDTH * WIDTH
    for at in range(0, whole, WIDTH):
        bits = unlike(seen, at, against, at if against.size == seen.size else 0)
        while bits != 0:
            written[count] = at + lowest(bits)
            count += 1
            bits &= bits - 1
    for at in range(whole, seen.size):
        if seen[at] != against[at if against.size == seen.size else 0]:
            written[count] = at
            count += 1
    return count


class ColumnEnd(NamedTuple):
    """The end of a scan, and its bar."""

    code: int
    at: int


@njit(error_model="numpy", nogil=True)
def scan(bars: IntegerBars, order_rows: OrderColumn, terms: ScanTerms, tape: FillTape, equity: Integers) -> ColumnEnd:
    """Trade a column: an order fills at the next open that has volume, with what still waits then."""
    market, written, worths = borrow(bars), borrow(tape), borrow(equity)
    rows, lots, weights = borrow(order_rows.rows), borrow(order_rows.lots), borrow(order_rows.weights)
    cash, held, waits, top, first = terms.cash, 0, 0, 0, 0
    for number in range(rows.size + 1):
        _ask(market, rows, number + AHEAD)
        # The bars up to the one at whose close something is wanted next, or to the end.
        last = rows[number] if number < rows.size else worths.size - 1
        at = _next_traded(market.volume, first, last) if waits != 0 else last + 1
        top = max(top, draw_long_line(worths, market.close, first, min(at, last + 1), cash, held * terms.worth))
        if at <= last:
            top = max(top, market.open[at])
            if _too_large(waits, top, 0, terms):
                return ColumnEnd(OVERFLOW, at)
            price, notional, fee = priced(waits, market.open[at], terms)
            write_fill(written, 0, at, waits, price, fee, terms.worth, terms.step)
            cash -= (notional if waits > 0 else -notional) + fee
            held += waits
            waits = 0
            top = max(top, draw_long_line(worths, market.close, at, last + 1, cash, held * terms.worth))
        if _too_large(held, top, cash, terms) or _too_large(1, top, 0, terms):
            return ColumnEnd(OVERFLOW, last)
        if number < rows.size and weights.size > 0:
            waits = _target(weights[number], worths[last], market.close[last] * terms.worth) - held
        elif number < rows.size:
            waits += lots[number]
        if _too_large(waits, top, 0, terms):
            return ColumnEnd(OVERFLOW, last)
        first = last + 1
    return ColumnEnd(DONE, worths.size)


@piece
def _too_large(lots: int, top: int, cash: int, terms: ScanTerms) -> bool:
    """Return whether 64 bits may not hold the worth of lots at the highest price, times a rate, and cash."""
    return too_large(lots, top, max(terms.fee[1], terms.worse[1]), cash, terms)


@piece
def _ask(bars: IntegerBars, rows: Integers, number: int) -> None:
    """Ask for the bar behind an entry, where its order fills: it lies far from all that was read."""
    if number < rows.size:
        at = min(rows[number] + 1, bars.close.size - 1)
        fetch(bars.volume, at)
        fetch(bars.open, at)


@piece
def _next_traded(volume: Integers, first: int, last: int) -> int:
    at = first
    while at <= last and volume[at] == 0:
        at += 1
    return at


@piece
def _target(weight: float, equity: int, unit: int) -> int:
    """Return a share of equity in whole lots towards zero."""
    share = weight * float(equity) / float(unit) if equity > 0 else 0.0
    # Beyond LIMIT the scan ends with OVERFLOW.
    return int(max(-LIMIT, min(LIMIT, share)))


@cache
def cached_search() -> Any:
    """Return the search for rows of a column, compiled before where that was kept."""
    return keep(unlike_rows, ORDERS)


@cache
def cached_scan() -> Any:
    """Return the scan, compiled before where that was kept."""
    return keep(scan, ORDERS)
