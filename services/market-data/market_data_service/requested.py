"""Answer requests for bars that a reader is missing, and report bars that the venue does not have."""

from collections.abc import Iterable, Mapping

import msgspec

from fanfold.desk import VenueSettings
from fanfold.market import timeframes
from fanfold.market.bars import Series
from fanfold.market.quality import DefectKind as Kind
from fanfold.market.source import BarsRequest
from fanfold.messages import BarsRequested, DataDefect
from market_data_service import news
from market_data_service.answers import SeriesNeed, data_defect

# A venue that is behind fills a hole in a minute or two. A hole of this age counts as permanent.
UNFILLED_S = 600
# The bars of a request that are served, where strategies do not look back on more: its newest.
SERVED_BARS = 1_000


def needs_of(wanted: BarsRequested, lookback: int) -> list[SeriesNeed]:
    """Return the needs of a request, each with one bar more, which confirms a jump of the last bar.

    Of a long request the newest SERVED_BARS are needed, or the ``lookback`` of strategies and one more.
    """
    length = timeframes.seconds(wanted.timeframe)
    since = max(wanted.since_s, wanted.until_s - max(SERVED_BARS, lookback + 1) * length)
    return [
        SeriesNeed(
            wanted.timeframe,
            since,
            wanted.until_s,
            BarsRequest(instrument, wanted.timeframe, since, wanted.until_s + length),
        )
        for instrument in wanted.instruments
    ]


def served(
    wanted: BarsRequested,
    requests: Iterable[SeriesNeed],
    answers: Mapping[BarsRequest, Series],
    venue: VenueSettings,
    now: int,
) -> list[tuple[Series, list[DataDefect]]]:
    """Return the usable bars of each instrument with their defects, as of ``now`` in epoch seconds.

    A hole in front of them that is older than UNFILLED_S is closed: ``after`` of the series moves back over it, so
    that the reader continues, and the missing bars are reported as unfillable. So is what lies before the needs.
    """
    whole = [_usable(answers[need.request], need, wanted, venue) for need in requests if need.request in answers]
    return [(_linked(series, wanted, now), [*defects, *_unfillable(series, wanted, now)]) for series, defects in whole]


def _usable(
    answer: Series, need: SeriesNeed, wanted: BarsRequested, venue: VenueSettings
) -> tuple[Series, list[DataDefect]]:
    of = news.own if need.timeframe == venue.timeframe else news.from_venue
    fitted = news.fitting(of(answer, need._replace(until=need.request.until), None, venue.jump_max), need, None)
    bars = [bar for bar in fitted.series.bars if bar.closes_at_s <= need.until]
    defects = [defect for defect in fitted.defects if defect.closes_at_s <= need.until and defect.defect != Kind.EMPTY]
    # Of what lies before the need nobody asked whether it is there.
    after = max(fitted.series.after, need.since) if need.since > wanted.since_s else fitted.series.after
    return msgspec.structs.replace(fitted.series, after=after, bars=bars), defects


def _linked(series: Series, wanted: BarsRequested, now: int) -> Series:
    closed = series.bars and _unfillable(series, wanted, now)
    return msgspec.structs.replace(series, after=wanted.since_s) if closed else series


def _unfillable(series: Series, wanted: BarsRequested, now: int) -> list[DataDefect]:
    """Return the defect for bars between the reader's last and the venue's next, if missing for UNFILLED_S."""
    length = timeframes.seconds(wanted.timeframe)
    if series.bars and series.after <= wanted.since_s:
        return []
    first = series.bars[0].closes_at_s if series.bars else wanted.until_s + length
    count = (first - wanted.since_s) // length - 1
    if count <= 0 or now - first < UNFILLED_S:
        return []
    return [data_defect(Kind.UNFILLABLE, series.instrument, wanted.timeframe, count, wanted.since_s + length)]
