"""Poll venues for closed bars, check them, publish them, and note how far each series has come."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

import msgspec

from fanfold import names, strategies, timeframes
from fanfold.bars import Bar, Series
from fanfold.desk import Desk, Venue
from fanfold.messages import BarsWanted, Defect, Message
from fanfold.quality import Action, Row, check, follows
from fanfold.quality import Defect as Kind
from fanfold.refusals import BadInput, Conflict, VenueUnavailable
from fanfold.resample import resample
from fanfold.sources import Failure, Request, Source
from market_data_service.batches import messages, polled

SeriesKey = tuple[str, str]
# Bars of a back-fill that one call fetches, well within a function's time.
BACK_FILL_BARS = 1_000
log = logging.getLogger("fanfold")


class Wanted(NamedTuple):
    """A series to publish, and what the venue is asked for it: its own bars, where one longer bar is made of them."""

    timeframe: str
    request: Request


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Bars of one instrument to fetch: those that close after ``since`` and no later than ``until`` (epoch seconds)."""

    venue: str
    instrument: str
    timeframe: str
    since: int
    until: int

    @property
    def done(self) -> bool:
        return self.since >= self.until


class Cursors(Protocol):
    """How far each series of a venue was published, with a version."""

    def read(self, venue: str) -> tuple[Mapping[SeriesKey, int], int]: ...

    def write(self, venue: str, cursors: Mapping[SeriesKey, int], version: int) -> None: ...


class Bus(Protocol):
    """Where bars go."""

    def publish(self, messages: Iterable[Message]) -> None: ...


class Poller:
    """The verbs of market-data."""

    def __init__(
        self, desk: Desk, source: Callable[[str], Source], cursors: Cursors, bus: Bus, clock: Callable[[], datetime]
    ) -> None:
        self._desk = desk
        self._source = source
        self._cursors = cursors
        self._bus = bus
        self._clock = clock
        self._last: dict[tuple[str, str, str], tuple[Bar, int]] = {}
        self._known: dict[str, tuple[Mapping[SeriesKey, int], int]] = {}
        self._lookbacks = {venue: _lookbacks(desk, venue) for venue in desk.venues}

    def poll(self, scheduled: datetime | None = None) -> int:
        """Publish what had closed at every venue when the poll was due, now if not said; how many bars that were.

        The same time again finds nothing to do. Published first, noted second: after a crash in between the same bars
        go out again, under the same id. An instrument that its venue does not give is left out and told of. Raises
        VenueUnavailable, after all venues, where one gave none.
        """
        now = int((scheduled or self._clock()).timestamp())
        count, down = 0, []
        for name, venue in self._desk.venues.items():
            try:
                count += self._poll(name, venue, now)
            except VenueUnavailable as fault:
                down.append(f"venue {name}: {fault}")
        if down:
            raise VenueUnavailable("; ".join(down))
        return count

    def serve(self, wanted: BarsWanted) -> None:
        """Publish the bars that a reader misses, as far as the venue has them."""
        if wanted.venue not in self._desk.venues:
            raise BadInput(f"venue {wanted.venue!r} is not in the desk; it has {sorted(self._desk.venues)}")
        source, venue = self._source(wanted.venue), self._desk.venues[wanted.venue]
        asked = [Request(one, wanted.timeframe, wanted.since, wanted.until) for one in wanted.instruments]
        found, defects = _given(asked, source.bars_of(asked))
        checked = [_checked(one, venue.jump_max, wanted.until) for one in found.values() if one.bars]
        # A venue that has none of them has nothing to tell.
        if checked or defects:
            batch = f"wanted/{wanted.id}"
            self._bus.publish(messages(wanted.venue, batch, wanted.until, checked, defects, wanted=True))

    def back_fill(self, span: Span) -> Span:
        """Publish the first bars of a span as ones that were asked for; the rest of it is still to be done."""
        length = timeframes.seconds(span.timeframe)
        until = min(span.until, span.since + BACK_FILL_BARS * length)
        name = names.name("back-fill", span.venue, span.instrument, span.timeframe, span.since, until)
        wanted = BarsWanted(
            id=name,
            cause="operator/back-fill",
            at=datetime.fromtimestamp(until, UTC),
            venue=span.venue,
            timeframe=span.timeframe,
            instruments=[span.instrument],
            since=span.since,
            until=until,
        )
        self.serve(wanted)
        return msgspec.structs.replace(span, since=until)

    def _poll(self, name: str, venue: Venue, now: int) -> int:
        at = now - now % timeframes.seconds(venue.timeframe)
        cursors, version = self._known.pop(name) if name in self._known else self._cursors.read(name)
        found, defects = self._closed(name, venue, at, cursors)
        checked = [_checked(series, venue.jump_max, at, self._before(name, series)) for series in found]
        defects += [defect for series, some in checked if not series.bars for defect in some]
        checked = [one for one in checked if one[0].bars]
        if not checked:
            self._known[name] = cursors, version
            return 0
        self._bus.publish(polled(name, at, checked, defects, again=at in cursors.values()))
        moved = {**cursors, **{(one.timeframe, one.instrument): one.through for one, _ in checked}}
        try:
            self._cursors.write(name, moved, version)
        except Conflict:
            # Another poll was at it: it published the same bars under the same id.
            return 0
        self._known[name] = moved, version + 1
        for one, _ in checked:
            self._last[name, one.timeframe, one.instrument] = one.bars[-1], one.price_scale
        return sum(len(one.bars) for one, _ in checked)

    def _before(self, name: str, series: Series) -> Bar | None:
        """The bar before a series, where this process published it and it is in the same ticks."""
        bar, scale = self._last.get((name, series.timeframe, series.instrument), (None, 0))
        return bar if bar and bar.closes_at == series.after and scale == series.price_scale else None

    def _closed(
        self, name: str, venue: Venue, at: int, cursors: Mapping[SeriesKey, int]
    ) -> tuple[list[Series], list[Defect]]:
        """New bars of every instrument in all timeframes, each up to its own last close."""
        source = self._source(name)
        wanted = [one for symbol in venue.symbols for one in self._wanted(name, symbol, at, cursors)]
        asked = [one.request for one in wanted]
        given, defects = _given(asked, source.bars_of(asked))
        found = _filled(given, source)
        series = [
            resample(found[one.request], one.timeframe, one.request.until)
            if one.timeframe != one.request.timeframe
            else found[one.request]
            for one in wanted
            if one.request in found
        ]
        return series, defects

    def _wanted(self, name: str, symbol: str, at: int, cursors: Mapping[SeriesKey, int]) -> Iterable[Wanted]:
        own = self._desk.venues[name].timeframe
        for timeframe, lookback in self._lookbacks[name].items():
            length = timeframes.seconds(timeframe)
            # Not only when it closes: the poll at a close may have been missed, or the venue have been late.
            close = at - at % length
            # One bar more than strategies look back on, so that the first step has all of its past.
            since = cursors.get((timeframe, symbol), close - (lookback + 1) * length)
            # One bar that closed is made of the venue's own, which are the ones that orders fill against.
            asked = own if close - since <= length else timeframe
            if since < close:
                yield Wanted(timeframe, Request(symbol, asked, since, close))


def _given(
    asked: Sequence[Request], answers: Sequence[Series | Failure]
) -> tuple[dict[Request, Series], list[Defect]]:
    """What of the answers may be used: an instrument that failed once is left out whole, and told of as a defect.

    Raises VenueUnavailable where nothing is left.
    """
    failures = {one.request.instrument: one for one in answers if isinstance(one, Failure)}
    for one in failures.values():
        log.warning("%s is left out: %s", one.request.instrument, one.reason)
    found = {
        request: answer
        for request, answer in zip(asked, answers, strict=True)
        if isinstance(answer, Series) and request.instrument not in failures
    }
    if failures and not found:
        raise VenueUnavailable("; ".join(sorted({one.reason for one in failures.values()})))
    return found, [_unavailable(one.request) for one in failures.values()]


def _unavailable(request: Request) -> Defect:
    length = timeframes.seconds(request.timeframe)
    return Defect(instrument=request.instrument, timeframe=request.timeframe, defect="unavailable", action="reported",
                  count=(request.until - request.since) // length, at=request.since + length)


def _filled(given: Mapping[Request, Series], source: Source) -> dict[Request, Series]:
    """The series with their first hole asked for a second time before it counts as missing."""
    holes = {}
    for request, series in given.items():
        hole = _hole(series, timeframes.seconds(series.timeframe))
        if hole is not None:
            holes[request] = Request(request.instrument, request.timeframe, *hole)
    found = dict(given)
    for request, answer in zip(holes, source.bars_of(list(holes.values())) if holes else [], strict=True):
        if isinstance(answer, Series):
            found[request] = _joined(given[request], answer)
    return found


def _joined(series: Series, more: Series) -> Series:
    """Both series' bars; two answers of a venue can differ in scale."""
    price_scale = max(series.price_scale, more.price_scale)
    volume_scale = max(series.volume_scale, more.volume_scale)
    by_close = {}
    for one in (more, series):
        price, volume = 10 ** (price_scale - one.price_scale), 10 ** (volume_scale - one.volume_scale)
        for bar in one.bars:
            first, high, low, close = (ticks * price for ticks in bar[1:5])
            by_close[bar.closes_at] = Bar(bar.closes_at, first, high, low, close, bar.volume * volume)
    return msgspec.structs.replace(
        series,
        price_scale=price_scale,
        volume_scale=volume_scale,
        bars=[by_close[closes_at] for closes_at in sorted(by_close)],
    )


def _hole(series: Series, length: int) -> tuple[int, int] | None:
    """The first span in which bars are missing, from the bar before it to the bar after it."""
    before = series.after
    for bar in series.bars:
        if before and bar.closes_at - before > length:
            return before, bar.closes_at - 1
        before = bar.closes_at
    return None


def _checked(
    series: Series, jump_max: Decimal, at: int, before: Bar | None = None
) -> tuple[Series, list[Defect]]:
    """The bars that may be used, and what was wrong; nothing is invented for what is missing."""
    length = timeframes.seconds(series.timeframe)
    if before and len(series.bars) == 1 and follows(series.bars[0], before, length, jump_max, at):
        return series, []
    rows = [Row(bar.closes_at - length, *bar[1:]) for bar in series.bars]
    found = check(series.instrument, series.timeframe, rows, jump_max, now=at, before=before)
    defects = [
        Defect(
            instrument=series.instrument,
            timeframe=series.timeframe,
            defect=one.defect,
            action=one.action,
            count=one.count,
            at=one.at,
        )
        for one in found.findings
    ]
    if found.bars and series.after and before is None:
        missing = (found.bars[0].closes_at - series.after) // length - 1
        if missing > 0:
            defects.append(
                Defect(instrument=series.instrument, timeframe=series.timeframe, defect=Kind.GAP,
                       action=Action.REPORTED, count=missing, at=series.after)
            )
    return msgspec.structs.replace(series, bars=found.bars), defects


def _lookbacks(desk: Desk, venue: str) -> dict[str, int]:
    """Bars that the strategies at a venue look back on, by timeframe; its own timeframe first, whatever they use."""
    found = {desk.venues[venue].timeframe: 1}
    for instance in desk.strategies.values():
        if desk.accounts[instance.account].venue == venue:
            bound = strategies.bind(instance.strategy, instance.params, len(instance.instruments))
            found[instance.timeframe] = max(found.get(instance.timeframe, 0), bound.lookback)
    return found
