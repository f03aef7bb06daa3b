"""Closed bars to look at: those that are in the lake, and those that the log has beyond the lake's last flush."""

from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple, Protocol

from fanfold.audit import chain
from fanfold.audit.chain import Record, Tip
from fanfold.audit.lineage import Segments
from fanfold.market import bars, timeframes
from fanfold.market.bars import Series
from fanfold.messages import BarsClosed

# Of a log that was never flushed so many segments are read at once; the next reader goes on from there.
SEGMENTS_MAX = 500
# A process keeps so many: they never change, and a look at the newest bar is then one read.
KEPT_MAX = 4_000


class PricedBar(NamedTuple):
    """A bar by its close in epoch seconds, in quote units."""

    closes_at: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class BarSpan(NamedTuple):
    """The bars of a venue and timeframe that close after ``since`` and by ``until``, in epoch seconds.

    With ``every_s`` only those are of interest that close at its multiples, and the newest.
    """

    venue: str
    timeframe: str
    instruments: Collection[str]
    since: int
    until: int
    every_s: int = 1

    def holds(self, closes_at: int) -> bool:
        if not self.since < closes_at <= self.until:
            return False
        return closes_at % self.every_s == 0 or closes_at > self.until - timeframes.seconds(self.timeframe)


# The bars of each instrument, by their closes.
BarsByInstrument = dict[str, dict[int, PricedBar]]


class LakeBars(Protocol):
    """The bars that are in the lake; see fanfold.aws.s3.lake_bars."""

    def bars(self, span: BarSpan, flushed: int) -> Iterator[tuple[str, PricedBar]]:
        """Yield the bars of a span, each with its instrument; the venue's stream is in the lake until ``flushed``."""


class FlushedHeads(Protocol):
    """The ends of the log, and how far it is in the lake; see fanfold.aws.dynamodb.views."""

    def tip(self, stream: str) -> Tip: ...

    def flushed(self, stream: str) -> int: ...

    def aside(self, stream: str, after: int) -> Mapping[int, str]: ...


class BarHistory:
    """The bars of a desk, for a process that is asked more than once."""

    def __init__(self, heads: FlushedHeads, log: Segments, lake: Callable[[], LakeBars]) -> None:
        self._heads = heads
        self._log = log
        self._lake = lake
        self._kept: dict[str, tuple[int, list[Series]]] = {}

    def bars(self, span: BarSpan) -> BarsByInstrument:
        """Return the bars of a span. A lake that was never written to is not read."""
        stream = _stream(span.venue)
        flushed = self._heads.flushed(stream)
        shown: BarsByInstrument = {instrument: {} for instrument in span.instruments}
        for instrument, bar in self._lake().bars(span, flushed) if flushed else ():
            shown[instrument][bar.closes_at] = bar
        for series in self._unflushed(stream, flushed):
            if series.timeframe == span.timeframe and series.instrument in shown:
                shown[series.instrument] |= {bar.closes_at: bar for bar in _priced(series) if span.holds(bar.closes_at)}
        return shown

    def extent(self, venue: str) -> int | None:
        """Return how far a venue's bars are in the lake; None while those beyond it are more than one look reads."""
        stream = _stream(venue)
        flushed = self._heads.flushed(stream)
        return flushed if self._heads.tip(stream).head.seq - flushed <= SEGMENTS_MAX else None

    def _unflushed(self, stream: str, flushed: int) -> Iterator[Series]:
        """Yield the series of the segments beyond the lake, by their names: to list a bucket is dearer."""
        head, count = self._heads.tip(stream).head.seq, 0
        aside = self._heads.aside(stream, flushed) if flushed < head else {}
        while flushed < head and count < SEGMENTS_MAX:
            key = aside.get(flushed + 1, chain.segment_key(stream, flushed + 1))
            count += key not in self._kept
            flushed, series = self._segment(key)
            yield from series

    def _segment(self, key: str) -> tuple[int, list[Series]]:
        """Return the sequence number of a segment's last record, and the series in it."""
        segment = self._kept.get(key)
        if segment is None:
            if len(self._kept) >= KEPT_MAX:
                self._kept.clear()
            records = list(map(chain.read, chain.lines_of(self._log.read(key))))
            segment = records[-1].seq, [series for record in records for series in _series(record)]
            self._kept[key] = segment
        return segment


def _stream(venue: str) -> str:
    return f"market-{venue}"


def _series(record: Record) -> list[Series]:
    message = chain.message_of(record)
    return bars.unpack(message.frames) if isinstance(message, BarsClosed) else []


def _priced(series: Series) -> Iterator[PricedBar]:
    for bar in series.bars:
        first, high, low, close = map(series.price, (bar.open, bar.high, bar.low, bar.close))
        yield PricedBar(bar.closes_at_s, first, high, low, close, series.volume(bar.volume))
