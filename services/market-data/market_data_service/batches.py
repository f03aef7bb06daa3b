"""Bars as messages: in batches by the time that they closed at, in parts that are billed as one."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from fanfold import bars, names, timeframes
from fanfold.bars import Series
from fanfold.messages import Bars, Defect

# About 2,000 bars fill the 64 KB that is billed as one message.
BARS_MAX = 1_200
# What fits into the 256 KB that a topic takes, with room for long prices.
SERIES_MAX = 4_000


def polled(
    venue: str, at: int, checked: Sequence[tuple[Series, list[Defect]]], defects: list[Defect], *, again: bool
) -> list[Bars]:
    """A poll's messages: a batch for each time that bars closed at, so that none is taken for younger than it is.

    Bars that come after a poll of their time, or without one, are a batch of their own. Defects alone are told as an
    answer is that nobody waits for.
    """
    if not checked:
        batch = f"told/{venue}/{at}/{names.name('defects', *map(str, defects))[:8]}"
        return messages(venue, batch, at, [], defects, wanted=True)
    by_close: dict[int, list[tuple[Series, list[Defect]]]] = {}
    for one in checked:
        by_close.setdefault(at - at % timeframes.seconds(one[0].timeframe), []).append(one)
    found = []
    for close in sorted(by_close):
        spans = names.name("spans", *(f"{one.instrument} {one.timeframe} {one.through}" for one, _ in by_close[close]))
        batch = f"late/{venue}/{close}/{spans[:8]}" if again or close < at else f"poll/{venue}/{at}"
        found += messages(venue, batch, close, by_close[close], defects if close == max(by_close) else [])
    return found


def messages(
    venue: str,
    poll: str,
    at: int,
    checked: Sequence[tuple[Series, list[Defect]]],
    unavailable: Sequence[Defect],
    *,
    wanted: bool = False,
) -> list[Bars]:
    """The messages of a poll, in as many parts as they need; the defects go with the first."""
    parts = _parts([series for series, _ in checked])
    defects = [*unavailable, *(defect for _, found in checked for defect in found)]
    return [
        Bars(
            id=names.name("bars", poll, number, len(parts), *(f"{one.instrument} {one.timeframe} {one.after} "
                                                             f"{one.through}" for one in part)),
            cause=poll,
            at=datetime.fromtimestamp(at, UTC),
            venue=venue,
            part=number,
            parts=len(parts),
            wanted=wanted,
            frames=bars.pack(part),
            defects=defects if number == 1 else [],
        )
        for number, part in enumerate(parts, 1)
    ]


def _parts(series: Sequence[Series]) -> list[list[Series]]:
    """Parts of about BARS_MAX bars. A series stays whole: its halves, in the other order, would look like a gap."""
    parts: list[list[Series]] = [[]]
    room = BARS_MAX
    for one in (piece for whole in series for piece in _pieces(whole)):
        if len(one.bars) > room and parts[-1]:
            parts.append([])
            room = BARS_MAX
        parts[-1].append(one)
        room -= len(one.bars)
    return parts


def _pieces(series: Series) -> list[Series]:
    """A series cut to what a message can carry at all; only a look back over thousands of bars is ever cut."""
    cuts = range(0, len(series.bars), SERIES_MAX)
    afters = [series.after, *(series.bars[cut - 1].closes_at for cut in cuts[1:])]
    return [
        msgspec.structs.replace(series, after=after, bars=series.bars[cut : cut + SERIES_MAX])
        for cut, after in zip(cuts, afters, strict=True)
    ]
