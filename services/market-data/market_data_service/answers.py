"""Plan the requests to a venue, and select the answers that may be used."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from fanfold.errors import VenueUnavailable
from fanfold.market import timeframes
from fanfold.market.bars import Bar, Series
from fanfold.market.quality import ACTIONS
from fanfold.market.quality import DefectKind as Kind
from fanfold.market.sequence import consecutive
from fanfold.market.source import BarsRequest, Failure, Source
from fanfold.messages import DataDefect

SeriesKey = tuple[str, str]
# How many published bars are requested again, to see whether the venue has revised them.
AGAIN_BARS = 10
# How far back a poll reaches, and of how many of the venue's own bars it makes a longer one. Every exchange gives so
# many, and those around them, in one page, so that an instrument costs about the same whatever was missed.
PAGE_BARS = 240
log = logging.getLogger("fanfold")


class SeriesNeed(NamedTuple):
    """Bars of a series to publish, those that close after ``since``, and the request whose response holds them."""

    timeframe: str
    since: int
    until: int
    request: BarsRequest


def needs_of(
    symbol: str,
    own: str,
    at: int,
    lookbacks: Mapping[str, int],
    noted: Mapping[SeriesKey, Series],
    again_bars: int = AGAIN_BARS,
    page_bars: int = PAGE_BARS,
) -> list[SeriesNeed]:
    """Return the bars of an instrument that have closed by ``at`` and are not published, by timeframe.

    ``noted`` holds the last published bars; of those that were missed the newest ``page_bars`` are needed. A single
    longer bar is resampled from at most as many bars of the venue's own timeframe ``own``, against which orders fill.
    These needs share one request, which begins with up to ``again_bars`` bars that were published before.
    """
    begin, newest = at, noted.get((own, symbol))
    if newest and not again_bars and len(lookbacks) == 1:
        # Nothing but the bars that follow: of one timeframe, and none that was published.
        since, close = newest.bars[-1].closes_at_s, at - at % timeframes.seconds(own)
        return [SeriesNeed(own, since, close, BarsRequest(symbol, own, since, at))] if since < close else []
    due: list[tuple[str, int, int, bool]] = []
    for timeframe, lookback in lookbacks.items():
        length, last = timeframes.seconds(timeframe), newest if timeframe == own else noted.get((timeframe, symbol))
        # Checked at every poll, not only at the close: that poll may have failed, or the venue may have been late.
        close = at - at % length
        # One bar more than strategies look back on, so that the first step has all of its past.
        since = max(last.through, close - page_bars * length) if last else close - (lookback + 1) * length
        if since < close:
            made = timeframe == own or (close - since <= length <= page_bars * timeframes.seconds(own))
            due.append((timeframe, since, close, made))
            begin = min(begin, _start(timeframe, since, own, newest, again_bars)) if made else begin
    shared = BarsRequest(symbol, own, begin, at)
    return [
        SeriesNeed(timeframe, since, close, shared if made else BarsRequest(symbol, timeframe, since, close))
        for timeframe, since, close, made in due
    ]


def _start(timeframe: str, since: int, own: str, last: Series | None, again_bars: int) -> int:
    """Return the close after which the venue's own bars are requested."""
    length = timeframes.seconds(own)
    if timeframe != own:
        # The bar before is needed to detect a jump of the first one.
        return since - length
    known, again_s = last.bars if last and again_bars else [], again_bars * length
    if known and since - known[0].closes_at_s <= again_s:
        return min(known[0].closes_at_s, since)
    return min((bar.closes_at_s for bar in known if since - bar.closes_at_s <= again_s), default=since)


def usable(
    needs: Sequence[SeriesNeed], answers: Mapping[BarsRequest, Series | Failure]
) -> tuple[dict[BarsRequest, Series], list[DataDefect]]:
    """Return the series received, and a defect for the first need of each request that failed.

    Raise VenueUnavailable if requests failed and no series is left.
    """
    received = {request: answer for request, answer in answers.items() if isinstance(answer, Series)}
    failures = [answer for answer in answers.values() if isinstance(answer, Failure)]
    for failure in failures:
        log.warning("%s %s is left out: %s", failure.request.instrument, failure.request.timeframe, failure.reason)
    if failures and not received:
        raise VenueUnavailable("; ".join(sorted({failure.reason for failure in failures})))
    first = {need.request: need for need in reversed(needs)}
    return received, [_unavailable(first[failure.request]) for failure in failures]


def _unavailable(need: SeriesNeed) -> DataDefect:
    length = timeframes.seconds(need.timeframe)
    count = (need.until - need.since) // length
    return data_defect(Kind.UNAVAILABLE, need.request.instrument, need.timeframe, count, need.since + length)


def data_defect(kind: Kind, instrument: str, timeframe: str, count: int, at: int, detail: str = "") -> DataDefect:
    """Build the record of a defect, with the action that its kind always has."""
    return DataDefect(
        instrument=instrument,
        timeframe=timeframe,
        defect=kind,
        action=ACTIONS[kind],
        count=count,
        closes_at_s=at,
        detail=detail,
    )


def fetch(source: Source, requests: Iterable[BarsRequest]) -> dict[BarsRequest, Series | Failure]:
    """Fetch the answers by request; equal requests are sent once."""
    different = list(dict.fromkeys(requests))
    return dict(zip(different, source.bars_of(different), strict=True))


def in_time(
    fetched: Mapping[BarsRequest, Series | Failure],
) -> tuple[list[str], dict[BarsRequest, Series | Failure]]:
    """Return the instruments for which there was no time, and the answers of the others."""
    late = {request for request, answer in fetched.items() if isinstance(answer, Failure) and answer.late}
    others = {request: answer for request, answer in fetched.items() if request not in late}
    return sorted({request.instrument for request in late}), others


def filled(
    received: Mapping[BarsRequest, Series], needs: Sequence[SeriesNeed], source: Source
) -> dict[BarsRequest, Series]:
    """Ask the source a second time for the first hole of each series that is needed, and return the series joined."""
    since = {need.request: need.since for need in reversed(needs)}
    holes = {}
    for request, series in received.items():
        hole = _hole(series, since[request], timeframes.seconds(series.timeframe))
        if hole is not None:
            holes[request] = BarsRequest(request.instrument, request.timeframe, *hole)
    answers = source.bars_of(list(holes.values())) if holes else []
    more = {request: answer for request, answer in zip(holes, answers, strict=True) if isinstance(answer, Series)}
    return {
        request: joined(series, more[request]) if request in more else series for request, series in received.items()
    }


def joined(series: Series, more: Series) -> Series:
    """Return the first series with the bars of both; where both have a bar, that of the first counts."""
    scaled, others = alike(series, more)
    by_close = {bar.closes_at_s: bar for part in (others, scaled) if part for bar in part.bars}
    return msgspec.structs.replace(scaled, bars=[by_close[closes_at_s] for closes_at_s in sorted(by_close)])


def alike(series: Series, other: Series | None) -> tuple[Series, Series | None]:
    """Convert both series to the finer of their scales; two answers of a venue can differ in scale."""
    if other is None:
        return series, None
    if (series.price_scale, series.volume_scale) == (other.price_scale, other.volume_scale):
        return series, other
    scales = max(series.price_scale, other.price_scale), max(series.volume_scale, other.volume_scale)
    return _rescaled(series, *scales), _rescaled(other, *scales)


def _rescaled(series: Series, price_scale: int, volume_scale: int) -> Series:
    if (series.price_scale, series.volume_scale) == (price_scale, volume_scale):
        return series
    price, volume = 10 ** (price_scale - series.price_scale), 10 ** (volume_scale - series.volume_scale)
    bars = [
        Bar(closes_at_s, first * price, high * price, low * price, close * price, lots * volume)
        for closes_at_s, first, high, low, close, lots in series.bars
    ]
    return msgspec.structs.replace(series, price_scale=price_scale, volume_scale=volume_scale, bars=bars)


def _hole(series: Series, since: int, length: int) -> tuple[int, int] | None:
    """Return the first span of missing bars after a close: the bar before it, and the second before the bar after."""
    before = series.after
    if consecutive(series.bars, length) and (not before or series.through - before <= length * len(series.bars)):
        return None
    for bar in series.bars:
        if before and bar.closes_at_s > since and bar.closes_at_s - before > length:
            return before, bar.closes_at_s - 1
        before = bar.closes_at_s
    return None
