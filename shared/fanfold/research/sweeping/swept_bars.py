"""Bars as trials by a fixed quantity read them, prepared once for all batches of a market and a window."""

from functools import lru_cache
from threading import Lock
from typing import NamedTuple

import numpy as np

from fanfold.errors import BadInput
from fanfold.market import timeframes
from fanfold.market.recording import Recording
from fanfold.research.account_alignment import TIME, KnownBars, align
from fanfold.research.account_book import PollTable
from fanfold.research.columns import IntegerBars, integer_bars, records_between, resampled
from fanfold.research.crossing import SummedCloses, summed
from fanfold.research.quantity_sums import BarFact, ValuedBars, valued_bars
from fanfold.research.sweeping.sweep_job import TradedWindow


class SweptBars(NamedTuple):
    """Bars with at least ``padding`` in front of the window where there are so many; nobody writes to them."""

    bars: IntegerBars
    valued: ValuedBars
    summed: SummedCloses
    padding: int


class PreparedBars:
    """The bars of a sweep as its batches ask for them: threads that ask together wait for the first."""

    def __init__(self) -> None:
        self._preparing = Lock()
        # Batches of two windows, or markets, run beside each other where one ends.
        self._prepared = lru_cache(maxsize=2)(_prepared)
        self._polls = lru_cache(maxsize=2)(_polls)

    def of(self, recording: Recording, timeframe: str, window: TradedWindow, lookback: int) -> SweptBars:
        """Return bars for strategies that look back so far. Raises BadInput where the window has no bar."""
        # Batches differ in how far they look back; most share a power of two.
        with self._preparing:
            return self._prepared(recording, timeframe, window, 1 << (lookback - 1).bit_length())

    def polls(self, recording: Recording, window: TradedWindow, unit: int) -> PollTable:
        """Return the bars of a window as an account of this instrument alone polls them, prices in a ``unit`` of ticks.

        Nobody writes to them.
        """
        with self._preparing:
            return self._polls(recording, window, unit)


def asked_from(window: TradedWindow, length_s: int, lookback: int) -> int:
    """Return the time behind which a run asks for bars: it warms up before it begins."""
    return window.since - window.since % length_s - (lookback + 1) * length_s


def _polls(recording: Recording, window: TradedWindow, unit: int) -> PollTable:
    records = records_between(recording, window.since - 1, window.until)
    times = np.ascontiguousarray(records[:, TIME])
    return align(times, [KnownBars(records, unit, np.zeros(0))], spans=False)


def _prepared(recording: Recording, timeframe: str, window: TradedWindow, padding: int) -> SweptBars:
    length_s = timeframes.seconds(timeframe)
    bars = integer_bars(recording, asked_from(window, length_s, padding), window.until)
    if timeframe != recording.timeframe:
        bars = resampled(bars, timeframe, window.until)
    # Other columns are read once.
    bars = bars._replace(time=np.ascontiguousarray(bars.time), close=np.ascontiguousarray(bars.close))
    first = int(np.searchsorted(bars.time, window.since))
    if first == bars.time.size:
        raise BadInput(f"{recording.instrument} has no bar of {timeframe} in the window")
    valued = valued_bars(bars, first, length_s)
    totals = np.ascontiguousarray(valued.facts[:, BarFact.CLOSES_BEFORE])
    return SweptBars(bars, valued, summed(bars.close, totals), padding)
