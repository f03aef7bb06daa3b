"""Order books kept from recorded changes, by Binance's own rule for snapshots and updates."""

from decimal import Decimal
from heapq import nlargest, nsmallest
from typing import Any

from fanfold.market.tape import PriceLevel, TapeBook, TapeEvent, TapeTrade
from fanfold.money import ZERO

# Levels of a side that a tape keeps.
LEVELS = 20


class RecordedBook:
    """The two sides of one book, and the number of its last update; 0 before its snapshot."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[Decimal, Decimal]] = {"b": {}, "a": {}}
        self.updated = 0
        self.early: list[dict[str, Any]] = []

    def put(self, side: str, price: Decimal, quantity: Decimal) -> None:
        """Set what is offered at a price; zero removes it."""
        if quantity:
            self.sides[side][price] = quantity
        else:
            self.sides[side].pop(price, None)

    def at(self, at_ms: int) -> TapeBook:
        """Return the best levels as of a moment."""
        bids: list[PriceLevel] = nlargest(LEVELS, self.sides["b"].items())
        asks: list[PriceLevel] = nsmallest(LEVELS, self.sides["a"].items())
        return TapeBook(at_ms, tuple(bids), tuple(asks))

    def begin(self, snapshot: dict[str, Any]) -> None:
        """Begin anew with a snapshot, and apply the updates that came before it and go beyond it."""
        self.sides = {"b": {}, "a": {}}
        self.updated = int(snapshot["lastUpdateId"])
        for side, name in (("b", "bids"), ("a", "asks")):
            for price, quantity in snapshot[name]:
                self.put(side, Decimal(price), Decimal(quantity))
        early, self.early = self.early, []
        for update in early:
            self.update(update)

    def update(self, update: dict[str, Any]) -> bool:
        """Apply an update; return whether the book is known after it. One that leaves a gap ends what was known."""
        if not self.updated:
            self.early.append(update)
            return False
        if int(update["u"]) <= self.updated:
            return False
        if int(update["U"]) > self.updated + 1:
            self.updated, self.early = 0, [update]
            return False
        self.updated = int(update["u"])
        for side in ("b", "a"):
            for price, quantity in update[side]:
                self.put(side, Decimal(price), Decimal(quantity))
        return True


def binance_event(data: dict[str, Any], book: RecordedBook) -> TapeEvent | None:
    """Return the event of a document of Binance's stream, whose book is kept; None for one that changes nothing.

    Best prices alone count where the recording has no depth.
    """
    kind = data.get("e", "snapshot" if "lastUpdateId" in data else "touch" if "A" in data else "")
    if kind in ("trade", "aggTrade"):
        return TapeTrade(int(data["T"]), Decimal(data["p"]), Decimal(data["q"]), "sell" if data["m"] else "buy")
    if kind == "depthUpdate":
        return book.at(int(data["E"])) if book.update(data) else None
    if kind == "snapshot":
        book.begin(data)
    elif kind in ("touch", "bookTicker") and "E" in data and not book.updated:
        bid, ask = ((Decimal(data[price]), Decimal(data[size])) for price, size in (("b", "B"), ("a", "A")))
        return TapeBook(int(data["E"]), (bid,), (ask,)) if ZERO < bid[0] <= ask[0] else None
    return None
