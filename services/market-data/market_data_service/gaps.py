"""Gaps between published bars: a poll that passes over more than a page notes one, and later polls fill it in parts."""

from collections.abc import Callable, Container, Iterable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from fanfold import ids
from fanfold.errors import VenueUnavailable
from fanfold.market import timeframes
from fanfold.market.bars import Series
from fanfold.market.source import SkippedBars
from fanfold.messages import BarsRequested
from market_data_service.answers import PAGE_BARS, SeriesKey
from market_data_service.news import News

# Bars of a part, which one call fetches well within a function's time.
PART_BARS = 1_000
# After so long, or after so many parts, a step of the back-fill begins no further part: its function has 50 s. Step
# Functions ends an execution at 25,000 events, of which a step takes seven.
STEP, STEP_PARTS = timedelta(seconds=10), 50
Gaps = Mapping[SeriesKey, SkippedBars]


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


def first_part(span: Span, cause: str) -> tuple[BarsRequested, Span]:
    """Return the request for the first bars of a span, and the rest of the span."""
    until = min(span.until, span.since + PART_BARS * timeframes.seconds(span.timeframe))
    request = BarsRequested(
        id=ids.derive("back-fill", span.venue, span.instrument, span.timeframe, span.since, until),
        cause=cause,
        at=datetime.fromtimestamp(until, UTC),
        venue=span.venue,
        timeframe=span.timeframe,
        instruments=[span.instrument],
        since_s=span.since,
        until_s=until,
    )
    return request, msgspec.structs.replace(span, since=until)


def fill(span: Span, publish: Callable[[BarsRequested], object], clock: Callable[[], datetime]) -> Span:
    """Publish the first parts of a span, as many as a step has time for, and return the rest.

    Raises VenueUnavailable where none was published.
    """
    ends_at, rest = clock() + STEP, span
    for _ in range(STEP_PARTS):
        message, after = first_part(rest, "operator/back-fill")
        try:
            publish(message)
        except VenueUnavailable:
            if rest is span:
                raise
            return rest
        rest = after
        if rest.done or clock() >= ends_at:
            break
    return rest


def chosen(gaps: Gaps, venue: str, turn: int) -> Span | None:
    """Return the gap of which a poll of a number fills a part: each has its turn, so that none holds up the others."""
    if not gaps:
        return None
    turns = sorted(gaps)
    timeframe, instrument = turns[turn % len(turns)]
    since, until = gaps[timeframe, instrument]
    return Span(venue=venue, instrument=instrument, timeframe=timeframe, since=since, until=until)


def without(gaps: Gaps, rest: Span) -> dict[SeriesKey, SkippedBars]:
    """Return the gaps once a part of one is filled, of which this is left."""
    key = rest.timeframe, rest.instrument
    left = {key: SkippedBars(rest.since, rest.until)} if not rest.done else {}
    return {name: gap for name, gap in gaps.items() if name != key} | left


def noted(
    gaps: Gaps, news: Iterable[News], cursors: Mapping[SeriesKey, Series], at: int, polled: Container[SeriesKey]
) -> dict[SeriesKey, SkippedBars]:
    """Return the gaps of series that are polled, with those that the news of a poll passed over."""
    known = {key: gap for key, gap in gaps.items() if key in polled}
    for item in news:
        series = item.series
        key = series.timeframe, series.instrument
        last = cursors.get(key)
        # Nearly always the news follow what was published.
        if last is None or last.through >= series.after or not series.bars:
            continue
        length = timeframes.seconds(series.timeframe)
        if last.through < at - at % length - PAGE_BARS * length:
            # What lies between an older gap and this one is published again, at most.
            known[key] = SkippedBars(known[key].since if key in known else last.through, series.after)
    return known
