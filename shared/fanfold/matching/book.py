"""Resting orders of a paper venue, and the store that holds them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

import msgspec

from fanfold.messages import Order
from fanfold.money import EXACT, ZERO


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
    def remaining(self) -> Decimal:
        return EXACT.subtract(self.order.quantity, self.filled)

    @property
    def at_market(self) -> bool:
        return self.order.kind == "market" or self.triggered

    @property
    def takes(self) -> bool:
        """Return whether the order takes liquidity on arrival instead of resting."""
        return self.at_market or (self.order.kind == "limit" and self.order.time_in_force == "ioc")


def canceled(resting: RestingOrder, client_order_ids: Sequence[str], at: datetime, reason: str) -> RestingOrder:
    """Return the order after a cancel; an earlier cancel is kept."""
    if resting.order.client_order_id not in client_order_ids or resting.canceled_at is not None:
        return resting
    return msgspec.structs.replace(resting, canceled_at=at, reason=reason)


def updated(
    orders: Sequence[RestingOrder], changed: Sequence[RestingOrder], ended: Collection[str]
) -> list[RestingOrder]:
    """Return orders after a match, in their order: without the ended client order ids, and with the changed in place.

    A changed order that is not among the orders is left out.
    """
    after = {entry.order.client_order_id: entry for entry in changed}
    left = (entry for entry in orders if entry.order.client_order_id not in ended)
    return [after.get(entry.order.client_order_id, entry) for entry in left]


class PaperBookVersion(msgspec.Struct, frozen=True, kw_only=True):
    """An account's part of the book: its orders as they arrived, and what they were matched with.

    ``matched_through_s`` is, per instrument, the close of the newest bar that its orders were matched with.
    """

    resting: list[RestingOrder] = []
    matched_through_s: dict[str, int] = {}
    version: int = 0


class PaperOrderStore(Protocol):
    """The store of a paper venue's resting orders."""

    def add(self, order: Order) -> bool:
        """Add an order as the account's newest. An id that was ever added, resting or gone, changes nothing.

        Return False if the id was shut out; then nothing was added.
        """

    def knows(self, order: Order) -> bool:
        """Return whether the order was ever added, resting or gone."""

    def shut_out(self, order: Order) -> bool:
        """Reject an order id for good if it was never added. Return False if it was."""

    def cancel(self, account: str, client_order_ids: Sequence[str], at: datetime, reason: str) -> None:
        """Record when and why resting orders were canceled, the first time only, and increment the version."""

    def read(self, account: str) -> PaperBookVersion:
        """Return an account's resting orders, oldest first, as of the last write."""

    def write(
        self,
        account: str,
        version: int,
        changed: list[RestingOrder],
        gone: list[str],
        matched_through_s: dict[str, int],
    ) -> None:
        """Write changed orders, delete ended ones, record what was matched and increment the version: all or none.

        Raises Conflict if the version has changed.
        """
