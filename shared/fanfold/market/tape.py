"""Recorded trades and order books of one instrument: what happened at an exchange, event by event."""

from collections.abc import Sequence
from decimal import Decimal
from heapq import merge
from typing import Literal, NamedTuple

import msgspec

from fanfold.money import ZERO, ratio

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

    def shifted(self, now_ms: int, history_ms: int) -> "Tape":
        """Return the tape so moved in time that ``history_ms`` of it, at most half, are over now."""
        first, last = self.events[0].at_ms, self.events[-1].at_ms
        offset = now_ms - first - min(history_ms, (last - first) // 2)
        events = [event._replace(at_ms=event.at_ms + offset) for event in self.events]
        return Tape(instrument=self.instrument, events=events)


def joined(first: Tape, second: Tape) -> Tape:
    """Return two tapes of one instrument as one; of one moment, the first's events come first."""
    return Tape(
        instrument=first.instrument, events=list(merge(first.events, second.events, key=lambda event: event.at_ms))
    )


def prices(events: Sequence[TapeEvent]) -> list[tuple[int, Decimal, Decimal]]:
    """Return time, price and quantity of each trade; where there is none, the middle of each book and no quantity."""
    points = [(event.at_ms, event.price, event.quantity) for event in events if isinstance(event, TapeTrade)]
    if points:
        return points
    books = [(event.at_ms, event.middle) for event in events if isinstance(event, TapeBook)]
    return [(at_ms, middle, ZERO) for at_ms, middle in books if middle is not None]
