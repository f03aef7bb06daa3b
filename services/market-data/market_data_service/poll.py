"""Poll venues for closed bars, check them, publish them, and note how far each series has come."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from math import ceil
from typing import Protocol

import msgspec

from fanfold import ids
from fanfold.desk import Desk, VenueSettings
from fanfold.errors import BadInput, Conflict, VenueUnavailable
from fanfold.market import timeframes
from fanfold.market.bars import Bar, Series
from fanfold.market.source import Noted, Source, is_paced, is_recorded
from fanfold.messages import BarsRequested, DataDefect, Message
from fanfold.strategy import contract
from market_data_service import answers, news, requested
from market_data_service.answers import SeriesKey, Wanted
from market_data_service.batches import messages, polled
from market_data_service.news import News
from market_data_service.revisions import longer

# Bars of a back-fill that one call fetches, well within a function's time.
BACK_FILL_BARS = 1_000


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


class PollCursors(Protocol):
    """What is kept of each venue between polls."""

    def read(self, venue: str) -> Noted: ...

    def write(self, venue: str, cursors: Mapping[SeriesKey, Series], version: int, held_until: int = 0) -> None: ...


class BarsBus(Protocol):
    """Where bars go."""

    def publish(self, messages: Iterable[Message]) -> None: ...


class Poller:
    """The verbs of market-data."""

    def __init__(
        self,
        desk: Desk,
        source: Callable[[str], Source],
        cursors: PollCursors,
        bus: BarsBus,
        clock: Callable[[], datetime],
    ) -> None:
        self._desk = desk
        self._source = source
        self._cursors = cursors
        self._bus = bus
        self._clock = clock
        self._known: dict[str, Noted] = {}
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

    def on_bars_requested(self, message: BarsRequested) -> None:
        """Publish the bars that a reader misses, as far as the venue has them; see requested for what nobody has."""
        if message.venue not in self._desk.venues:
            raise BadInput(f"venue {message.venue!r} is not in the desk; it has {sorted(self._desk.venues)}")
        source, venue = self._source(message.venue), self._desk.venues[message.venue]
        if is_paced(source):
            source.hold(self._cursors.read(message.venue).held_until)
        asked = requested.asked(message)
        found, defects = answers.given(asked, answers.asked_of(source, [one.request for one in asked]))
        served = requested.served(message, asked, found, venue, int(self._clock().timestamp()))
        defects += [defect for series, some in served if not series.bars for defect in some]
        checked = [one for one in served if one[0].bars]
        # A venue that has none of them yet has nothing to tell.
        if checked or defects:
            batch = f"requested/{message.id}"
            self._bus.publish(messages(message.venue, batch, message.until_s, checked, defects, requested=True))

    def back_fill(self, span: Span) -> Span:
        """Publish the first bars of a span as ones that were asked for; the rest of it is still to be done."""
        length = timeframes.seconds(span.timeframe)
        until = min(span.until, span.since + BACK_FILL_BARS * length)
        name = ids.derive("back-fill", span.venue, span.instrument, span.timeframe, span.since, until)
        message = BarsRequested(
            id=name,
            cause="operator/back-fill",
            at=datetime.fromtimestamp(until, UTC),
            venue=span.venue,
            timeframe=span.timeframe,
            instruments=[span.instrument],
            since_s=span.since,
            until_s=until,
        )
        self.on_bars_requested(message)
        return msgspec.structs.replace(span, since=until)

    def _poll(self, name: str, venue: VenueSettings, now: int) -> int:
        at = now - now % timeframes.seconds(venue.timeframe)
        noted = self._known.pop(name) if name in self._known else self._cursors.read(name)
        source = self._source(name)
        if is_paced(source):
            source.hold(noted.held_until)
        try:
            found, defects = self._news(source, name, venue, at, noted.cursors)
        finally:
            noted = self._shared(name, source, noted)
        fresh = [one for one in found if one.series.bars]
        defects += [defect for one in found if not one.series.bars for defect in one.defects]
        told = [(one.series, one.defects) for one in fresh]
        if told or defects:
            again = any(one.through == at for one in noted.cursors.values())
            self._bus.publish(polled(name, at, told, defects, again=again))
        lasts = {(one.series.timeframe, one.series.instrument): one.last for one in found if one.last}
        moved = {**noted.cursors, **lasts}
        try:
            self._known[name] = self._noted(name, moved, noted) if moved != noted.cursors else noted
        except Conflict:
            # Another poll was at it: it published the same bars under the same id.
            return 0
        return sum(len(one.series.bars) for one in fresh)

    def _noted(self, name: str, cursors: Mapping[SeriesKey, Series], noted: Noted) -> Noted:
        self._cursors.write(name, cursors, noted.version, noted.held_until)
        return noted._replace(cursors=cursors, version=noted.version + 1)

    def _shared(self, name: str, source: Source, noted: Noted) -> Noted:
        """The notes with the pause that a venue asked for, which other processes then keep to as well."""
        until = ceil(source.held_until()) if is_paced(source) else 0
        if until <= noted.held_until:
            return noted
        try:
            self._known[name] = self._noted(name, noted.cursors, noted._replace(held_until=until))
        except Conflict:
            # Who wrote meanwhile is not told of it now: it hears it of the venue itself.
            return noted
        return self._known[name]

    def _news(
        self, source: Source, name: str, venue: VenueSettings, at: int, noted: Mapping[SeriesKey, Series]
    ) -> tuple[list[News], list[DataDefect]]:
        """What is new in every instrument and timeframe, each up to its own last close."""
        lookbacks = self._lookbacks[name]
        wanted = [
            one for symbol in venue.symbols for one in answers.wanted(symbol, venue.timeframe, at, lookbacks, noted)
        ]
        found, defects = answers.given(wanted, answers.asked_of(source, [one.request for one in wanted]))
        since = {one.request: one.since for one in reversed(wanted)}
        whole = answers.filled(found, since, source)
        final = is_recorded(source)
        # Looked at once for all longer bars that are made of them.
        made_of = {one.request for one in wanted if one.timeframe != one.request.timeframe} & whole.keys()
        sound = {request: news.sound(whole[request], venue.jump_max) for request in made_of}
        got = [
            _of(whole[one.request], sound.get(one.request, ()), one, noted, venue, final=final)
            for one in wanted
            if one.request in whole
        ]
        return got, [*defects, *longer((defect for one in got for defect in one.defects), noted)]


def _of(
    answer: Series,
    sound: Sequence[Bar],
    one: Wanted,
    noted: Mapping[SeriesKey, Series],
    venue: VenueSettings,
    *,
    final: bool,
) -> News:
    """The news of a series in the answer that holds it or, where longer bars are made of it, its ``sound`` bars."""
    last = noted.get((one.timeframe, answer.instrument))
    return news.fitting(_found(answer, sound, one, last, venue, final=final), one, last)


def _found(
    answer: Series, sound: Sequence[Bar], one: Wanted, last: Series | None, venue: VenueSettings, *, final: bool
) -> News:
    if one.timeframe == venue.timeframe:
        found = news.own(answer, one, last, venue.jump_max)
        # A recording may begin later than others; a venue that gives nothing is no such thing.
        return found._replace(defects=[]) if final and not answer.bars else found
    if one.timeframe != answer.timeframe:
        return news.made(answer, sound, one, last, venue.jump_max, final=final)
    return news.given(answer, one, last, venue.jump_max)


def _lookbacks(desk: Desk, venue: str) -> dict[str, int]:
    """Bars that the strategies at a venue look back on, by timeframe; its own timeframe first, whatever they use."""
    found = {desk.venues[venue].timeframe: 1}
    for instance in desk.strategies.values():
        if desk.accounts[instance.account].venue == venue:
            bound = contract.bind(instance.strategy, instance.params, len(instance.instruments))
            found[instance.timeframe] = max(found.get(instance.timeframe, 0), bound.lookback)
    return found
