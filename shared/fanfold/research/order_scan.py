"""A column of orders, filled and valued in one compiled scan; between two of them it only writes equity."""

from functools import cache
from typing import Any, NamedTuple

from numba import njit

from fanfold.research.columns import Floats, IntegerBars, Integers, borrow
from fanfold.research.compile_cache import keep
from fanfold.research.equity_line import draw_line
from fanfold.research.tape import DONE, LIMIT, OVERFLOW, FillTape, fee_of, piece, worsened, write_fill

ORDERS = ("columns", "equity_line", "order_scan", "tape")


class OrderTerms(NamedTuple):
    """The terms of a scan, as integers; see ``fixed_size_scan.ScanTerms``."""

    cash: int
    worth: int
    fee: tuple[int, int]
    worse: tuple[int, int]
    tick: int
    step: int
    notional_max: int


class OrderColumn(NamedTuple):
    """Orders or weights at the closes of the bars ``rows``, which rise: lots to trade, or shares of equity to hold.

    The column of the other kind is empty.
    """

    rows: Integers
    lots: Integers
    weights: Floats


class ColumnEnd(NamedTuple):
    """The end of a scan, and its bar."""

    code: int
    at: int


@njit(error_model="numpy", nogil=True)
def scan(bars: IntegerBars, order_rows: OrderColumn, terms: OrderTerms, tape: FillTape, equity: Integers) -> ColumnEnd:
    """Trade a column: an order fills at the next open that has volume, with what still waits then."""
    opens, closes, traded = borrow(bars.open), borrow(bars.close), borrow(bars.volume)
    rows, lots, weights = borrow(order_rows.rows), borrow(order_rows.lots), borrow(order_rows.weights)
    written, worths = borrow(tape), borrow(equity)
    cash, held, waits, first = terms.cash, 0, 0, 0
    for number in range(rows.size + 1):
        # The bars up to the one at whose close something is wanted next, or to the end.
        last = rows[number] if number < rows.size else worths.size - 1
        fills_at = _next_traded(traded, first, last) if waits != 0 else last + 1
        draw_line(worths, closes, first, min(fills_at, last + 1), cash, held * terms.worth)
        if fills_at <= last:
            price = worsened(waits, opens[fills_at], terms.worse[0], terms.worse[1], terms.tick)
            notional = abs(waits) * price * terms.worth
            fee = fee_of(notional, terms.fee[0], terms.fee[1], terms.step)
            write_fill(written, 0, fills_at, waits, price, fee, terms.worth, terms.step)
            cash -= (notional if waits > 0 else -notional) + fee
            held += waits
            waits = 0
            if abs(float(held)) * terms.notional_max + abs(float(cash)) > LIMIT:
                return ColumnEnd(OVERFLOW, fills_at)
            draw_line(worths, closes, fills_at, last + 1, cash, held * terms.worth)
        if number < rows.size and weights.size > 0:
            waits = _target(weights[number], worths[last], closes[last] * terms.worth) - held
        elif number < rows.size:
            waits += lots[number]
        if abs(float(waits)) * terms.notional_max > LIMIT:
            return ColumnEnd(OVERFLOW, last)
        first = last + 1
    return ColumnEnd(DONE, worths.size)


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
def cached_scan() -> Any:
    """Return the scan, compiled before where that was kept."""
    return keep(scan, ORDERS)
