"""Bars that a reader misses, and the fact that there are none where no venue has them."""

from collections.abc import Iterable, Mapping

import msgspec

from fanfold.desk import VenueSettings
from fanfold.market import timeframes
from fanfold.market.bars import Series
from fanfold.market.quality import DefectKind as Kind
from fanfold.market.source import BarsRequest
from fanfold.messages import BarsRequested, DataDefect
from market_data_service import news
from market_data_service.answers import Wanted, told

# A venue that is behind fills a hole in a minute or two. One that stands for so long is taken for good.
UNFILLED_S = 600


def asked(wanted: BarsRequested) -> list[Wanted]:
    """What a venue is asked for it, with one bar more, by which a jump of the last one is confirmed."""
    until = wanted.until_s + timeframes.seconds(wanted.timeframe)
    return [
        Wanted(
            wanted.timeframe, wanted.since_s, wanted.until_s, BarsRequest(one, wanted.timeframe, wanted.since_s, until)
        )
        for one in wanted.instruments
    ]


def served(
    wanted: BarsRequested,
    requests: Iterable[Wanted],
    found: Mapping[BarsRequest, Series],
    venue: VenueSettings,
    now: int,
) -> list[tuple[Series, list[DataDefect]]]:
    """The bars that may be used of each instrument, with what is wrong, by ``now`` in epoch seconds.

    A hole in front of them that has stood for UNFILLED_S is closed: the series links over it, so that its reader goes
    on, and the bars that there are not are told of as unfillable.
    """
    whole = [_usable(found[one.request], one, venue) for one in requests if one.request in found]
    return [(_linked(series, wanted, now), [*defects, *_unfillable(series, wanted, now)]) for series, defects in whole]


def _usable(answer: Series, one: Wanted, venue: VenueSettings) -> tuple[Series, list[DataDefect]]:
    of = news.own if one.timeframe == venue.timeframe else news.given
    found = news.fitting(of(answer, one._replace(until=one.request.until), None, venue.jump_max), one, None)
    bars = [bar for bar in found.series.bars if bar.closes_at_s <= one.until]
    defects = [defect for defect in found.defects if defect.closes_at_s <= one.until and defect.defect != Kind.EMPTY]
    return msgspec.structs.replace(found.series, bars=bars), defects


def _linked(series: Series, wanted: BarsRequested, now: int) -> Series:
    closed = series.bars and _unfillable(series, wanted, now)
    return msgspec.structs.replace(series, after=wanted.since_s) if closed else series


def _unfillable(series: Series, wanted: BarsRequested, now: int) -> list[DataDefect]:
    """The bars between what a reader has and the first one that there is, where they have been missing for long."""
    length = timeframes.seconds(wanted.timeframe)
    if series.bars and series.after <= wanted.since_s:
        return []
    first = series.bars[0].closes_at_s if series.bars else wanted.until_s + length
    count = (first - wanted.since_s) // length - 1
    if count <= 0 or now - first < UNFILLED_S:
        return []
    return [told(Kind.UNFILLABLE, series.instrument, wanted.timeframe, count, wanted.since_s + length)]
