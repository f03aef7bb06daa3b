"""Join the bars of many messages into few long series, so that a cold start reads hundreds of bars at once."""

from collections.abc import Container, Iterable
from itertools import compress, groupby
from operator import add, itemgetter, sub

import msgspec

from fanfold.market import timeframes
from fanfold.market.bars import Bar, Frame, Series, bars_of

# The columns of a frame with an entry a series, and those with an entry a bar.
_BY_SERIES = ("instruments", "price_scale", "volume_scale", "gap", "counts")
_BY_BAR = ("step", "open", "high", "low", "close", "volume")
# Bars of one message with their scales.
Piece = tuple[tuple[int, int], list[Bar]]


def joined(frames: Iterable[Frame]) -> list[Series]:
    """Join frames into one series for each instrument and timeframe; a change of scale begins a new series.

    Frames may come in any order. Of bars of one time the last remains. What came before the first bar is unknown.
    """
    pieces: dict[tuple[str, str], list[Piece]] = {}
    # Nearly all polls hold the same instruments, so that their bars are taken together.
    for (timeframe, instruments, price_scales, volume_scales, counts), alike in groupby(frames, key=_layout):
        polls, begin = [_bars(frame) for frame in alike], 0
        for instrument, scales, count in zip(
            instruments, zip(price_scales, volume_scales, strict=True), counts, strict=True
        ):
            end = begin + count
            piece = scales, [bar for poll in polls for bar in poll[begin:end]]
            pieces.setdefault((timeframe, instrument), []).append(piece)
            begin = end
    return [series for (timeframe, name), parts in pieces.items() for series in _series(timeframe, name, parts)]


def part_of(frame: Frame, instruments: Container[str]) -> Frame:
    """Return a frame with the bars of these instruments alone."""
    inside = [name in instruments for name in frame.instruments]
    if all(inside):
        return frame
    bars = [kept for kept, count in zip(inside, frame.counts, strict=True) for _ in range(count)]
    columns = {name: list(compress(getattr(frame, name), inside)) for name in _BY_SERIES}
    columns |= {name: list(compress(getattr(frame, name), bars)) for name in _BY_BAR}
    return msgspec.structs.replace(frame, **columns)


def _layout(frame: Frame) -> tuple[str, list[str], list[int], list[int], list[int]]:
    return frame.timeframe, frame.instruments, frame.price_scale, frame.volume_scale, frame.counts


def _bars(frame: Frame) -> list[Bar]:
    length = timeframes.seconds(frame.timeframe)
    closes_at_s = [frame.first_close_s + step * length for step in frame.step]
    high, low = map(add, frame.open, frame.high), map(sub, frame.open, frame.low)
    close = map(add, frame.open, frame.close)
    return bars_of(zip(closes_at_s, frame.open, high, low, close, frame.volume, strict=True))


def _series(timeframe: str, instrument: str, pieces: list[Piece]) -> Iterable[Series]:
    # Bars that were asked for lie behind younger ones.
    pieces.sort(key=lambda piece: piece[1][0].closes_at_s)
    for (price_scale, volume_scale), alike in groupby(pieces, key=itemgetter(0)):
        yield Series(
            instrument=instrument,
            timeframe=timeframe,
            price_scale=price_scale,
            volume_scale=volume_scale,
            after=0,
            bars=sorted({bar.closes_at_s: bar for _, bars in alike for bar in bars}.values()),
        )
