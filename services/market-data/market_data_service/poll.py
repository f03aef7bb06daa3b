"""Poll venues for closed bars, check them, publish them, and note how far each series has come."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Protocol

import msgspec
from fanfold import bars, names, strategies, timeframes
from fanfold.bars import Series
from fanfold.desk import Desk, Venue
from fanfold.messages import Bars, BarsWanted, Defect, Message
from fanfold.quality import Action, Row, check
from fanfold.quality import Defect as Kind
from fanfold.refusals import BadInput, Conflict
from fanfold.resample import resample

# About 2,000 bars fill the 64 KB that is billed as one message.
BARS_MAX = 1_200
KEPT = 3
SeriesKey = tuple[str, str]


class Source(Protocol):
    """A venue's bars: those that close after ``since`` and no later than ``until`` (epoch seconds)."""

    def bars(self, instrument: str, timeframe: str, since: int, until: int) -> Series: ...


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
        self._known: dict[str, tuple[Mapping[SeriesKey, int], int]] = {}
        self._lookbacks = {venue: _lookbacks(desk, venue) for venue in desk.venues}

    def poll(self) -> int:
        """Publish what has closed at every venue since the last poll; how many bars that were.

        Published first, noted second: after a crash in between the same bars go out again, under the same id.
        """
        now = int(self._clock().timestamp())
        return sum(self._poll(name, venue, now) for name, venue in self._desk.venues.items())

    def serve(self, wanted: BarsWanted) -> None:
        """Publish the bars that a reader misses, as far as the venue has them."""
        if wanted.venue not in self._desk.venues:
            raise BadInput(f"venue {wanted.venue!r} is not in the desk; it has {sorted(self._desk.venues)}")
        source, venue = self._source(wanted.venue), self._desk.venues[wanted.venue]
        found = [source.bars(one, wanted.timeframe, wanted.since, wanted.until) for one in wanted.instruments]
        checked = [_checked(one, venue.jump_max, wanted.until) for one in found]
        self._bus.publish(_messages(wanted.venue, f"wanted/{wanted.id}", wanted.until, checked, wanted=True))

    def _poll(self, name: str, venue: Venue, now: int) -> int:
        at = now - now % timeframes.seconds(venue.timeframe)
        cursors, version = self._known.pop(name, None) or self._cursors.read(name)
        checked = [found for symbol in venue.symbols for found in self._closed(name, symbol, at, cursors)]
        checked = [found for found in checked if found[0].bars]
        if not checked:
            self._known[name] = cursors, version
            return 0
        self._bus.publish(_messages(name, f"poll/{name}/{at}", at, checked))
        moved = {**cursors, **{(one.timeframe, one.instrument): one.through for one, _ in checked}}
        try:
            self._cursors.write(name, moved, version)
        except Conflict:
            # Another poll was at it: it published the same bars under the same id.
            return 0
        self._known[name] = moved, version + 1
        return sum(len(one.bars) for one, _ in checked)

    def _closed(self, name: str, symbol: str, at: int, cursors: Mapping[SeriesKey, int]) -> list[tuple[Series, list[Defect]]]:
        """New bars of an instrument in the venue's timeframe, and in the longer ones that have closed."""
        source, venue = self._source(name), self._desk.venues[name]
        found = []
        for timeframe in self._lookbacks[name]:
            if not timeframes.closes(timeframe, at):
                continue
            length = timeframes.seconds(timeframe)
            # One bar more than strategies look back on, so that the first step has all of its past.
            since = cursors.get((timeframe, symbol), at - (self._lookbacks[name][timeframe] + 1) * length)
            series = self._fetch(source, venue, symbol, timeframe, since, at)
            found.append(_checked(series, venue.jump_max, at))
        return found

    def _fetch(self, source: Source, venue: Venue, symbol: str, timeframe: str, since: int, at: int) -> Series:
        """Bars since a time; what lies in a hole is asked for a second time before it counts as missing."""
        length = timeframes.seconds(timeframe)
        if timeframe != venue.timeframe and at - since <= length:
            # The one bar that closed is made of the venue's own, which are the ones that orders fill against.
            return resample(source.bars(symbol, venue.timeframe, since, at), timeframe, at)
        series = source.bars(symbol, timeframe, since, at)
        hole = _hole(series, length)
        if hole is None:
            return series
        filled = {bar.closes_at: bar for bar in source.bars(symbol, timeframe, *hole).bars}
        filled |= {bar.closes_at: bar for bar in series.bars}
        return msgspec.structs.replace(series, bars=[filled[closes_at] for closes_at in sorted(filled)])


def _hole(series: Series, length: int) -> tuple[int, int] | None:
    """The first span in which bars are missing, from the bar before it to the bar after it."""
    before = series.after
    for bar in series.bars:
        if before and bar.closes_at - before > length:
            return before, bar.closes_at - 1
        before = bar.closes_at
    return None


def _checked(series: Series, jump_max: Decimal, at: int) -> tuple[Series, list[Defect]]:
    """The bars that may be used, and what was wrong; nothing is invented for what is missing."""
    length = timeframes.seconds(series.timeframe)
    rows = [Row(bar.closes_at - length, *bar[1:]) for bar in series.bars]
    found = check(series.instrument, series.timeframe, rows, jump_max, now=at)
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
    if found.bars and series.after:
        missing = (found.bars[0].closes_at - series.after) // length - 1
        if missing > 0:
            defects.append(
                Defect(instrument=series.instrument, timeframe=series.timeframe, defect=Kind.GAP,
                       action=Action.REPORTED, count=missing, at=series.after)
            )
    return msgspec.structs.replace(series, bars=found.bars), defects


def _messages(
    venue: str, poll: str, at: int, checked: Sequence[tuple[Series, list[Defect]]], *, wanted: bool = False
) -> list[Bars]:
    parts = _parts([series for series, _ in checked])
    defects = [defect for _, found in checked for defect in found]
    return [
        Bars(
            id=names.name("bars", poll, number, len(parts), *(f"{one.instrument} {one.timeframe} {one.after} "
                                                             f"{one.through}" for one in part)),
            cause=poll,
            at=datetime.fromtimestamp(at, UTC),
            venue=venue,
            part=number,
            parts=len(parts),
            wanted=wanted,
            frames=bars.pack(part),
            defects=defects if number == 1 else [],
        )
        for number, part in enumerate(parts, 1)
    ]


def _parts(series: Sequence[Series]) -> list[list[Series]]:
    """Split so that no part has over BARS_MAX bars: long series by time, each part following on the one before."""
    parts: list[list[Series]] = [[]]
    room = BARS_MAX
    for one in series:
        after, left = one.after, one.bars
        while left:
            if not room:
                parts.append([])
                room = BARS_MAX
            taken, left = left[:room], left[room:]
            parts[-1].append(msgspec.structs.replace(one, after=after, bars=taken))
            room -= len(taken)
            after = taken[-1].closes_at
    return parts


def _lookbacks(desk: Desk, venue: str) -> dict[str, int]:
    """Bars that the strategies at a venue look back on, by timeframe; its own timeframe first, whatever they use."""
    found = {desk.venues[venue].timeframe: 1}
    for instance in desk.strategies.values():
        if desk.accounts[instance.account].venue == venue:
            bound = strategies.bind(instance.strategy, instance.params, len(instance.instruments))
            found[instance.timeframe] = max(found.get(instance.timeframe, 0), bound.lookback)
    return found
