"""Parts of a scan by a fixed quantity: signals, bars to value an account at, and the sums of its curve."""

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from fanfold.market.timeframes import DAY_S
from fanfold.research.columns import Floats, IntegerBars, Integers

# Bars of a block.
BLOCK = 8


class BarFact(IntEnum):
    """A figure of a bar that a fill reads; the last is the sum of the closes of all bars before it."""

    OPEN = 0
    VOLUME = 1
    TIME = 2
    CLOSES_BEFORE = 3


class ValuedBars(NamedTuple):
    """Bars to value an account at, from number ``first`` on; it begins with its cash at ``since``, in epoch seconds.

    ``facts`` has a row a bar, by BarFact, and one behind the last for the sum of all: a row is half a cache line, so a
    fill waits for memory once. ``least`` and ``most`` are the extremes of the closes of each block, ``top`` is the
    highest to value; ``nights`` are the numbers of the bars whose equity is that of a midnight, in order.
    """

    first: int
    since: int
    facts: Integers
    close: Integers
    least: Integers
    most: Integers
    top: int
    nights: Integers


class CurveSum(IntEnum):
    """A figure of the equity curve: its highest and the last bar there; since then its lowest, and when.

    That is from LOW_AT on, at the first close that is LOW_CLOSE. Then the deepest fall: its peak and low, the bar of
    each, and that of its end, -1 where it goes on. Then the longest fall in seconds, bars with a position, the next
    midnight, and sums of equity and notional, which wrap around.
    """

    PEAK = 0
    PEAK_AT = 1
    LOW = 2
    LOW_AT = 3
    FALL_PEAK = 4
    FALL_PEAK_AT = 5
    FALL_LOW = 6
    FALL_LOW_AT = 7
    FALL_END = 8
    LONGEST_S = 9
    HELD_BARS = 10
    NIGHT = 11
    WORTH = 12
    NOTIONAL = 13
    PAID_OVER = 14
    FEES = 15
    EQUITY = 16
    FILLS = 17
    LOW_CLOSE = 18


class TripSum(IntEnum):
    """A figure of round trips; profits and losses are above zero."""

    COUNT = 0
    WON_COUNT = 1
    WON = 2
    LOST = 3
    BEST = 4
    WORST = 5
    HELD_S = 6


class QuantitySums(NamedTuple):
    """The sums of a scan by CurveSum and TripSum; ``rough`` has those of WORTH and NOTIONAL in floats.

    ``levels`` is the equity at each midnight of ValuedBars.
    """

    curve: Integers
    trips: Integers
    rough: Floats
    levels: Integers


def blank_sums(nights: int) -> QuantitySums:
    """Return sums to be written by a scan."""
    counts = np.empty(len(CurveSum), np.int64), np.empty(len(TripSum), np.int64)
    return QuantitySums(*counts, np.empty(2), np.empty(nights, np.int64))


def valued_bars(bars: IntegerBars, first: int, length_s: int) -> ValuedBars:
    """Return bars, each of ``length_s``, to value an account at from number ``first`` on."""
    starts, since = np.arange(0, bars.close.size, BLOCK), int(bars.time[first]) - length_s
    midnights = np.arange(-(-since // DAY_S) * DAY_S, int(bars.time[-1]) + 1, DAY_S)
    facts = np.zeros((bars.close.size + 1, len(BarFact)), np.int64)
    facts[:-1, BarFact.OPEN], facts[:-1, BarFact.VOLUME] = bars.open, bars.volume
    facts[:-1, BarFact.TIME], facts[1:, BarFact.CLOSES_BEFORE] = bars.time, np.cumsum(bars.close)
    # A trial reads all closes: as numbers of 32 bits, where these hold them, they are half as much memory.
    held = np.int32 if int(bars.close.max()) < 2**31 else np.int64
    return ValuedBars(
        first=first,
        since=since,
        facts=facts,
        close=np.ascontiguousarray(bars.close, held),
        least=np.minimum.reduceat(bars.close, starts),
        most=np.maximum.reduceat(bars.close, starts),
        top=int(bars.close[first:].max()),
        # Before the first bar it is that of the cash.
        nights=np.maximum(np.searchsorted(bars.time, midnights, side="right") - 1, first - 1),
    )
