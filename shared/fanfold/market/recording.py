"""Bars of one instrument in fixed-width records, which are searched in place."""

from bisect import bisect_right
from collections.abc import Iterator
from decimal import Decimal
from struct import Struct

from fanfold.market.bars import Bar, Series, bar_of, bars_of

# Little-endian int64 of closes_at, open, high, low, close, volume.
RECORD = Struct("<6q")
# A record between the closes of those beside it.
BESIDE = Struct("<q40x6qq")


class Recording:
    """Bars in time order as records of 48 bytes: a tenth of what they take as objects.

    ``records`` is anything with the buffer protocol, such as bytes or a mapped file. Scales and ``after`` are as in
    ``Series``.
    """

    def __init__(
        self,
        instrument: str,
        timeframe: str,
        price_scale: int,
        volume_scale: int,
        after: int,
        records: bytes | memoryview,
    ) -> None:
        self.instrument = instrument
        self.timeframe = timeframe
        self.price_scale = price_scale
        self.volume_scale = volume_scale
        self.after = after
        self.records = memoryview(records).cast("B")
        self.count = len(self.records) // RECORD.size
        # Machines that this runs on are little-endian, so a field is read in place.
        self._closes = self.records.cast("q")[:: len(Bar._fields)]
        # The index of the first bar of the last look: the next one is most often for the bar after it.
        self._begin = 0

    @classmethod
    def of(cls, series: Series) -> "Recording":
        return cls(
            series.instrument,
            series.timeframe,
            series.price_scale,
            series.volume_scale,
            series.after,
            b"".join(RECORD.pack(*bar) for bar in series.bars),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Recording) and self._told() == other._told()

    def __hash__(self) -> int:
        return hash((self.instrument, self.timeframe, self.count))

    def _told(self) -> tuple[object, ...]:
        scales = self.price_scale, self.volume_scale
        return self.instrument, self.timeframe, *scales, self.after, self.records

    def price(self, ticks: int) -> Decimal:
        return Decimal(ticks).scaleb(-self.price_scale)

    def closes_at_s(self, index: int) -> int:
        """Return the close of a bar in epoch seconds; negative indices count from the end."""
        return self._closes[index]

    def bars(self, first: int = 0, last: int | None = None) -> Iterator[Bar]:
        """Iterate over the bars from index ``first`` up to, and without, ``last``."""
        end = self.count if last is None else min(last, self.count)
        yield from map(Bar._make, RECORD.iter_unpack(self.records[first * RECORD.size : end * RECORD.size]))

    def count_between(self, since: int, until: int) -> int:
        """Return how many bars close after ``since`` and no later than ``until``, in epoch seconds."""
        return bisect_right(self._closes, until) - bisect_right(self._closes, since)

    def series(self, since: int, until: int) -> Series:
        """Return the bars that close after ``since`` and no later than ``until``, in epoch seconds."""
        begin, closes = self._begin, self._closes
        if begin + 2 < self.count:
            # As nearly every poll asks: for one bar, the next after the last look's.
            before, *figures, following = BESIDE.unpack_from(self.records, begin * RECORD.size)
            if before <= since < figures[0] <= until < following:
                self._begin = begin + 1
                return Series(
                    instrument=self.instrument,
                    timeframe=self.timeframe,
                    price_scale=self.price_scale,
                    volume_scale=self.volume_scale,
                    after=before,
                    bars=[bar_of(figures)],
                )
        first, last = bisect_right(closes, since), bisect_right(closes, until)
        self._begin = first
        bars = bars_of(RECORD.iter_unpack(self.records[first * RECORD.size : last * RECORD.size]))
        return Series(
            instrument=self.instrument,
            timeframe=self.timeframe,
            price_scale=self.price_scale,
            volume_scale=self.volume_scale,
            after=closes[first - 1] if first else self.after,
            bars=bars,
        )
