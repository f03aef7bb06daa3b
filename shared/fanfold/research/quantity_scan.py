"""Trade the signals of a strategy by a fixed quantity, and sum up what comes of them, without a series of equity.

Between two fills an account holds the same, so its equity is a line over the close: sums follow from prefix sums, and
of its highest and lowest close whether the curve passes a peak or a low. Rules and figures are those of
``fixed_size_scan``.
"""

from functools import cache
from typing import Any, NamedTuple

from numba import njit

from fanfold.research.columns import Integers, borrow, fetch
from fanfold.research.compile_cache import QUANTITY, keep
from fanfold.research.equity_line import farthest
from fanfold.research.fixed_size_scan import ScanTerms, priced, quantity_of, too_large
from fanfold.research.quantity_sums import BLOCK, BarFact, CurveSum, QuantitySums, TripSum, ValuedBars
from fanfold.research.step_signals import SignalTape
from fanfold.research.tape import (
    DONE,
    OVERFLOW,
    TRIPS,
    FillField,
    FillTape,
    TripField,
    is_less,
    piece,
    portion,
    write_fill,
)

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
    _begin(terms.cash, market, kept, written)
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
        _value(valued, at, cash, position * terms.worth, market, kept)
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
    _value(valued, end, cash, position * terms.worth, market, kept)
    kept.curve[CurveSum.EQUITY] = cash + position * market.close[end - 1] * terms.worth
    _end(end, market, kept)
    if not whole:
        _sum_trips(written, market, kept)
    return DONE


@piece
def _begin(cash: int, bars: ValuedBars, sums: QuantitySums, tape: FillTape) -> None:
    """Begin with the cash before the first bar, as a point of the curve."""
    tape.counts[:] = 0
    tape.lots[:] = -1
    sums.curve[:] = 0
    sums.trips[:] = 0
    sums.rough[:] = 0.0
    sums.curve[CurveSum.PEAK], sums.curve[CurveSum.PEAK_AT] = cash, bars.first - 1
    sums.curve[CurveSum.LOW], sums.curve[CurveSum.LOW_AT] = cash, bars.first - 1
    sums.curve[CurveSum.FALL_END] = -1
    night = 0
    while night < bars.nights.size and bars.nights[night] < bars.first:
        sums.levels[night] = cash
        night += 1
    sums.curve[CurveSum.NIGHT] = night


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
    _add_trip(profit, at - lot.opened_at, sums)
    return WholeLot(at, price, fee - exit_fee)


@piece
def _add_trip(profit: int, held_s: int, sums: QuantitySums) -> None:
    trips, first = sums.trips, sums.trips[TripSum.COUNT] == 0
    trips[TripSum.COUNT] += 1
    trips[TripSum.WON_COUNT] += profit > 0
    trips[TripSum.WON] += max(profit, 0)
    trips[TripSum.LOST] -= min(profit, 0)
    trips[TripSum.BEST] = profit if first else max(trips[TripSum.BEST], profit)
    trips[TripSum.WORST] = profit if first else min(trips[TripSum.WORST], profit)
    trips[TripSum.HELD_S] += held_s


@piece
def _value(first: int, end: int, cash: int, unit: int, bars: ValuedBars, sums: QuantitySums) -> None:
    """Value an account from a bar up to another, between which it holds the same: ``unit`` a tick of the close."""
    if first >= end:
        return
    curve, night = sums.curve, sums.curve[CurveSum.NIGHT]
    while night < bars.nights.size and bars.nights[night] < end:
        sums.levels[night] = cash + unit * bars.close[bars.nights[night]]
        night += 1
    curve[CurveSum.NIGHT] = night
    closes = bars.facts[end, BarFact.CLOSES_BEFORE] - bars.facts[first, BarFact.CLOSES_BEFORE]
    curve[CurveSum.WORTH] += (end - first) * cash + unit * closes
    sums.rough[0] += float(end - first) * float(cash) + float(unit) * float(closes)
    if unit == 0:
        if cash >= curve[CurveSum.PEAK]:
            _follow(first, first + 1, cash, unit, bars, curve)
            # At its peak, it stays there.
            curve[CurveSum.PEAK_AT] = end - 1
        elif cash < curve[CurveSum.LOW]:
            curve[CurveSum.LOW], curve[CurveSum.LOW_AT] = cash, first
            curve[CurveSum.LOW_CLOSE] = bars.close[first]
        return
    curve[CurveSum.HELD_BARS] += end - first
    least, most = farthest(bars.close, first, end)
    best, worst = (most, least) if unit > 0 else (least, most)
    if cash + unit * best >= curve[CurveSum.PEAK]:
        _follow(first, end, cash, unit, bars, curve)
    elif cash + unit * worst < curve[CurveSum.LOW]:
        curve[CurveSum.LOW], curve[CurveSum.LOW_AT] = cash + unit * worst, first
        curve[CurveSum.LOW_CLOSE] = worst


@piece
def _follow(first: int, end: int, cash: int, unit: int, bars: ValuedBars, curve: Integers) -> None:
    """Follow the curve's peak and low; blocks that reach neither are stepped over."""
    peak, low, peak_at = curve[CurveSum.PEAK], curve[CurveSum.LOW], curve[CurveSum.PEAK_AT]
    at = first
    while at < end:
        if at % BLOCK == 0 and at + BLOCK <= end:
            block = at // BLOCK
            high_close = bars.most[block] if unit > 0 else bars.least[block]
            low_close = bars.least[block] if unit > 0 else bars.most[block]
            if cash + unit * high_close < peak and cash + unit * low_close >= low:
                at += BLOCK
                continue
        worth = cash + unit * bars.close[at]
        if worth >= peak:
            if at - peak_at > 1:
                curve[CurveSum.PEAK], curve[CurveSum.PEAK_AT], curve[CurveSum.LOW] = peak, peak_at, low
                _close_fall(at, at, bars, curve)
            peak, peak_at, low = worth, at, worth
        elif worth < low:
            low, curve[CurveSum.LOW_AT], curve[CurveSum.LOW_CLOSE] = worth, at, bars.close[at]
        at += 1
    curve[CurveSum.PEAK], curve[CurveSum.LOW], curve[CurveSum.PEAK_AT] = peak, low, peak_at


@piece
def _close_fall(at: int, ended: int, bars: ValuedBars, curve: Integers) -> None:
    """Note a fall that is over by bar ``at``, if it is the longest or the deepest; ``ended`` is -1 if it goes on."""
    begun = curve[CurveSum.PEAK_AT]
    began_at = bars.facts[begun, BarFact.TIME] if begun >= bars.first else bars.since
    curve[CurveSum.LONGEST_S] = max(curve[CurveSum.LONGEST_S], bars.facts[at, BarFact.TIME] - began_at)
    peak, low = curve[CurveSum.PEAK], curve[CurveSum.LOW]
    deepest, bottom = curve[CurveSum.FALL_PEAK], curve[CurveSum.FALL_LOW]
    if deepest == 0 or is_less(deepest - bottom, deepest, peak - low, peak):
        curve[CurveSum.FALL_PEAK], curve[CurveSum.FALL_PEAK_AT] = peak, begun
        low_at = curve[CurveSum.LOW_AT]
        while bars.close[low_at] != curve[CurveSum.LOW_CLOSE]:
            low_at += 1
        curve[CurveSum.FALL_LOW], curve[CurveSum.FALL_LOW_AT] = low, low_at
        curve[CurveSum.FALL_END] = ended


@piece
def _end(end: int, bars: ValuedBars, sums: QuantitySums) -> None:
    """Note the fall that the curve ends in."""
    if end - 1 - sums.curve[CurveSum.PEAK_AT] > 0:
        _close_fall(end - 1, -1, bars, sums.curve)


@piece
def _sum_trips(tape: FillTape, bars: ValuedBars, sums: QuantitySums) -> None:
    for number in range(tape.counts[TRIPS]):
        trip = tape.trips[number]
        opened, closed = tape.fills[trip[TripField.OPENED]], tape.fills[trip[TripField.CLOSED]]
        began, ended = bars.facts[opened[FillField.AT]], bars.facts[closed[FillField.AT]]
        _add_trip(trip[TripField.PROFIT], ended[BarFact.TIME] - began[BarFact.TIME], sums)
