"""Bars of several instruments as float columns on common times, and as a step reads them."""

from typing import NamedTuple

import numpy as np

from fanfold.errors import BadInput
from fanfold.market.recording import Recording
from fanfold.research.columns import Floats, Integers, StepColumns, floats, integer_bars, on_common_times
from fanfold.research.compiled import columns_read
from fanfold.strategy.contract import Strategy

PRICES = ("open", "high", "low", "close", "volume")
# Bars behind the last, so that a step that reads past now reads something.
TAIL = 2_000


class MarketColumns(NamedTuple):
    """Closes in epoch seconds, and prices and volumes: a row an instrument, a column a time."""

    instruments: tuple[str, ...]
    time: Integers
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    @property
    def length(self) -> int:
        return int(self.time.size)

    def part(self, first: int, end: int) -> "MarketColumns":
        """Return the bars from a place up to, and without, another."""
        columns = (column[:, first:end] for column in self[2:])
        return MarketColumns(self.instruments, self.time[first:end], *columns)

    def member(self, number: int) -> "MarketColumns":
        """Return the bars of an instrument alone."""
        columns = (column[number : number + 1] for column in self[2:])
        return MarketColumns(self.instruments[number : number + 1], self.time, *columns)


def market_columns(recordings: list[Recording]) -> MarketColumns:
    """Return the bars of the times that all recordings have. Raises BadInput where they have none in common."""
    members = on_common_times([integer_bars(recording, 0, recording.closes_at_s(-1)) for recording in recordings])
    if not members[0].time.size:
        names = ", ".join(recording.instrument for recording in recordings)
        raise BadInput(f"the bars of {names} have no close in common; give files of the same timeframe and time")
    columns = (np.stack([floats(bars, name) for bars in members]) for name in PRICES)
    instruments = tuple(recording.instrument for recording in recordings)
    return MarketColumns(instruments, np.ascontiguousarray(members[0].time), *columns)


def columns_of(strategy: Strategy, bars: MarketColumns, me: int, beyond: float = 1.0) -> StepColumns:
    """Return the columns that a step reads: padded, and past the last bar that one times ``beyond``.

    They are those of one instrument, or of all for a cross-sectional strategy. In the place of one that the step does
    not read stands another.
    """
    before, names = strategy.lookback, columns_read(strategy.step)
    time = np.concatenate([np.full(before, bars.time[0]), bars.time, np.full(TAIL, bars.time[-1])])
    own = bars if strategy.cross_sectional else bars.member(me)
    columns = dict(zip(PRICES, own[2:], strict=True))
    read = [name for name in PRICES if name in names] or ["close"]
    padded = {name: _padded(columns[name], before, beyond) for name in read}
    rows = [padded.get(name, padded[read[0]]) for name in PRICES]
    return StepColumns(time, *(rows if strategy.cross_sectional else (row[0] for row in rows)))


def _padded(column: Floats, before: int, beyond: float) -> Floats:
    first, last = np.repeat(column[:, :1], before, axis=1), np.repeat(column[:, -1:] * beyond, TAIL, axis=1)
    return np.ascontiguousarray(np.concatenate([first, column, last], axis=1))
