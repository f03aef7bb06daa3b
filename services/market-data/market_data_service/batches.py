"""Split bars into messages: a batch for each close, in parts of at most the size that SNS bills as one request."""

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
# The most that a bar takes: six integers of 64 bits, each with a sign and a comma. The same for a series, without its
# name.
BAR_BYTES = 126
SERIES_BYTES = 60
# The defects that fit into a message with bars: with PART_BYTES of bars it stays below the 256 KB that SNS accepts.
DEFECTS_BYTES = 40_000


def polled(
    venue: str, at: int, checked: Sequence[tuple[Series, list[DataDefect]]], defects: list[DataDefect], *, again: bool
) -> list[BarsClosed]:
    """Return a poll's messages: a batch for each close, so that no bar is taken for newer than it is.

    Late bars, whose close was polled before, are a batch of their own. Defects without bars are sent marked
    ``requested``, because no reader waits for such a message.
    """
    if not checked:
        batch = f"told/{venue}/{at}/{ids.derive('defects', *map(str, defects))[:8]}"
        return messages(venue, batch, at, [], defects, requested=True)
    lengths = {name: timeframes.seconds(name) for name in {series.timeframe for series, _ in checked}}
    closes = sorted({at - at % length for length in lengths.values()})
    batches = []
    for close in closes:
        of_close = [entry for entry in checked if at - at % lengths[entry[0].timeframe] == close]
        batch = _late(venue, close, of_close) if again or close < at else f"poll/{venue}/{at}"
        batches += messages(venue, batch, close, of_close, defects if close == closes[-1] else [])
    return batches


def _late(venue: str, close: int, checked: Sequence[tuple[Series, list[DataDefect]]]) -> str:
    """Return the name of a batch of bars whose close was polled before."""
    spans = ids.derive("spans", *(f"{series.instrument} {series.timeframe} {series.through}" for series, _ in checked))
    return f"late/{venue}/{close}/{spans[:8]}"


def messages(
    venue: str,
    poll: str,
    at: int,
    checked: Sequence[tuple[Series, list[DataDefect]]],
    unavailable: Sequence[DataDefect],
    *,
    requested: bool = False,
) -> list[BarsClosed]:
    """Return the messages of a batch, in as many parts as needed; the defects go with the first.

    Defects that do not fit follow in messages without bars, marked ``requested``, because no reader waits for them.
    """
    parts = _parts([series for series, _ in checked])
    first, *rest = _shares([*unavailable, *(defect for _, own in checked for defect in own)])
    at_close = datetime.fromtimestamp(at, UTC)
    with_bars = [
        BarsClosed(
            id=ids.derive(
                "bars",
                poll,
                number,
                len(parts),
                # As ``through``, without its call: each series of a part has bars.
                *[f"{series.instrument} {series.timeframe} {series.after} {series.bars[-1][0]}" for series in part],
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
    return with_bars + more


def _shares(defects: Sequence[DataDefect]) -> Iterator[list[DataDefect]]:
    """Yield the defects that fit beside bars (maybe none), then the rest, a message at a time."""
    share: list[DataDefect] = []
    size, room = 0, DEFECTS_BYTES
    for defect in defects:
        length = len(msgspec.json.encode(defect)) + 1
        if size + length > room:
            yield share
            share, size, room = [], 0, PART_BYTES
        share.append(defect)
        size += length
    yield share


def _parts(series: Sequence[Series]) -> list[list[Series]]:
    """Return parts of about BARS_MAX bars, none of more than PART_BYTES.

    A series is not split if it fits into a part: two halves that arrive in the wrong order would look like a gap.
    """
    bars_count = sum([len(whole.bars) for whole in series])
    # A character of a name has four bytes at most; only where that is too much are they counted.
    most = BAR_BYTES * bars_count + sum([SERIES_BYTES + 4 * len(whole.instrument) for whole in series])
    if bars_count <= BARS_MAX and (most <= PART_BYTES or sum(map(_bytes, series)) <= PART_BYTES):
        return [list(series)]
    parts: list[list[Series]] = [[]]
    count, size = 0, 0
    for piece in (piece for whole in series for piece in _pieces(whole)):
        length = _bytes(piece)
        if parts[-1] and (count + len(piece.bars) > BARS_MAX or size + length > PART_BYTES):
            parts.append([])
            count, size = 0, 0
        parts[-1].append(piece)
        count, size = count + len(piece.bars), size + length
    return parts


def _bytes(series: Series) -> int:
    """Return the bytes that a series needs at most: an upper bound, or for more than BARS_MAX bars the encoded size."""
    if len(series.bars) > BARS_MAX:
        return len(msgspec.json.encode(bars.pack([series])))
    return len(series.instrument.encode()) + SERIES_BYTES + BAR_BYTES * len(series.bars)


def _pieces(series: Series) -> list[Series]:
    """Split a series until each piece fits into a message; only first requests for thousands of bars are that long."""
    if _bytes(series) <= PART_BYTES:
        return [series]
    half = len(series.bars) // 2
    first = msgspec.structs.replace(series, bars=series.bars[:half])
    second = msgspec.structs.replace(series, after=first.through, bars=series.bars[half:])
    return [*_pieces(first), *_pieces(second)]
