"""Build longer bars from shorter ones, in exact integers."""

from collections.abc import Iterable
from itertools import groupby

from fanfold.errors import BadInput
from fanfold.market import timeframes
from fanfold.market.bars import Bar, Series


def resample(series: Series, timeframe: str, through: int) -> Series:
    """Return the series in a coarser timeframe: a bar for every span that ended by ``through`` and has a finer bar.

    Where ``series.after`` lies inside a span, finer bars of it came before the series: the span is not whole, and so it
    is left out. Raises BadInput for a timeframe that is no multiple of the series' own.
    """
    length = timeframes.seconds(timeframe)
    if length % timeframes.seconds(series.timeframe):
        raise BadInput(f"{timeframe} bars cannot be made of {series.timeframe} bars of {series.instrument}")
    after = span_end(series.after, length)
    spans = _spans(series.bars, length)
    return Series(
        instrument=series.instrument,
        timeframe=timeframe,
        price_scale=series.price_scale,
        volume_scale=series.volume_scale,
        after=after if after <= through else 0,
        bars=[merged(ends_at, bars) for ends_at, bars in spans if after < ends_at <= through],
    )


def span_end(closes_at_s: int, length: int) -> int:
    """Return the end of the span of ``length`` seconds that contains a bar closing at ``closes_at_s``.

    >>> span_end(301, 300), span_end(600, 300)
    (600, 600)
    """
    return -(-closes_at_s // length) * length


def _spans(bars: list[Bar], length: int) -> Iterable[tuple[int, Iterable[Bar]]]:
    """The bars of each span, under its end."""
    if not bars:
        return []
    first = span_end(bars[0].closes_at_s, length)
    if bars[-1].closes_at_s <= first:
        # One longer bar, as when it has just closed: not every bar is asked where it belongs.
        return [(first, bars)]
    return groupby(bars, key=lambda bar: -(-bar.closes_at_s // length) * length)


def merged(closes_at_s: int, bars: Iterable[Bar]) -> Bar:
    """Return the longer bar that closes at a time, of all bars that it is made of."""
    _, opens, highs, lows, closes, volumes = zip(*bars, strict=True)
    return Bar(closes_at_s, opens[0], max(highs), min(lows), closes[-1], sum(volumes))
