"""Bars as messages: in batches by the time that they closed at, in parts that are billed as one."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from fanfold import ids
from fanfold.market import bars, timeframes
from fanfold.market.bars import Series
from fanfold.messages import BarsClosed, DataDefect
from fanfold.splitting import PART_BYTES

# About 2,000 bars fill the 64 KB that is billed as one message.
BARS_MAX = 1_200
# What a bar takes at most: six figures of 64 bits, each with its sign and a comma; and what a series does, its name not
# counted.
BAR_BYTES = 126
SERIES_BYTES = 60
# What of defects goes along with bars: with PART_BYTES of those it is below the 256 KB that a topic takes.
DEFECTS_BYTES = 40_000


def polled(
    venue: str, at: int, checked: Sequence[tuple[Series, list[DataDefect]]], defects: list[DataDefect], *, again: bool
) -> list[BarsClosed]:
    """A poll's messages: a batch for each time that bars closed at, so that none is taken for younger than it is.

    Bars that come after a poll of their time, or without one, are a batch of their own. Defects alone are told as an
    answer is that nobody waits for.
    """
    if not checked:
        batch = f"told/{venue}/{at}/{ids.derive('defects', *map(str, defects))[:8]}"
        return messages(venue, batch, at, [], defects, requested=True)
    by_close: dict[int, list[tuple[Series, list[DataDefect]]]] = {}
    for one in checked:
        by_close.setdefault(at - at % timeframes.seconds(one[0].timeframe), []).append(one)
    found = []
    for close in sorted(by_close):
        spans = ids.derive("spans", *(f"{one.instrument} {one.timeframe} {one.through}" for one, _ in by_close[close]))
        batch = f"late/{venue}/{close}/{spans[:8]}" if again or close < at else f"poll/{venue}/{at}"
        found += messages(venue, batch, close, by_close[close], defects if close == max(by_close) else [])
    return found


def messages(
    venue: str,
    poll: str,
    at: int,
    checked: Sequence[tuple[Series, list[DataDefect]]],
    unavailable: Sequence[DataDefect],
    *,
    requested: bool = False,
) -> list[BarsClosed]:
    """The messages of a poll, in as many parts as they need; the defects go with the first.

    Those that no message can carry besides are told as an answer is that nobody waits for.
    """
    parts = _parts([series for series, _ in checked])
    first, *rest = _shares([*unavailable, *(defect for _, found in checked for defect in found)])
    at_close = datetime.fromtimestamp(at, UTC)
    told = [
        BarsClosed(
            id=ids.derive(
                "bars",
                poll,
                number,
                len(parts),
                *(f"{one.instrument} {one.timeframe} {one.after} {one.through}" for one in part),
            ),
            cause=poll,
            at=at_close,
            venue=venue,
            part=number,
            parts=len(parts),
            requested=requested,
            frames=bars.pack(part),
            defects=first if number == 1 else [],
        )
        for number, part in enumerate(parts, 1)
    ]
    more = [
        BarsClosed(
            id=ids.derive("defects", poll, number, *map(str, share)),
            cause=poll,
            at=at_close,
            venue=venue,
            requested=True,
            frames=[],
            defects=share,
        )
        for number, share in enumerate(rest, 1)
    ]
    return told + more


def _shares(defects: Sequence[DataDefect]) -> Iterator[list[DataDefect]]:
    """The defects that go along with bars, maybe none, and what is left of them, a message at a time."""
    share: list[DataDefect] = []
    size, room = 0, DEFECTS_BYTES
    for one in defects:
        length = len(msgspec.json.encode(one)) + 1
        if size + length > room:
            yield share
            share, size, room = [], 0, PART_BYTES
        share.append(one)
        size += length
    yield share


def _parts(series: Sequence[Series]) -> list[list[Series]]:
    """Parts of about BARS_MAX bars, none of more than PART_BYTES.

    A series stays whole where it can: its halves, in the other order, would look like a gap.
    """
    parts: list[list[Series]] = [[]]
    count, size = 0, 0
    for one in (piece for whole in series for piece in _pieces(whole)):
        length = _bytes(one)
        if parts[-1] and (count + len(one.bars) > BARS_MAX or size + length > PART_BYTES):
            parts.append([])
            count, size = 0, 0
        parts[-1].append(one)
        count, size = count + len(one.bars), size + length
    return parts


def _bytes(series: Series) -> int:
    """What a series takes of a message, at most; only one of a long look back is measured."""
    if len(series.bars) > BARS_MAX:
        return len(msgspec.json.encode(bars.pack([series])))
    return len(series.instrument.encode()) + SERIES_BYTES + BAR_BYTES * len(series.bars)


def _pieces(series: Series) -> list[Series]:
    """A series cut to what a message can carry at all; only a look back over thousands of bars is ever cut."""
    if _bytes(series) <= PART_BYTES:
        return [series]
    half = len(series.bars) // 2
    first = msgspec.structs.replace(series, bars=series.bars[:half])
    second = msgspec.structs.replace(series, after=first.through, bars=series.bars[half:])
    return [*_pieces(first), *_pieces(second)]
