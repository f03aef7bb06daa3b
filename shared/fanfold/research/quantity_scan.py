"""Trade the signals of a strategy by a fixed quantity, and sum up what comes of them, without a series of equity.

Between two fills an account holds the same, so its equity is a line over the close: sums follow from prefix sums, and
of whole blocks of bars it is enough to know the highest and the lowest close. Rules and figures are those of
``fixed_size_scan``.
"""

from functools import cache
from typing import Any

from numba import njit

from fanfold.research.columns import Integers, borrow
from fanfold.research.compile_cache import QUANTITY, keep
from fanfold.research.fixed_size_scan import ScanTerms, priced, quantity_of, too_large
from fanfold.research.quantity_sums import BLOCK, BarFact, CurveSum, QuantitySums, TripSum, ValuedBars
from fanfold.research.step_signals import SignalTape
from fanfold.research.tape import DONE, OVERFLOW, TRIPS, FillField, FillTape, TripField, piece, write_fill


@cache
def cached_trade() -> Any:
    """Return the scan that trades signals, compiled before where that was kept."""
    return keep(njit(nogil=True, error_model="numpy")(_trade), QUANTITY)


def _trade(signals: SignalTape, count: int, bars: ValuedBars, terms: ScanTerms, tape: FillTape,
           sums: QuantitySums) -> int:  # fmt: skip
    """Trade so many signals; return DONE or OVERFLOW."""
    wanted, market, written, kept = borrow(signals), borrow(bars), borrow(tape), borrow(sums)
    _begin(terms.cash, market, kept, written)
    cash, position, valued, end, top = terms.cash, 0, market.first, market.close.size, 0
    for high in market.most:
        top = max(top, high)
    for number in range(count):
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
        cash += _fill(order, at, market, terms, written, kept)
        position += order
        if too_large(position, top, 1, cash, terms):
            return OVERFLOW
    _value(valued, end, cash, position * terms.worth, market, kept)
    kept.curve[CurveSum.EQUITY] = cash + position * market.close[end - 1] * terms.worth
    _end(end, market, kept)
    _sum_trips(written, market, kept)
    return DONE


@piece
def _begin(cash: int, bars: ValuedBars, sums: QuantitySums, tape: FillTape) -> None:
    """Begin with the cash before the first bar, as a point of the curve."""
    tape.counts[:] = 0
    tape.lots[:] = -1
    sums.curve[:] = 0
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
def _fill(order: int, at: int, bars: ValuedBars, terms: ScanTerms, tape: FillTape, sums: QuantitySums) -> int:
    """Fill an order at a bar's open, and return the cash that comes of it."""
    price, notional, fee = priced(order, bars.facts[at, BarFact.OPEN], terms)
    write_fill(tape, 0, at, order, price, fee, terms.worth, terms.step)
    sums.curve[CurveSum.NOTIONAL] += notional
    sums.rough[1] += float(notional)
    sums.curve[CurveSum.FEES] += fee
    sums.curve[CurveSum.PAID_OVER] += order * (price - bars.facts[at, BarFact.OPEN]) * terms.worth
    return (-notional if order > 0 else notional) - fee


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
        _follow(first, first + 1, cash, unit, bars, curve)
        # At its peak, it stays there.
        if curve[CurveSum.PEAK_AT] == first:
            curve[CurveSum.PEAK_AT] = end - 1
    else:
        curve[CurveSum.HELD_BARS] += end - first
        _follow(first, end, cash, unit, bars, curve)


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
            low, curve[CurveSum.LOW_AT] = worth, at
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
    if deepest == 0 or _deeper(peak - low, peak, deepest - bottom, deepest):
        curve[CurveSum.FALL_PEAK], curve[CurveSum.FALL_PEAK_AT] = peak, begun
        curve[CurveSum.FALL_LOW], curve[CurveSum.FALL_LOW_AT] = low, curve[CurveSum.LOW_AT]
        curve[CurveSum.FALL_END] = ended


@piece
def _deeper(part: int, whole: int, other: int, of: int) -> bool:
    """Return whether ``part / whole`` is above ``other / of``, exactly."""
    left, right = float(part) * float(of), float(other) * float(whole)
    if abs(left - right) > 1e-14 * right:
        return left > right
    # So near to each other, their difference fits into 64 bits, though they themselves may not.
    return part * of - other * whole > 0


@piece
def _end(end: int, bars: ValuedBars, sums: QuantitySums) -> None:
    """Note the fall that the curve ends in."""
    if end - 1 - sums.curve[CurveSum.PEAK_AT] > 0:
        _close_fall(end - 1, -1, bars, sums.curve)


@piece
def _sum_trips(tape: FillTape, bars: ValuedBars, sums: QuantitySums) -> None:
    sums.trips[:] = 0
    count = tape.counts[TRIPS]
    sums.trips[TripSum.COUNT] = count
    for number in range(count):
        trip = tape.trips[number]
        profit = trip[TripField.PROFIT]
        if profit > 0:
            sums.trips[TripSum.WON_COUNT] += 1
            sums.trips[TripSum.WON] += profit
        else:
            sums.trips[TripSum.LOST] -= profit
        if number == 0 or profit > sums.trips[TripSum.BEST]:
            sums.trips[TripSum.BEST] = profit
        if number == 0 or profit < sums.trips[TripSum.WORST]:
            sums.trips[TripSum.WORST] = profit
        opened, closed = tape.fills[trip[TripField.OPENED]], tape.fills[trip[TripField.CLOSED]]
        began, ended = bars.facts[opened[FillField.AT]], bars.facts[closed[FillField.AT]]
        sums.trips[TripSum.HELD_S] += ended[BarFact.TIME] - began[BarFact.TIME]
