"""Poll venues for closed bars, check them, publish them, and note how far each series has come."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from fanfold import names, strategies, timeframes
from fanfold.bars import Series
from fanfold.desk import Desk, Venue
from fanfold.messages import BarsWanted, Defect, Message
from fanfold.refusals import BadInput, Conflict, VenueUnavailable
from fanfold.sources import Recorded, Source
from market_data_service import answers, news, serving
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


class Cursors(Protocol):
    """The last bars of each series of a venue that were published, with a version."""

    def read(self, venue: str) -> tuple[Mapping[SeriesKey, Series], int]: ...

    def write(self, venue: str, cursors: Mapping[SeriesKey, Series], version: int) -> None: ...


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
        self._known: dict[str, tuple[Mapping[SeriesKey, Series], int]] = {}
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
        """Publish the bars that a reader misses, as far as the venue has them; see serving for what nobody has."""
        if wanted.venue not in self._desk.venues:
            raise BadInput(f"venue {wanted.venue!r} is not in the desk; it has {sorted(self._desk.venues)}")
        source, venue = self._source(wanted.venue), self._desk.venues[wanted.venue]
        asked = serving.asked(wanted)
        found, defects = answers.given(asked, answers.asked_of(source, [one.request for one in asked]))
        served = serving.served(wanted, asked, found, venue, int(self._clock().timestamp()))
        defects += [defect for series, some in served if not series.bars for defect in some]
        checked = [one for one in served if one[0].bars]
        # A venue that has none of them yet has nothing to tell.
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
        noted, version = self._known.pop(name) if name in self._known else self._cursors.read(name)
        found, defects = self._news(name, venue, at, noted)
        fresh = [one for one in found if one.series.bars]
        defects += [defect for one in found if not one.series.bars for defect in one.defects]
        told = [(one.series, one.defects) for one in fresh]
        if told or defects:
            again = any(one.through == at for one in noted.values())
            self._bus.publish(polled(name, at, told, defects, again=again))
        moved = {**noted, **{(one.series.timeframe, one.series.instrument): one.last for one in found if one.last}}
        if moved != noted:
            try:
                self._cursors.write(name, moved, version)
            except Conflict:
                # Another poll was at it: it published the same bars under the same id.
                return 0
            version += 1
        self._known[name] = moved, version
        return sum(len(one.series.bars) for one in fresh)

    def _news(
        self, name: str, venue: Venue, at: int, noted: Mapping[SeriesKey, Series]
    ) -> tuple[list[News], list[Defect]]:
        """What is new in every instrument and timeframe, each up to its own last close."""
        source, lookbacks = self._source(name), self._lookbacks[name]
        wanted = [
            one for symbol in venue.symbols for one in answers.wanted(symbol, venue.timeframe, at, lookbacks, noted)
        ]
        found, defects = answers.given(wanted, answers.asked_of(source, [one.request for one in wanted]))
        since = {one.request: one.since for one in reversed(wanted)}
        whole = answers.filled(found, since, source)
        final = isinstance(source, Recorded)
        got = [_of(whole[one.request], one, noted, venue, final=final) for one in wanted if one.request in whole]
        return got, [*defects, *longer((defect for one in got for defect in one.defects), noted)]


def _of(
    answer: Series, one: Wanted, noted: Mapping[SeriesKey, Series], venue: Venue, *, final: bool
) -> News:
    """The news of a series in the answer that holds it."""
    last = noted.get((one.timeframe, answer.instrument))
    if one.timeframe == venue.timeframe:
        found = news.own(answer, one, last, venue.jump_max)
        # A recording may begin later than others; a venue that gives nothing is no such thing.
        return found._replace(defects=[]) if final and not answer.bars else found
    if one.timeframe != answer.timeframe:
        return news.made(answer, one, last, venue.jump_max, final=final)
    return news.given(answer, one, last, venue.jump_max)


def _lookbacks(desk: Desk, venue: str) -> dict[str, int]:
    """Bars that the strategies at a venue look back on, by timeframe; its own timeframe first, whatever they use."""
    found = {desk.venues[venue].timeframe: 1}
    for instance in desk.strategies.values():
        if desk.accounts[instance.account].venue == venue:
            bound = strategies.bind(instance.strategy, instance.params, len(instance.instruments))
            found[instance.timeframe] = max(found.get(instance.timeframe, 0), bound.lookback)
    return found
