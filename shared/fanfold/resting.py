"""Orders that rest at a paper venue, and the book that keeps them."""

from datetime import datetime
from decimal import Decimal
from typing import Protocol

import msgspec

from fanfold.messages import Order
from fanfold.money import ZERO, exact


class Resting(msgspec.Struct, frozen=True, kw_only=True):
    """An order at a paper venue. A stop that was ``triggered`` is a market order from then on."""

    order: Order
    filled: Decimal = ZERO
    triggered: bool = False
    canceled_at: datetime | None = None

    @property
    @exact
    def remaining(self) -> Decimal:
        return self.order.quantity - self.filled

    @property
    def at_market(self) -> bool:
        return self.order.kind == "market" or self.triggered


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """An account's part of the book: its orders as they arrived, and what was settled.

    ``settled`` is, per instrument, the close (epoch seconds) of the newest bar that its orders were resolved by.
    """

    resting: list[Resting] = []
    settled: dict[str, int] = {}
    version: int = 0


class Book(Protocol):
    """Where a paper venue keeps what rests."""

    def add(self, order: Order) -> None:
        """Keep an order as the account's newest. An id that was ever added, resting or gone, changes nothing."""

    def cancel(self, account: str, client_order_id: str, at: datetime) -> None:
        """Note on an order that rests when it was canceled, the first time only, and raise the version with it."""

    def read(self, account: str) -> Page:
        """All that rests for an account, oldest arrival first, as of its last write."""

    def write(
        self, account: str, version: int, changed: list[Resting], gone: list[str], settled: dict[str, int]
    ) -> None:
        """Put the changed, drop the gone (client order ids), note what is settled, raise the version: all or nothing.

        Raises Conflict where the version is not the given one any more.
        """
