"""The window of a single instrument, which takes each of its bars: there is nobody to wait for."""

from collections import deque
from collections.abc import Mapping, Sequence

from fanfold.market.bars import Bar, Series
from fanfold.strategy.bars import Bars
from fanfold.strategy.window import Columns, Waiting

NOBODY: frozenset[int] = frozenset()


class SoloWindow:
    """A ``Window`` of one instrument, for strategies that see it by itself."""

    left = NOBODY

    def __init__(self, instruments: tuple[str, ...], timeframe: str, lookback: int) -> None:
        self.instruments = instruments
        self.timeframe = timeframe
        self.lookback = lookback
        self.closes_at_s = 0
        self.count = 0
        self._columns = Columns(lookback)
        self.waiting: deque[Waiting] = deque()

    def offer(self, _member: int, series: Series, bars: Sequence[Bar]) -> None:
        """Add bars. Those that are not newer than the last are ignored."""
        waiting, price_scale, volume_scale = self.waiting, series.price_scale, series.volume_scale
        newest = waiting[-1][0].closes_at_s if waiting else self.closes_at_s
        for bar in bars:
            if bar[0] > newest:
                waiting.append((bar, price_scale, volume_scale))

    def leave(self, _left: frozenset[int]) -> bool:
        """Return False: the only one there is never leaves."""
        return False

    @property
    def apart(self) -> dict[str, int]:
        return {}

    def part(self, _apart: Mapping[str, int]) -> None:
        """Do nothing: see leave."""

    def advance(self) -> bool:
        """Take the next bar. Return False if there is none yet."""
        if not self.waiting:
            return False
        self.take()
        return True

    def take(self) -> Bars:
        """Take the next of the bars that wait, and return the view after it."""
        bar, price_scale, volume_scale = self.waiting.popleft()
        self._columns.append(bar, price_scale, volume_scale)
        self.closes_at_s = bar[0]
        self.count += 1
        return self._columns.view()

    def fill(self) -> None:
        """Take all bars at once; equal to repeated ``advance``."""
        if not self.waiting:
            return
        self.closes_at_s, self.count = self.waiting[-1][0].closes_at_s, self.count + len(self.waiting)
        self._columns.extend(self.waiting)
        self.waiting = deque()

    def bars(self) -> Bars:
        return self._columns.view()
