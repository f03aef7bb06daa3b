"""Recorded trades and order books of one instrument: what happened at an exchange, event by event."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from heapq import merge
from itertools import groupby
from typing import Literal, NamedTuple

import msgspec

from fanfold.market.bars import Bar, Series
from fanfold.money import ZERO, exact, ratio

MINUTE_MS = 60_000
# A price, and the quantity that is offered there.
PriceLevel = tuple[Decimal, Decimal]


class TapeTrade(NamedTuple):
    """A trade, and the side of who took what rested."""

    at_ms: int
    price: Decimal
    quantity: Decimal
    taker: Literal["buy", "sell"]


class TapeBook(NamedTuple):
    """An order book as it was from a moment on: levels of each side, the best first."""

    at_ms: int
    bids: tuple[PriceLevel, ...]
    asks: tuple[PriceLevel, ...]

    @property
    def middle(self) -> Decimal | None:
        """Return the mean of the best prices; None where a side is empty."""
        return ratio(self.bids[0][0] + self.asks[0][0], Decimal(2)) if self.bids and self.asks else None


TapeEvent = TapeTrade | TapeBook


class Tape(msgspec.Struct, frozen=True, kw_only=True):
    """The events of an instrument, in order of time."""

    instrument: str
    events: Sequence[TapeEvent]

    @property
    def trades(self) -> int:
        """Return how many of the events are trades."""
        return sum(isinstance(event, TapeTrade) for event in self.events)

    def shifted(self, now_ms: int, history_ms: int) -> "Tape":
        """Return the tape so moved in time that ``history_ms`` of it, at most half, are over now."""
        first, last = self.events[0].at_ms, self.events[-1].at_ms
        offset = now_ms - first - min(history_ms, (last - first) // 2)
        events = [event._replace(at_ms=event.at_ms + offset) for event in self.events]
        return Tape(instrument=self.instrument, events=events)

    def bars(self) -> Series:
        """Return the minutes of the tape, each with the prices of its trades; without any trade, of its books.

        A minute in which nothing happened has the price of the one before, and no volume.
        """
        points = prices(self.events)
        scales = _scale(price for _, price, _ in points), _scale(quantity for _, _, quantity in points)
        by_minute = {
            minute: _bar((minute + 1) * MINUTE_MS // 1_000, list(group), scales)
            for minute, group in groupby(points, lambda point: point[0] // MINUTE_MS)
        }
        bars = list[Bar]()
        for minute in range(points[0][0] // MINUTE_MS, points[-1][0] // MINUTE_MS + 1):
            still = bars[-1].close if bars else 0
            bars.append(by_minute.get(minute) or Bar((minute + 1) * MINUTE_MS // 1_000, still, still, still, still, 0))
        return Series(
            instrument=self.instrument,
            timeframe="1m",
            price_scale=scales[0],
            volume_scale=scales[1],
            after=0,
            bars=bars,
        )


def joined(first: Tape, second: Tape) -> Tape:
    """Return two tapes of one instrument as one; of one moment, the first's events come first."""
    return Tape(
        instrument=first.instrument, events=list(merge(first.events, second.events, key=lambda event: event.at_ms))
    )


def prices(events: Iterable[TapeEvent]) -> list[tuple[int, Decimal, Decimal]]:
    """Return time, price and quantity of each trade; where there is none, the middle of each book and no quantity."""
    known = list(events)
    points = [(event.at_ms, event.price, event.quantity) for event in known if isinstance(event, TapeTrade)]
    if points:
        return points
    books = [(event.at_ms, event.middle) for event in known if isinstance(event, TapeBook)]
    return [(at_ms, middle, ZERO) for at_ms, middle in books if middle is not None]


def _scale(figures: Iterable[Decimal]) -> int:
    return max((-int(figure.normalize().as_tuple().exponent) for figure in set(figures)), default=0) or 0


@exact
def _bar(closes_at_s: int, points: list[tuple[int, Decimal, Decimal]], scales: tuple[int, int]) -> Bar:
    ticks = [int(price.scaleb(scales[0])) for _, price, _ in points]
    lots = sum(int(quantity.scaleb(scales[1])) for _, _, quantity in points)
    return Bar(closes_at_s, ticks[0], max(ticks), min(ticks), ticks[-1], lots)
