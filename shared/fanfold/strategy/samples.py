"""The bars that a strategy is tried over: made-up ones, and those of files."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from fanfold.market.recording import Recording
from fanfold.strategy import contract, reach
from fanfold.strategy.contract import Strategy

# Bars in front of the lookback, so that a read of them is not one from the end.
PADDING = 300
BARS, BARS_MIN, READS_MAX = 240, 8, 400_000
# Of files the newest bars, so that the check takes some seconds.
RECORDED_BARS, RECORDED_READS_MAX = 5_000, 4_000_000
_SCALARS = 5


class Sample(NamedTuple):
    """The bars of each instrument, as columns behind a padding; a step is tried at the last ``bars`` of them.

    ``name`` has the instruments of recorded bars, and is empty for made-up ones.
    """

    columns: list[list[Any]]
    times: Sequence[int]
    bars: int
    name: str = ""

    def position(self, number: int) -> int:
        """Return the place in the columns of the bar with a number from 0."""
        return len(self.times) - self.bars + number

    def place(self, number: int) -> str:
        """Return the words for the bar with a number from 0."""
        if not self.name:
            return f"bar {number + 1}"
        at = datetime.fromtimestamp(self.times[self.position(number)], UTC)
        return f"the bar of {self.name} that closes {at:%Y-%m-%d %H:%M}"

    def without_later(self, known: int, beyond: float) -> "Sample":
        """Return the first bars, with what no step may see in place of the later ones."""
        ends = self.position(known)
        columns = [[column[:ends] + [beyond] * (len(column) - ends) for column in member] for member in self.columns]
        return self._replace(columns=columns)

    def still(self, bars: int) -> "Sample":
        """Return some bars without volume or movement, at the prices of the first."""
        columns = [
            [[column[0]] * len(column) for column in member[:4]] + [[0.0] * len(member[4])] for member in self.columns
        ]
        return self._replace(columns=columns, bars=min(self.bars, bars))


def made_up(strategy: Strategy, count: int) -> Sample:
    """Return made-up bars, fewer of them for a long lookback."""
    bars = max(BARS_MIN, min(BARS, READS_MAX // strategy.lookback))
    padding = strategy.lookback + PADDING
    members = _members(strategy, count)
    return Sample(reach.made_up(bars, padding, members), range(60, 60 * (padding + bars + 1), 60), bars)


def recorded(strategy: Strategy, recordings: Sequence[Recording]) -> list[Sample]:
    """Return the newest bars of each file, or of all together for a cross-sectional strategy.

    Files with too few bars to warm it up, or with too few closes in common, make no sample.
    """
    groups = [recordings] if strategy.cross_sectional else [[recording] for recording in recordings]
    samples = (_sample(strategy, group) for group in groups if len(group) >= (_members(strategy, 1) or 1))
    return [sample for sample in samples if sample.bars > 0]


def _members(strategy: Strategy, count: int) -> int | None:
    return (contract.instruments_of(strategy.name) or max(count, 2)) if strategy.cross_sectional else None


def _sample(strategy: Strategy, recordings: Sequence[Recording]) -> Sample:
    """Return the bars of the times that all recordings have."""
    wanted = strategy.lookback + max(BARS_MIN, min(RECORDED_BARS, RECORDED_READS_MAX // strategy.lookback))
    newest = [_rows(recording, wanted) for recording in recordings]
    times = sorted(set.intersection(*(set(rows) for rows in newest)))
    columns = [[[float(rows[at][place]) for at in times] for place in range(_SCALARS)] for rows in newest]
    padded = [[column[:1] * PADDING + column for column in member] for member in columns]
    padding = [times[0] - (PADDING - number) * 60 for number in range(PADDING)] if times else []
    names = ", ".join(recording.instrument for recording in recordings)
    return Sample(padded, [*padding, *times], len(times) - strategy.lookback, names)


def _rows(recording: Recording, count: int) -> Mapping[int, tuple[float, ...]]:
    """Return open, high, low, close and volume of the newest bars by their close."""
    prices, volumes = 10**recording.price_scale, 10**recording.volume_scale
    return {
        bar.closes_at_s: (*(ticks / prices for ticks in bar[1:5]), bar[5] / volumes)
        for bar in recording.bars(max(0, recording.count - count))
    }
