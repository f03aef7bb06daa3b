"""Lots of a coin, and the order in which a method takes them.

A lot of which a part is taken gives a share of its cost, rounded down to SHARE_STEP, and keeps the rest: the costs of
all parts add up to the lot's, to the last digit.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from heapq import heappop, heappush, heapreplace
from typing import Literal

import msgspec

from fanfold.money import ROUGH, ZERO

Method = Literal["fifo", "lifo", "hifo", "average"]
METHODS: tuple[Method, ...] = ("fifo", "lifo", "hifo", "average")
SHARE_STEP = Decimal("1e-18")
Rank = tuple[Decimal, float, int]


class TaxLot(msgspec.Struct, frozen=True):
    """A quantity and its cost, or the proceeds of a quantity sold short; ``since`` is when its holding period began."""

    since: datetime
    quantity: Decimal
    cost: Decimal
    source: str


def share(total: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """Return the part's share of a total, rounded down to SHARE_STEP."""
    return ROUGH.divide(ROUGH.multiply(total, part), whole).quantize(SHARE_STEP, ROUND_DOWN, ROUGH)


def shares(total: Decimal, parts: Iterable[Decimal], whole: Decimal) -> Iterator[Decimal]:
    """Yield the share of each part; they add up to the total, as later ones have the remainders of earlier ones."""
    left, rest = whole, total
    for part in parts:
        amount = rest if part == left else share(rest, part, left)
        left, rest = left - part, rest - amount
        yield amount


class LotPool:
    """The lots of a coin in the order of a method; ``quantity`` is their sum.

    By ``average`` every unit costs the same, and the oldest leave first. HIFO goes by cost with fees; lots of one rank
    leave the oldest first. To be used under ``fanfold.money.exact``.
    """

    def __init__(self, method: Method) -> None:
        self.quantity = ZERO
        self._method = method
        self._heap: list[tuple[Rank, TaxLot]] = []
        self._added = 0
        self._cost = ZERO

    def add(self, lot: TaxLot) -> None:
        """Add a lot; its place follows from when its holding period began."""
        self._added += 1
        self.quantity += lot.quantity
        self._cost += lot.cost
        heappush(self._heap, (self._rank(lot), lot))

    def take(self, quantity: Decimal) -> list[TaxLot]:
        """Remove a quantity, or all where there is less, and return its lots, the last of them perhaps a part."""
        taken = []
        while quantity > 0 and self._heap:
            lot = self._next(quantity)
            quantity -= lot.quantity
            taken.append(lot)
        return taken

    def lots(self) -> list[TaxLot]:
        """Return all lots, the oldest first."""
        lots = sorted((lot for _, lot in self._heap), key=lambda lot: lot.since)
        if self._method != "average":
            return lots
        costs = shares(self._cost, (lot.quantity for lot in lots), self.quantity)
        return [msgspec.structs.replace(lot, cost=cost) for lot, cost in zip(lots, costs, strict=True)]

    def _next(self, quantity: Decimal) -> TaxLot:
        """Remove the next lot, or the part of it that is wanted."""
        rank, lot = self._heap[0]
        if lot.quantity <= quantity:
            heappop(self._heap)
        else:
            cost = share(lot.cost, quantity, lot.quantity)
            rest = TaxLot(lot.since, lot.quantity - quantity, lot.cost - cost, lot.source)
            heapreplace(self._heap, (rank, rest))
            lot = TaxLot(lot.since, quantity, cost, lot.source)
        if self._method == "average":
            whole = lot.quantity == self.quantity
            lot = TaxLot(lot.since, lot.quantity, self._cost if whole else self._average(lot.quantity), lot.source)
        self.quantity -= lot.quantity
        self._cost -= lot.cost
        return lot

    def _average(self, quantity: Decimal) -> Decimal:
        return share(self._cost, quantity, self.quantity)

    def _rank(self, lot: TaxLot) -> Rank:
        since = lot.since.timestamp()
        match self._method:
            case "lifo":
                return ZERO, -since, -self._added
            case "hifo":
                return -ROUGH.divide(lot.cost, lot.quantity), since, self._added
            case _:
                return ZERO, since, self._added
