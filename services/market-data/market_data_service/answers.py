"""What a venue is asked for, and what of its answers may be used."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from fanfold.errors import VenueUnavailable
from fanfold.market import timeframes
from fanfold.market.bars import Bar, Series
from fanfold.market.quality import ACTIONS, consecutive
from fanfold.market.quality import DefectKind as Kind
from fanfold.market.source import BarsRequest, Failure, Source
from fanfold.messages import DataDefect

SeriesKey = tuple[str, str]
# How far back the last bars are asked for again, to see whether they still stand.
AGAIN_BARS = 10
log = logging.getLogger("fanfold")


class Wanted(NamedTuple):
    """Bars of a series to publish, those that close after ``since``, and the request whose answer holds them."""

    timeframe: str
    since: int
    until: int
    request: BarsRequest


def wanted(
    symbol: str, own: str, at: int, lookbacks: Mapping[str, int], noted: Mapping[SeriesKey, Series]
) -> list[Wanted]:
    """What of an instrument has closed by ``at`` and was not published, by the last bars that were.

    One longer bar that closed is made of the venue's own, which are the ones that orders fill against; all of those
    come with one answer, and the last bars that were published stand in front of them in it.
    """
    all_of = [_need(symbol, timeframe, at, lookback, noted) for timeframe, lookback in lookbacks.items()]
    needs = [one for one in all_of if one.since < one.until]
    made = [one for one in needs if one.timeframe == own or one.until - one.since <= timeframes.seconds(one.timeframe)]
    starts = [_start(one, own, noted.get((own, symbol))) for one in made]
    shared = BarsRequest(symbol, own, min(starts, default=at), at)
    return [one._replace(request=shared) if one in made else one for one in needs]


def _need(symbol: str, timeframe: str, at: int, lookback: int, noted: Mapping[SeriesKey, Series]) -> Wanted:
    length = timeframes.seconds(timeframe)
    # Not only when it closes: the poll at a close may have been missed, or the venue have been late.
    close = at - at % length
    last = noted.get((timeframe, symbol))
    # One bar more than strategies look back on, so that the first step has all of its past.
    since = last.through if last else close - (lookback + 1) * length
    return Wanted(timeframe, since, close, BarsRequest(symbol, timeframe, since, close))


def _start(one: Wanted, own: str, last: Series | None) -> int:
    """After which close the venue's own bars are asked for."""
    length = timeframes.seconds(own)
    if one.timeframe != own:
        # With the bar before, by which a jump of the first one shows.
        return one.since - length
    known = last.bars if last else []
    return min(
        (bar.closes_at_s for bar in known if one.since - bar.closes_at_s <= AGAIN_BARS * length), default=one.since
    )


def given(
    asked: Sequence[Wanted], answers: Mapping[BarsRequest, Series | Failure]
) -> tuple[dict[BarsRequest, Series], list[DataDefect]]:
    """What of the answers may be used: an instrument that failed once is left out whole, and told of as a defect.

    Raises VenueUnavailable where nothing is left.
    """
    failures = {one.request.instrument: one for one in answers.values() if isinstance(one, Failure)}
    for one in failures.values():
        log.warning("%s is left out: %s", one.request.instrument, one.reason)
    found = {
        request: answer
        for request, answer in answers.items()
        if isinstance(answer, Series) and request.instrument not in failures
    }
    if failures and not found:
        raise VenueUnavailable("; ".join(sorted({one.reason for one in failures.values()})))
    first = {one.request.instrument: one for one in reversed(asked) if one.request.instrument in failures}
    return found, [_unavailable(one) for one in first.values()]


def _unavailable(one: Wanted) -> DataDefect:
    length = timeframes.seconds(one.timeframe)
    count = (one.until - one.since) // length
    return told(Kind.UNAVAILABLE, one.request.instrument, one.timeframe, count, one.since + length)


def told(kind: Kind, instrument: str, timeframe: str, count: int, at: int, detail: str = "") -> DataDefect:
    """A defect as it is told, with what is always done about it."""
    return DataDefect(
        instrument=instrument,
        timeframe=timeframe,
        defect=kind,
        action=ACTIONS[kind],
        count=count,
        closes_at_s=at,
        detail=detail,
    )


def asked_of(source: Source, requests: Iterable[BarsRequest]) -> dict[BarsRequest, Series | Failure]:
    """A source's answers by request, each asked for once."""
    different = list(dict.fromkeys(requests))
    return dict(zip(different, source.bars_of(different), strict=True))


def filled(
    found: Mapping[BarsRequest, Series], since: Mapping[BarsRequest, int], source: Source
) -> dict[BarsRequest, Series]:
    """The series with their first hole after ``since`` asked for a second time before it counts as missing."""
    holes = {}
    for request, series in found.items():
        hole = _hole(series, since[request], timeframes.seconds(series.timeframe))
        if hole is not None:
            holes[request] = BarsRequest(request.instrument, request.timeframe, *hole)
    answers = source.bars_of(list(holes.values())) if holes else []
    more = {request: one for request, one in zip(holes, answers, strict=True) if isinstance(one, Series)}
    return {request: joined(series, more[request]) if request in more else series for request, series in found.items()}


def joined(series: Series, more: Series) -> Series:
    """Both series' bars."""
    scaled, others = alike(series, more)
    by_close = {bar.closes_at_s: bar for one in (others, scaled) if one for bar in one.bars}
    return msgspec.structs.replace(scaled, bars=[by_close[closes_at_s] for closes_at_s in sorted(by_close)])


def alike(series: Series, other: Series | None) -> tuple[Series, Series | None]:
    """Both series in the finer of their scales: two answers of a venue can differ."""
    if other is None:
        return series, None
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
    """The first span after a close in which bars are missing, from the bar before it to the bar after it."""
    before = series.after
    if consecutive(series.bars, length) and (not before or series.through - before <= length * len(series.bars)):
        return None
    for bar in series.bars:
        if before and bar.closes_at_s > since and bar.closes_at_s - before > length:
            return before, bar.closes_at_s - 1
        before = bar.closes_at_s
    return None
