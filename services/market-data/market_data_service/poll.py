"""Poll venues for closed bars, check them, publish them, and store the progress of each series."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from math import ceil
from sys import maxsize
from typing import Protocol

import msgspec

from fanfold.desk import Desk, VenueSettings
from fanfold.errors import BadInput, Conflict, VenueUnavailable
from fanfold.market import timeframes
from fanfold.market.bars import Bar, Series
from fanfold.market.source import Noted, Source, is_bounded, is_paced, is_recorded
from fanfold.messages import BarsRequested, DataDefect, Message
from fanfold.strategy import contract
from market_data_service import answers, news, requested
from market_data_service.answers import SeriesKey, SeriesNeed
from market_data_service.batches import messages, polled
from market_data_service.following import BarMerger
from market_data_service.gaps import Gaps, Span, chosen, fill, first_part, without
from market_data_service.gaps import noted as gaps_noted
from market_data_service.news import News
from market_data_service.revisions import longer

log = logging.getLogger("fanfold")
# Of the 50 s of a function: no request to a venue goes out later. The rest is for the answers to the last ones, which
# are waited for 3 s, and for publishing.
REQUESTS_S = 30.0


class PollCursors(Protocol):
    """The store of each venue's state between polls."""

    def read(self, venue: str) -> Noted: ...

    def write(self, venue: str, noted: Noted) -> None: ...


class BarsBus(Protocol):
    """The bus on which bars are published."""

    def publish(self, messages: Iterable[Message]) -> None: ...


class OwnNotes(msgspec.Struct, frozen=True):
    """The notes on a venue that this process wrote or read last, at its poll of the close ``at``."""

    noted: Noted
    at: int


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
        self._own: dict[str, OwnNotes] = {}
        self._lookbacks = {venue: _lookbacks(desk, venue) for venue in desk.venues}
        self._polled = {
            name: {(timeframe, symbol) for timeframe in self._lookbacks[name] for symbol in venue.symbols}
            for name, venue in desk.venues.items()
        }
        # Instruments that are not served yet, by request; lost with the process, which serves all of them again then.
        self._left: dict[str, list[str]] = {}
        self._mergers: dict[str, BarMerger] = {}

    def poll(self, scheduled: datetime | None = None) -> int:
        """Publish the bars that had closed at every venue when the poll was due (default: now); return their number.

        A repeated poll finds nothing to do. Bars are published first, then stored as published: after a crash in
        between the same bars are published again, under the same id. An instrument that its venue does not return is
        left out and reported. Raises VenueUnavailable, after all venues, where one did not respond.
        """
        begun = self._clock()
        now, finish_at = int((scheduled or begun).timestamp()), begun.timestamp() + REQUESTS_S
        count, down = 0, []
        for left, (name, venue) in zip(range(len(self._desk.venues), 0, -1), self._desk.venues.items(), strict=True):
            try:
                self._give_time(name, finish_at, left)
                count += self._poll(name, venue, now)
            except VenueUnavailable as fault:
                down.append(f"venue {name}: {fault}")
        if down:
            raise VenueUnavailable("; ".join(down))
        return count

    def on_bars_requested(self, message: BarsRequested) -> None:
        """Publish the bars that a reader is missing, as far as the venue has them; see requested for holes.

        Raises VenueUnavailable, after that, for instruments for which there was no time: the request is delivered
        again, and then these are asked for alone.
        """
        if message.venue not in self._desk.venues:
            raise BadInput(f"venue {message.venue!r} is not in the desk; it has {sorted(self._desk.venues)}")
        source, venue = self._source(message.venue), self._desk.venues[message.venue]
        self._give_time(message.venue, self._clock().timestamp() + REQUESTS_S, venues=1)
        if is_paced(source):
            source.hold(self._cursors.read(message.venue).held_until)
        self._serve(source, venue, message)

    def _serve(self, source: Source, venue: VenueSettings, message: BarsRequested) -> None:
        message = msgspec.structs.replace(message, instruments=self._left.pop(message.id, message.instruments))
        needs = requested.needs_of(message, self._lookbacks[message.venue].get(message.timeframe, 0))
        late, fetched = answers.in_time(answers.fetch(source, [need.request for need in needs]))
        usable, defects = answers.usable(needs, fetched)
        served = requested.served(message, needs, usable, venue, int(self._clock().timestamp()))
        defects += [defect for series, series_defects in served if not series.bars for defect in series_defects]
        checked = [entry for entry in served if entry[0].bars]
        # The venue has none of them yet: there is nothing to publish.
        if checked or defects:
            batch = f"requested/{message.id}"
            self._bus.publish(messages(message.venue, batch, message.until_s, checked, defects, requested=True))
        if late:
            self._left[message.id] = late
            raise VenueUnavailable(f"venue {message.venue}: no time for {', '.join(late)}; the request is repeated")

    def back_fill(self, span: Span) -> Span:
        """Publish the first bars of a span, marked as requested, and return the rest of the span."""
        return fill(span, self.on_bars_requested, self._clock)

    def _poll(self, name: str, venue: VenueSettings, now: int) -> int:
        length = timeframes.seconds(venue.timeframe)
        at = now - now % length
        noted = self._notes(name, at - length)
        source = self._source(name)
        if is_paced(source):
            source.hold(noted.held_until)
        try:
            found_news, defects = self._news(source, name, venue, at, noted.cursors)
        finally:
            noted = self._shared(name, source, noted, at)
        fresh = [item for item in found_news if item.series.bars]
        defects += [defect for item in found_news if not item.series.bars for defect in item.defects]
        to_publish = [(item.series, item.defects) for item in fresh]
        if to_publish or defects:
            again = at in [last.bars[-1][0] for last in noted.cursors.values()]
            self._bus.publish(polled(name, at, to_publish, defects, again=again))
        lasts = {(item.series.timeframe, item.series.instrument): item.last for item in found_news if item.last}
        # Those of a series that the desk has no more would be asked from, were it put back a year later.
        own = self._polled[name]
        kept = {key: last for key, last in noted.cursors.items() if key in own}
        filled = self._filled(source, name, venue, noted.gaps, at)
        gaps = gaps_noted(filled, found_news, noted.cursors, at, own)
        after = noted._replace(cursors={**kept, **lasts}, gaps=gaps)
        try:
            self._own[name] = OwnNotes(self._written(name, after) if after != noted else noted, at)
        except Conflict:
            # Another poll wrote the cursors first: it published the same bars, which readers have once.
            return 0
        return sum([len(item.series.bars) for item in fresh])

    def _give_time(self, name: str, finish_at: float, venues: int) -> None:
        """Give a venue its share of the time that is left for so many venues, this one among them."""
        source = self._source(name)
        if is_bounded(source):
            now = self._clock().timestamp()
            source.finish_within((finish_at - now) / venues)

    def _notes(self, name: str, since: int) -> Noted:
        """Return the notes on a venue: this process's own of a poll since then, else the stored ones.

        Had it polled earlier, another process may have polled after it, and would see its bars published again.
        """
        own = self._own.pop(name, None)
        return own.noted if own is not None and own.at >= since else self._cursors.read(name)

    def _filled(self, source: Source, name: str, venue: VenueSettings, gaps: Gaps, at: int) -> Gaps:
        """Publish the next part of a gap that an earlier poll passed over; return what is left of the gaps."""
        span = chosen(gaps, name, at // timeframes.seconds(venue.timeframe))
        if span is None:
            return gaps
        message, rest = first_part(span, "poll/back-fill")
        try:
            self._serve(source, venue, message)
        except VenueUnavailable as fault:
            log.warning("a gap of %s waits for another poll: %s", span.instrument, fault)
            return gaps
        return without(gaps, rest)

    def _written(self, name: str, noted: Noted) -> Noted:
        self._cursors.write(name, noted)
        return noted._replace(version=noted.version + 1)

    def _shared(self, name: str, source: Source, noted: Noted, at: int) -> Noted:
        """Store the pause that the venue demanded, so that other processes observe it too; return the new notes."""
        until = ceil(source.held_until()) if is_paced(source) else 0
        if until <= noted.held_until:
            return noted
        try:
            shared = self._written(name, noted._replace(held_until=until))
        except Conflict:
            # Another process wrote first; it will learn of the pause from the venue itself.
            return noted
        self._own[name] = OwnNotes(shared, at)
        return shared

    def _merger(self, name: str, venue: VenueSettings) -> BarMerger:
        if name not in self._mergers:
            self._mergers[name] = BarMerger(venue, self._lookbacks[name])
        return self._mergers[name]

    def _news(
        self, source: Source, name: str, venue: VenueSettings, at: int, noted: Mapping[SeriesKey, Series]
    ) -> tuple[list[News], list[DataDefect]]:
        """Return what is new in every instrument and timeframe, each up to its last close, and all defects."""
        lookbacks, final = self._lookbacks[name], is_recorded(source)
        followed = self._merger(name, venue).news(source, at, noted) if final else {}
        if len(followed) == len(venue.symbols):
            return [item for items in followed.values() for item in items], []
        # A recording is never revised, so that nothing of it is asked for again, and any span of it is at hand.
        bounds = (0, maxsize) if final else (answers.AGAIN_BARS, answers.PAGE_BARS)
        wanted = [
            need
            for symbol in venue.symbols
            if symbol not in followed
            for need in answers.needs_of(symbol, venue.timeframe, at, lookbacks, noted, *bounds)
        ]
        usable, defects = answers.usable(wanted, answers.fetch(source, [need.request for need in wanted]))
        # A bar that a recording lacks will never come.
        whole = usable if final else answers.filled(usable, wanted, source)
        # Checked once, however many longer timeframes are made of them.
        made_of = {need.request for need in wanted if need.timeframe != need.request.timeframe} & whole.keys()
        sound = {request: news.sound(whole[request], venue.jump_max) for request in made_of}
        got = [
            _of(answer, sound.get(need.request, ()) if sound else (), need, noted, venue, final=final)
            for need in wanted
            if (answer := whole.get(need.request)) is not None
        ]
        if followed:
            place = {symbol: number for number, symbol in enumerate(venue.symbols)}
            got += [item for items in followed.values() for item in items]
            got.sort(key=lambda item: place[item.series.instrument])
        return got, [*defects, *longer((defect for item in got for defect in item.defects), noted)]


def _of(
    answer: Series,
    sound: Sequence[Bar],
    need: SeriesNeed,
    noted: Mapping[SeriesKey, Series],
    venue: VenueSettings,
    *,
    final: bool,
) -> News:
    """Return the news of a series from its answer, or from the answer's ``sound`` bars if it is resampled."""
    last = noted.get((need.timeframe, answer.instrument))
    item = news.fitting(_found(answer, sound, need, last, venue, final=final), need, last)
    if last is None or need.since <= last.through or not item.series.bars:
        return item
    # What lies between was not asked for, so nobody knows that there is nothing.
    linked = msgspec.structs.replace(item.series, after=max(item.series.after, need.since))
    return msgspec.structs.replace(item, series=linked)


def _found(
    answer: Series, sound: Sequence[Bar], need: SeriesNeed, last: Series | None, venue: VenueSettings, *, final: bool
) -> News:
    if need.timeframe == venue.timeframe:
        own = news.own(answer, need, last, venue.jump_max, known_unbroken=sound is answer.bars)
        # An empty answer is a defect of a live venue, but not of a recording, which may begin later than others.
        return msgspec.structs.replace(own, defects=[]) if final and not answer.bars else own
    if need.timeframe != answer.timeframe:
        return news.made(answer, sound, need, last, venue.jump_max, final=final)
    return news.from_venue(answer, need, last, venue.jump_max)


def _lookbacks(desk: Desk, venue: str) -> dict[str, int]:
    """Return the longest lookback of a venue's strategies by timeframe; the venue's own timeframe comes first."""
    lookbacks = {desk.venues[venue].timeframe: 1}
    for instance in desk.strategies.values():
        if desk.accounts[instance.account].venue == venue:
            bound = contract.bind(instance.strategy, instance.params, len(instance.instruments))
            lookbacks[instance.timeframe] = max(lookbacks.get(instance.timeframe, 0), bound.lookback)
    return lookbacks
