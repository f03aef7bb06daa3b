"""Store bars as exact integers: prices in ticks and volumes in lots, with a decimal scale for each series."""

from collections.abc import Callable, Collection, Iterable, Iterator
from decimal import Decimal
from functools import partial
from itertools import accumulate, islice, pairwise
from operator import sub
from typing import NamedTuple

import msgspec

from fanfold.errors import BadInput
from fanfold.market import timeframes

# What a token of 18 decimals is told in; with the integers of 64 bits it is all that a store and research can hold.
SCALE_MAX = 18
FIGURE_MAX = 2**63 - 1
# Beyond this a scale is no decimal place any more, but an attempt to make a reader compute for ever.
_SCALE_LIMIT = 100


class Bar(NamedTuple):
    """One bar: its close in epoch seconds, prices in ticks and volume in lots, at the scales of its series."""

    closes_at_s: int
    open: int
    high: int
    low: int
    close: int
    volume: int


# As ``Bar._make``, without its call in Python, which is most of its time.
bar_of: Callable[[Iterable[int]], Bar] = partial(tuple.__new__, Bar)


def bars_of(rows: Iterable[Iterable[int]]) -> list[Bar]:
    """Bars of rows of six figures each."""
    return list(map(bar_of, rows))


class Series(msgspec.Struct, kw_only=True):
    """Bars of one instrument and timeframe in time order.

    A price is ``ticks / 10 ** price_scale``, a volume ``lots / 10 ** volume_scale``. ``after`` is the close (epoch
    seconds) of the bar that its source knows to come right before the first one: bars that do not exist at the venue
    are stepped over, bars that went missing on the way are not. It is 0 where the source knows of no earlier bar.
    """

    instrument: str
    timeframe: str
    price_scale: int
    volume_scale: int
    after: int
    bars: list[Bar]

    @property
    def through(self) -> int:
        """Close of the newest bar in epoch seconds; where there is none, of the bar before."""
        return self.bars[-1].closes_at_s if self.bars else self.after

    def price(self, ticks: int) -> Decimal:
        return Decimal(ticks).scaleb(-self.price_scale)

    def volume(self, lots: int) -> Decimal:
        return Decimal(lots).scaleb(-self.volume_scale)


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """Series of one timeframe on the wire, in flat columns.

    The first four columns have an entry a series, the others an entry a bar. ``gap`` is the distance from ``after`` to
    the series' first bar in bars (0: nothing known before), ``step`` a bar's distance from ``first_close_s``, the
    earliest close in the frame. ``high``, ``low`` and ``close`` are distances from the bar's open, each signed so that
    a sound bar has none below zero but its close.
    """

    timeframe: str
    first_close_s: int
    instruments: list[str]
    price_scale: list[int]
    volume_scale: list[int]
    gap: list[int]
    counts: list[int]
    step: list[int]
    open: list[int]
    high: list[int]
    low: list[int]
    close: list[int]
    volume: list[int]


def fitted(series: Series) -> Series:
    """Return the series with scales up to SCALE_MAX and figures up to FIGURE_MAX, coarser where that is exact.

    Raises BadInput, which says why, for a series that fits no scale.
    """
    figures = series.bars
    fits = series.price_scale <= SCALE_MAX and series.volume_scale <= SCALE_MAX
    if fits and (not figures or (min(map(min, figures)) >= -FIGURE_MAX and max(map(max, figures)) <= FIGURE_MAX)):
        return series
    prices = [ticks for bar in series.bars for ticks in bar[1:5]]
    price_scale, price = _coarser(f"a price of {series.instrument}", series.price_scale, prices)
    volume_scale, volume = _coarser(
        f"a volume of {series.instrument}", series.volume_scale, [bar.volume for bar in series.bars]
    )
    if price == volume == 1:
        return series
    bars = [
        Bar(closes_at_s, first // price, high // price, low // price, close // price, lots // volume)
        for closes_at_s, first, high, low, close, lots in series.bars
    ]
    return msgspec.structs.replace(series, price_scale=price_scale, volume_scale=volume_scale, bars=bars)


def fit(frame: Frame) -> bool:
    """Return whether every series of a frame is surely ``fitted``, by bounds on whole columns."""
    figures = [*frame.open, *frame.high, *frame.low, *frame.close, *frame.volume]
    scales = [*frame.price_scale, *frame.volume_scale]
    if not (figures and frame.step and scales):
        return False
    times = abs(frame.first_close_s) + _extent(frame.step) * timeframes.seconds(frame.timeframe)
    # A price is an open and its distance, neither of them beyond the largest figure.
    return 2 * _extent(figures) <= FIGURE_MAX and times <= FIGURE_MAX and max(scales) <= SCALE_MAX


def _extent(column: list[int]) -> int:
    """Return the largest absolute figure."""
    lowest, highest = min(column), max(column)
    return max(highest, -lowest)


def closes_of(frame: Frame) -> Iterator[tuple[str, int, Decimal]]:
    """Yield a frame's closes: instruments, epoch seconds and prices. Raises BadInput as ``unpack`` does."""
    if len(frame.counts) != len(frame.step):
        for series in _series_of(frame):
            for bar in series.bars:
                yield series.instrument, bar.closes_at_s, series.price(bar.close)
        return
    _check(frame)
    start, length = frame.first_close_s, timeframes.seconds(frame.timeframe)
    # A product by the tick takes two thirds of the time of ``scaleb``, and comes to the same digits.
    ticks = {scale: Decimal(1).scaleb(-scale) for scale in set(frame.price_scale)}
    columns = zip(frame.instruments, frame.price_scale, frame.step, frame.open, frame.close, strict=True)
    for instrument, scale, step, opened, change in columns:
        yield instrument, start + step * length, Decimal(opened + change) * ticks[scale]


def _coarser(what: str, scale: int, figures: list[int]) -> tuple[int, int]:
    """Return the scale that fits, and the divisor of the figures for it."""
    largest, places, divisor = max(map(abs, figures), default=0), scale, 1
    while places > SCALE_MAX or largest > FIGURE_MAX * divisor:
        divisor *= 10
        places -= 1
        if places < 0 or any(figure % divisor for figure in figures):
            raise BadInput(
                f"{what} of {scale} decimals is up to {Decimal(largest).scaleb(-scale)}: it must have at "
                f"most {SCALE_MAX} decimals, and without its point fit into 64 bits"
            )
    return places, divisor


def pack(series: Iterable[Series]) -> list[Frame]:
    """Pack series into one frame for each timeframe, shortest first. Empty series are left out."""
    kept = [each for each in series if each.bars]
    shortest_first = sorted({each.timeframe for each in kept}, key=timeframes.seconds)
    return [_frame(timeframe, [each for each in kept if each.timeframe == timeframe]) for timeframe in shortest_first]


def unpack(frames: Iterable[Frame]) -> list[Series]:
    """Return the series of frames in their packed order. Raises BadInput if the columns do not fit together."""
    return [series for frame in frames for series in _series_of(frame)]


class PackedSeries:
    """The series of frames, unpacked as far as they are asked for. Raises BadInput as ``unpack`` does."""

    def __init__(self, frames: Iterable[Frame]) -> None:
        self._frames = list(frames)
        for frame in self._frames:
            _check(frame)

    @classmethod
    def of(cls, series: "Iterable[Series] | PackedSeries") -> "PackedSeries":
        return series if isinstance(series, PackedSeries) else cls(pack(series))

    def unpacked(self, instruments: Collection[str]) -> list[Series]:
        """Return the series of some instruments."""
        return [series for frame in self._frames for series in _checked_series(frame, instruments)]

    def newest(self, timeframe: str) -> dict[str, int]:
        """Return the newest close of each instrument in a timeframe, in epoch seconds."""
        length, newest = timeframes.seconds(timeframe), dict[str, int]()
        for frame in self._frames:
            if frame.timeframe == timeframe:
                start, steps = frame.first_close_s, frame.step
                if len(frame.counts) != len(steps):
                    steps = [steps[end - 1] for end in accumulate(frame.counts)]
                newest.update(zip(frame.instruments, [start + step * length for step in steps], strict=True))
        return newest


def _frame(timeframe: str, series: list[Series]) -> Frame:
    length = timeframes.seconds(timeframe)
    start = min([each.bars[0].closes_at_s for each in series])
    closes_at_s, opens, highs, lows, closes, volumes = zip(*[bar for each in series for bar in each.bars], strict=True)
    return Frame(
        timeframe=timeframe,
        first_close_s=start,
        instruments=[each.instrument for each in series],
        price_scale=[each.price_scale for each in series],
        volume_scale=[each.volume_scale for each in series],
        gap=[(each.bars[0].closes_at_s - each.after) // length if each.after else 0 for each in series],
        counts=[len(each.bars) for each in series],
        step=[(at - start) // length for at in closes_at_s],
        open=list(opens),
        high=list(map(sub, highs, opens)),
        low=list(map(sub, opens, lows)),
        close=list(map(sub, closes, opens)),
        volume=list(volumes),
    )


def _series_of(frame: Frame) -> Iterable[Series]:
    _check(frame)
    return _checked_series(frame)


def _checked_series(frame: Frame, instruments: Collection[str] | None = None) -> Iterable[Series]:
    """Return the series of a frame whose columns fit together, or those of some instruments."""
    if len(frame.counts) == len(frame.step):
        return _series_of_a_bar(frame, instruments)
    return _series_of_bars(frame, instruments)


def _series_of_bars(frame: Frame, instruments: Collection[str] | None) -> Iterator[Series]:
    length = timeframes.seconds(frame.timeframe)
    rows = zip(frame.step, frame.open, frame.high, frame.low, frame.close, frame.volume, strict=True)
    heads = zip(frame.instruments, frame.price_scale, frame.volume_scale, frame.gap, frame.counts, strict=True)
    for instrument, price_scale, volume_scale, gap, count in heads:
        bars = [
            Bar(frame.first_close_s + step * length, o, o + h, o - low, o + c, v)
            for step, o, h, low, c, v in islice(rows, count)
        ]
        if count > 1 and any(later.closes_at_s <= earlier.closes_at_s for earlier, later in pairwise(bars)):
            raise BadInput(f"the {frame.timeframe} bars of {instrument} are not in the order of their time")
        if instruments is not None and instrument not in instruments:
            continue
        yield Series(
            instrument=instrument,
            timeframe=frame.timeframe,
            price_scale=price_scale,
            volume_scale=volume_scale,
            after=bars[0].closes_at_s - gap * length if gap else 0,
            bars=bars,
        )


def _series_of_a_bar(frame: Frame, instruments: Collection[str] | None) -> list[Series]:
    """Return the series of a frame in which each has one bar, as in nearly every message."""
    timeframe, start, length = frame.timeframe, frame.first_close_s, timeframes.seconds(frame.timeframe)
    heads = frame.instruments, frame.price_scale, frame.volume_scale, frame.gap
    rows = zip(*heads, frame.step, frame.open, frame.high, frame.low, frame.close, frame.volume, strict=True)
    return [
        Series(
            instrument=instrument,
            timeframe=timeframe,
            price_scale=price_scale,
            volume_scale=volume_scale,
            bars=[bar_of((closes_at_s := start + step * length, o, o + h, o - low, o + c, v))],
            after=closes_at_s - gap * length if gap else 0,
        )
        for instrument, price_scale, volume_scale, gap, step, o, h, low, c, v in rows
        if instruments is None or instrument in instruments
    ]


def _check(frame: Frame) -> None:
    """Raise BadInput if the columns do not fit together."""
    counts = frame.counts
    # Compared one by one: a set of the lengths takes longer than all that is compared.
    of_series = len(frame.instruments) == len(frame.price_scale) == len(frame.volume_scale) == len(frame.gap)
    of_bars = len(frame.step) == len(frame.open) == len(frame.high) == len(frame.low) == len(frame.close)
    if not (
        of_series
        and of_bars
        and len(frame.gap) == len(counts)
        and len(frame.close) == len(frame.volume) == sum(counts)
        and min(counts, default=1) > 0
    ):
        raise BadInput(f"the columns of the {frame.timeframe} bars are of unequal length, or differ from their counts")
    scales = [*frame.price_scale, *frame.volume_scale]
    if scales and not 0 <= min(scales) <= max(scales) <= _SCALE_LIMIT:
        raise BadInput(
            f"scales of the {frame.timeframe} bars go from {min(scales)} to {max(scales)}; they must be "
            f"from 0 to {_SCALE_LIMIT}"
        )
