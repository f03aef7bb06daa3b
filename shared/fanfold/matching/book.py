"""Orders that rest at a paper venue, and the book that keeps them."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

import msgspec

from fanfold.messages import Order
from fanfold.money import ZERO, exact


class RestingOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order at a paper venue. A stop that was ``triggered`` is a market order from then on.

    ``spent`` is what its fills came for, fees too; ``reason`` is why it was canceled.
    """

    order: Order
    filled: Decimal = ZERO
    spent: Decimal = ZERO
    triggered: bool = False
    canceled_at: datetime | None = None
    reason: str = ""

    @property
    @exact
    def remaining(self) -> Decimal:
        return self.order.quantity - self.filled

    @property
    def at_market(self) -> bool:
        return self.order.kind == "market" or self.triggered

    @property
    def takes(self) -> bool:
        """Whether it takes what there is as soon as it arrives, and does not wait for the market to come."""
        return self.at_market or (self.order.kind == "limit" and self.order.time_in_force == "ioc")


def canceled(resting: RestingOrder, client_order_ids: Sequence[str], at: datetime, reason: str) -> RestingOrder:
    """The order after a cancel of these; what was canceled before stays as it is."""
    if resting.order.client_order_id not in client_order_ids or resting.canceled_at is not None:
        return resting
    return msgspec.structs.replace(resting, canceled_at=at, reason=reason)


class PaperBookVersion(msgspec.Struct, frozen=True, kw_only=True):
    """An account's part of the book: its orders as they arrived, and what was settled.

    ``settled`` is, per instrument, the close (epoch seconds) of the newest bar that its orders were resolved by.
    """

    resting: list[RestingOrder] = []
    settled: dict[str, int] = {}
    version: int = 0


class PaperOrderStore(Protocol):
    """Where a paper venue keeps what rests."""

    def add(self, order: Order) -> bool:
        """Keep an order as the account's newest. An id that was ever added, resting or gone, changes nothing.

        False where the id was shut out; then nothing was kept.
        """

    def knows(self, order: Order) -> bool:
        """Whether the order was ever added, resting or gone."""

    def shut_out(self, order: Order) -> bool:
        """Keep an order out that was never added; false where it was added before."""

    def cancel(self, account: str, client_order_ids: Sequence[str], at: datetime, reason: str) -> None:
        """Note on orders that rest when and why they were canceled, the first time only; raise the version with it."""

    def read(self, account: str) -> PaperBookVersion:
        """All that rests for an account, oldest arrival first, as of its last write."""

    def write(
        self, account: str, version: int, changed: list[RestingOrder], gone: list[str], settled: dict[str, int]
    ) -> None:
        """Put the changed, drop the gone (client order ids), note what is settled, raise the version: all or nothing.

        Raises Conflict where the version is not the given one any more.
        """
