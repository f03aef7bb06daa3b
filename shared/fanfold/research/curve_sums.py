"""The sums of an equity curve that between two fills is a line over the close, in compiled code, without the curve.

Sums follow from prefix sums, and of a line's highest and lowest close whether the curve passes a peak or a low.
"""

from fanfold.research.columns import Integers
from fanfold.research.equity_line import farthest
from fanfold.research.quantity_sums import BLOCK, BarFact, CurveSum, QuantitySums, TripSum, ValuedBars
from fanfold.research.tape import TRIPS, FillField, FillTape, TripField, is_less, piece


@piece
def begin(cash: int, bars: ValuedBars, sums: QuantitySums, tape: FillTape) -> None:
    """Begin with the cash before the first bar, as a point of the curve, and with an empty tape."""
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
def add_trip(profit: int, held_s: int, sums: QuantitySums) -> None:
    """Add a round trip to the sums."""
    trips, first = sums.trips, sums.trips[TripSum.COUNT] == 0
    trips[TripSum.COUNT] += 1
    trips[TripSum.WON_COUNT] += profit > 0
    trips[TripSum.WON] += max(profit, 0)
    trips[TripSum.LOST] -= min(profit, 0)
    trips[TripSum.BEST] = profit if first else max(trips[TripSum.BEST], profit)
    trips[TripSum.WORST] = profit if first else min(trips[TripSum.WORST], profit)
    trips[TripSum.HELD_S] += held_s


@piece
def add_line(first: int, end: int, cash: int, unit: int, bars: ValuedBars, sums: QuantitySums) -> None:
    """Value an account from a bar up to another, between which it holds the same: ``unit`` a tick of the close."""
    if first < end:
        least, most = farthest(bars.close, first, end) if unit != 0 else (0, 0)
        add_span(first, end, cash, unit, (least, most), bars, sums)


@piece
def add_span(
    first: int, end: int, cash: int, unit: int, closes: tuple[int, int], bars: ValuedBars, sums: QuantitySums
) -> None:
    """Value an account as ``add_line``; ``closes`` are the lowest and the highest, which count where it holds any."""
    curve, night = sums.curve, sums.curve[CurveSum.NIGHT]
    while night < bars.nights.size and bars.nights[night] < end:
        sums.levels[night] = cash + unit * bars.close[bars.nights[night]]
        night += 1
    curve[CurveSum.NIGHT] = night
    total = bars.facts[end, BarFact.CLOSES_BEFORE] - bars.facts[first, BarFact.CLOSES_BEFORE]
    curve[CurveSum.WORTH] += (end - first) * cash + unit * total
    sums.rough[0] += float(end - first) * float(cash) + float(unit) * float(total)
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
    best, worst = (closes[1], closes[0]) if unit > 0 else closes
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
def end_curve(end: int, bars: ValuedBars, sums: QuantitySums) -> None:
    """Note the fall that the curve ends in."""
    if end - 1 - sums.curve[CurveSum.PEAK_AT] > 0:
        _close_fall(end - 1, -1, bars, sums.curve)


@piece
def sum_trips(tape: FillTape, base: int, bars: ValuedBars, sums: QuantitySums) -> None:
    """Add up the round trips of a tape whose bar 0 is number ``base``."""
    for number in range(tape.counts[TRIPS]):
        trip = tape.trips[number]
        opened, closed = tape.fills[trip[TripField.OPENED]], tape.fills[trip[TripField.CLOSED]]
        began, ended = bars.facts[base + opened[FillField.AT]], bars.facts[base + closed[FillField.AT]]
        add_trip(trip[TripField.PROFIT], ended[BarFact.TIME] - began[BarFact.TIME], sums)
