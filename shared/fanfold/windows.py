"""The bars that strategies look back on: columns of floats, padded in front, one set for all who watch the same."""

from collections import deque
from collections.abc import Iterable

from fanfold.bars import Bar, Series
from fanfold.strategies import Bars, Universe

_FIELDS = ("open", "high", "low", "close", "volume")


class Columns:
    """One instrument's columns; the list grows at its end and is cut in front now and then."""

    def __init__(self, lookback: int) -> None:
        self._lookback = lookback
        self.now = -1
        self.time: list[int] = []
        self.open: list[float] = []
        self.high: list[float] = []
        self.low: list[float] = []
        self.close: list[float] = []
        self.volume: list[float] = []

    def append(self, bar: Bar, price_scale: int, volume_scale: int) -> None:
        price, volume = 10**price_scale, 10**volume_scale
        copies = 1 if self.time else self._lookback + 1
        # Divided, not multiplied by an inverse: the quotient is the float nearest to the decimal price.
        self.time.extend([bar.closes_at] * copies)
        self.open.extend([bar.open / price] * copies)
        self.high.extend([bar.high / price] * copies)
        self.low.extend([bar.low / price] * copies)
        self.close.extend([bar.close / price] * copies)
        self.volume.extend([bar.volume / volume] * copies)
        if len(self.time) > 4 * self._lookback + 64:
            self._cut()
        self.now = len(self.time) - 1

    def view(self) -> Bars:
        return Bars(self.now, self.time, self.open, self.high, self.low, self.close, self.volume)

    def _cut(self) -> None:
        surplus = len(self.time) - self._lookback - 1
        for column in (self.time, self.open, self.high, self.low, self.close, self.volume):
            del column[:surplus]


class Window:
    """Columns of the instruments of a group on common times.

    A single instrument's group takes each of its bars. A group of several takes a time when every one has a bar there,
    and steps over it when one of them has none and is past it.
    """

    def __init__(self, instruments: tuple[str, ...], timeframe: str, lookback: int) -> None:
        self.instruments = instruments
        self.timeframe = timeframe
        self.closes_at = 0
        self._columns = [Columns(lookback) for _ in instruments]
        # A column stays the same list for good.
        self._fields = [[getattr(one, field) for one in self._columns] for field in _FIELDS]
        self._waiting: list[deque[tuple[Bar, int, int]]] = [deque() for _ in instruments]

    def offer(self, member: int, series: Series, bars: Iterable[Bar]) -> None:
        """Bars of one of the instruments, newer than all it has had."""
        scales = (series.price_scale, series.volume_scale)
        self._waiting[member].extend((bar, *scales) for bar in bars)

    def advance(self) -> bool:
        """Take the next common time; false when one of the instruments has no bar for it yet."""
        while all(self._waiting):
            heads = [queue[0][0].closes_at for queue in self._waiting]
            newest = max(heads)
            if min(heads) == newest:
                for columns, queue in zip(self._columns, self._waiting, strict=True):
                    columns.append(*queue.popleft())
                self.closes_at = newest
                return True
            for queue in self._waiting:
                while queue and queue[0][0].closes_at < newest:
                    queue.popleft()
        return False

    def bars(self) -> Bars:
        return self._columns[0].view()

    def universe(self, me: int) -> Universe:
        first = self._columns[0]
        return Universe(first.now, me, len(self._columns), first.time, *self._fields)
