"""Trade the signals of a strategy by a fixed quantity, and sum up what comes of them, without a series of equity.

Rules and figures are those of ``fixed_size_scan``, and ``curve_sums`` has the sums.
"""

from functools import cache
from typing import Any, NamedTuple

from numba import njit

from fanfold.research.columns import borrow, fetch
from fanfold.research.compile_cache import QUANTITY, keep
from fanfold.research.curve_sums import add_line, add_trip, begin, end_curve, sum_trips
from fanfold.research.fixed_size_scan import ScanTerms, priced, quantity_of, too_large
from fanfold.research.quantity_sums import BarFact, CurveSum, QuantitySums, ValuedBars
from fanfold.research.step_signals import SignalTape
from fanfold.research.tape import DONE, OVERFLOW, FillTape, piece, portion, write_fill

# A fill that leaves a part of a lot, or adds to one.
SPLIT = 2
# Signals whose bars are asked for before they are needed.
AHEAD = 8


class WholeLot(NamedTuple):
    """The lot that a position is, where it was opened by one fill and is closed by one: when, at what price and fee."""

    opened_at: int
    price: int
    fee: int


@cache
def cached_trade() -> Any:
    """Return the scan that trades signals, compiled before where that was kept."""
    return keep(njit(nogil=True, error_model="numpy")(_trade), QUANTITY)


def _trade(signals: SignalTape, count: int, bars: ValuedBars, terms: ScanTerms, tape: FillTape,
           sums: QuantitySums, whole: bool) -> int:  # fmt: skip
    """Trade so many signals; return DONE or OVERFLOW, and of a ``whole`` trade SPLIT where a lot does not stay whole.

    A position that one fill opens and one closes is one lot, at hand; any other takes the tape.
    """
    wanted, market, written, kept = borrow(signals), borrow(bars), borrow(tape), borrow(sums)
    begin(terms.cash, market, kept, written)
    cash, position, valued, end, lot = terms.cash, 0, market.first, market.close.size, WholeLot(0, 0, 0)
    for number in range(count):
        fetch(market.facts[wanted.at[min(number + AHEAD, count - 1)] + 1], 0)
        order = quantity_of(wanted.weight[number], terms.size) - position
        # What did not fill by the bar of the next signal is replaced by that.
        last = wanted.at[number + 1] if number + 1 < count else end - 1
        at = wanted.at[number] + 1
        while order != 0 and at <= last and market.facts[at, BarFact.VOLUME] <= 0:
            at += 1
        if order == 0 or at > last:
            continue
        add_line(valued, at, cash, position * terms.worth, market, kept)
        valued = at
        if too_large(order, 2 * market.facts[at, BarFact.OPEN], max(terms.fee[0], 1), cash, terms):
            return OVERFLOW
        price, notional, fee = _priced(order, at, market, terms, kept)
        if whole:
            if position != 0 and position + order != 0 and (position > 0) == (position + order > 0):
                return SPLIT
            lot = _turn(lot, position, order, market.facts[at, BarFact.TIME], price, fee, terms, kept)
        else:
            write_fill(written, 0, at, order, price, fee, terms.worth, terms.step)
        cash += (-notional if order > 0 else notional) - fee
        position += order
        if too_large(position, market.top, 1, cash, terms):
            return OVERFLOW
    add_line(valued, end, cash, position * terms.worth, market, kept)
    kept.curve[CurveSum.EQUITY] = cash + position * market.close[end - 1] * terms.worth
    end_curve(end, market, kept)
    if not whole:
        sum_trips(written, 0, market, kept)
    return DONE


@piece
def _priced(order: int, at: int, bars: ValuedBars, terms: ScanTerms, sums: QuantitySums) -> tuple[int, int, int]:
    """Return the price, the notional and the fee of an order at a bar's open, and add them up."""
    opened = bars.facts[at, BarFact.OPEN]
    price, notional, fee = priced(order, opened, terms)
    sums.curve[CurveSum.FILLS] += 1
    sums.curve[CurveSum.NOTIONAL] += notional
    sums.rough[1] += float(notional)
    sums.curve[CurveSum.FEES] += fee
    sums.curve[CurveSum.PAID_OVER] += order * (price - opened) * terms.worth
    return price, notional, fee


@piece
def _turn(lot: WholeLot, position: int, order: int, at: int, price: int, fee: int, terms: ScanTerms,
          sums: QuantitySums) -> WholeLot:  # fmt: skip
    """Close a position that is one lot, and open one with the rest of an order, as ``tape.write_fill`` does."""
    if position == 0:
        return WholeLot(at, price, fee)
    part = abs(position)
    exit_fee = fee if order == -position else portion(fee // terms.step, part, abs(order)) * terms.step
    profit = position * (price - lot.price) * terms.worth - lot.fee - exit_fee
    add_trip(profit, at - lot.opened_at, sums)
    return WholeLot(at, price, fee - exit_fee)
