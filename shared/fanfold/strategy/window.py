"""Windows of bars for strategies: columns of floats, padded in front, shared by strategies on the same bars."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from fanfold.market.bars import Bar, Series
from fanfold.strategy.bars import Bars, Universe

_FIELDS = ("open", "high", "low", "close", "volume")
# A bar with the scales of its price and volume.
Waiting = tuple[Bar, int, int]
_view: Callable[[Iterable[Any]], Bars] = partial(tuple.__new__, Bars)


class Columns:
    """The columns of one instrument. They grow at the end and are trimmed in front from time to time."""

    def __init__(self, lookback: int) -> None:
        self._lookback = lookback
        self._now_max = 4 * lookback + 63
        self.now = -1
        self.time: list[int] = []
        self.open: list[float] = []
        self.high: list[float] = []
        self.low: list[float] = []
        self.close: list[float] = []
        self.volume: list[float] = []
        # A column stays the same list for good.
        self._columns: tuple[list[Any], ...] = (self.time, self.open, self.high, self.low, self.close, self.volume)

    def append(self, bar: Bar, price_scale: int, volume_scale: int) -> None:
        price, volume = 10**price_scale, 10**volume_scale
        closes_at_s, opened, high, low, close, lots = bar
        self.time.append(closes_at_s)
        # Divided, not multiplied by an inverse: the quotient is the float nearest to the decimal price.
        self.open.append(opened / price)
        self.high.append(high / price)
        self.low.append(low / price)
        self.close.append(close / price)
        self.volume.append(lots / volume)
        self.now += 1
        if not self.now:
            self._pad()
        elif self.now > self._now_max:
            self._cut()

    def extend(self, taken: Iterable[Waiting]) -> None:
        """Append many bars, a column at a time; equal to repeated ``append``."""
        rows = iter(taken)
        if not self.time:
            for first in islice(rows, 1):
                self.append(*first)
        for (price_scale, volume_scale), alike in groupby(rows, key=itemgetter(1, 2)):
            bars, price, volume = [bar for bar, _, _ in alike], 10**price_scale, 10**volume_scale
            self.time += [bar.closes_at_s for bar in bars]
            self.open += [bar.open / price for bar in bars]
            self.high += [bar.high / price for bar in bars]
            self.low += [bar.low / price for bar in bars]
            self.close += [bar.close / price for bar in bars]
            self.volume += [bar.volume / volume for bar in bars]
        self.now = len(self.time) - 1
        if self.now > self._now_max:
            self._cut()

    def refill(self, bar: Bar, price_scale: int, volume_scale: int, count: int) -> None:
        """Replace the contents by ``count`` copies of a bar: the padding of an instrument that joins late."""
        for column in self._columns:
            column.clear()
        self.now = -1
        self.append(bar, price_scale, volume_scale)
        for column in self._columns:
            column[:] = column[:1] * count
        self.now = count - 1

    def view(self) -> Bars:
        # As Bars() does, without its call in Python: a leg is stepped on every bar.
        return _view((self.now, *self._columns))

    def _pad(self) -> None:
        """Put copies of the first bar in front of it, as far as strategies look back."""
        for column in self._columns:
            column *= self._lookback + 1  # noqa: PLW2901 - in place: a column stays the same list
        self.now = self._lookback

    def _cut(self) -> None:
        surplus = len(self.time) - self._lookback - 1
        for column in self._columns:
            del column[:surplus]
        self.now = self._lookback


class Window:
    """Columns of the instruments of a group on common times.

    A single instrument's group takes each of its bars. A group of several takes a time when every one has a bar there,
    and steps over it when one of them has none and is past it. Of those that ``leave`` none is asked. One that comes
    back is seen by itself alone, as at the beginning, until it has all the bars that a strategy looks back on.
    """

    def __init__(self, instruments: tuple[str, ...], timeframe: str, lookback: int) -> None:
        self.instruments = instruments
        self.timeframe = timeframe
        self.lookback = lookback
        self.closes_at_s = 0
        # How many bars were taken, and since which time each instrument takes part; those in ``left`` do not.
        self.count = 0
        self.since = [0] * len(instruments)
        self.left: frozenset[int] = frozenset()
        # How many bars each has taken since then, and whether one takes part only since some time.
        self._taken = [0] * len(instruments)
        self._apart = False
        self._everyone = list(range(len(instruments)))
        self._inside: list[int] = []
        self._now = -1
        self._columns = [Columns(lookback) for _ in instruments]
        # A column stays the same list for good.
        self._fields = [[getattr(column, field) for column in self._columns] for field in _FIELDS]
        self._seen = self._fields
        self._waiting: list[deque[Waiting]] = [deque() for _ in instruments]

    def offer(self, member: int, series: Series, bars: Iterable[Bar]) -> None:
        """Add bars of one instrument. Bars that are not newer than its last are ignored."""
        scales = (series.price_scale, series.volume_scale)
        waiting = self._waiting[member]
        newest = max(self.closes_at_s, waiting[-1][0].closes_at_s if waiting else 0)
        waiting.extend((bar, *scales) for bar in bars if bar.closes_at_s > newest)

    def leave(self, left: frozenset[int]) -> bool:
        """Continue without exactly these instruments. Return whether that changed the set."""
        back = self.left - left
        for member in back:
            self.since[member], self._taken[member] = self.closes_at_s + 1, 0
            self._apart = True
        changed, self.left = left != self.left, left
        return changed

    @property
    def apart(self) -> dict[str, int]:
        """Return the instruments that left (-1) or came back, with the time since when they take part."""
        since = {member: -1 if member in self.left else at for member, at in enumerate(self.since)}
        return {self.instruments[member]: at for member, at in since.items() if at}

    def part(self, apart: Mapping[str, int]) -> None:
        """Be apart as another window was."""
        self.since = [max(0, apart.get(instrument, 0)) for instrument in self.instruments]
        self._apart = any(self.since)
        self.left = frozenset(member for member, name in enumerate(self.instruments) if apart.get(name, 0) < 0)

    def advance(self) -> bool:
        """Take the next common time. Return False if an instrument has no bar for it yet."""
        if not self.left and not self._apart:
            return self._advance_whole()
        present = [since for member, since in enumerate(self.since) if member not in self.left]
        inside: list[int] = []
        at = max(self.closes_at_s + 1, min(present, default=0))
        # An instrument that joins later does so at the next time that the others have in common.
        while len(inside) < len(more := self._taking_part(at)):
            inside = more
            common = self._common(inside)
            if common is None:
                return False
            at = common
        if inside:
            self._take(inside, at)
        return bool(inside)

    def _advance_whole(self) -> bool:
        """Take the next time that all instruments have in common."""
        at = self._common(self._everyone) if all(self._waiting) else None
        if at is None:
            return False
        self._take(self._everyone, at)
        return True

    def fill(self) -> None:
        """Take all common times at once; equal to repeated ``advance``."""
        if self.left or self._apart or self.closes_at_s:
            while self.advance():
                pass
            return
        closes = [{bar.closes_at_s for bar, _, _ in queue} for queue in self._waiting]
        common = set.intersection(*closes)
        if not common:
            return
        newest = max(common)
        for member, (columns, queue) in enumerate(zip(self._columns, self._waiting, strict=True)):
            columns.extend(item for item in queue if item[0].closes_at_s in common)
            self._waiting[member] = deque(item for item in queue if item[0].closes_at_s > newest)
        self._now, self._inside = self._columns[0].now, self._everyone
        self.closes_at_s, self.count = newest, len(common)

    def bars(self) -> Bars:
        return self._columns[0].view()

    def universe(self, me: int, lookback: int) -> Universe | None:
        """Return the bars of the group as an instrument of it sees them, None if it left.

        Those that left are not in it, nor others that came back for so few bars that a lookback reads padding.
        """
        if me not in self._inside:
            return None
        inside, seen, first = self._inside, self._seen, self._inside[0]
        if self._apart:
            whole = [member for member in inside if not self.since[member] or self._taken[member] > lookback]
            inside = [member for member in inside if member == me or member in whole]
            seen = [[column[member] for member in inside] for column in self._fields]
            first = next(iter(whole), me)
        times = self._columns[first]
        return Universe(times.now, inside.index(me), len(inside), times.time, *seen)

    def _taking_part(self, at: int) -> list[int]:
        return [member for member, since in enumerate(self.since) if since <= at and member not in self.left]

    def _common(self, members: list[int]) -> int | None:
        """Return the next time for which all these instruments have a bar."""
        queues = [self._waiting[member] for member in members]
        while all(queues):
            heads = [queue[0][0].closes_at_s for queue in queues]
            newest = max(heads)
            if min(heads) == newest:
                return newest
            for queue in queues:
                while queue and queue[0][0].closes_at_s < newest:
                    queue.popleft()
        return None

    def _take(self, inside: list[int], at: int) -> None:
        for member in inside:
            columns, bar = self._columns[member], self._waiting[member].popleft()
            if columns.now != self._now:
                columns.refill(*bar, self._now + 1)
            columns.append(*bar)
        if self._apart:
            self._count(inside)
        self._now = self._columns[inside[0]].now
        if inside != self._inside:
            self._seen = [[column[member] for member in inside] for column in self._fields]
        self.closes_at_s, self._inside = at, inside
        self.count += 1

    def _count(self, inside: list[int]) -> None:
        """Count the bars of those that came back; one of which no strategy reads padding is as all others again."""
        for member in inside:
            self._taken[member] += 1
            if self._taken[member] > self.lookback:
                self.since[member] = 0
        self._apart = any(self.since)
