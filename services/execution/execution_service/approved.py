"""An approval as execution meets it: whether it is of the desk, and still young, and its orders in the ledger."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.ledger.orders import OrderRecord
from fanfold.messages import OrdersApproved


class Records(Protocol):
    """Execution's side of the ledger; see fanfold.ledger.bookings."""

    def records(self, order_ids: Sequence[str]) -> dict[str, OrderRecord]: ...


def check_account(desk: Desk, message: OrdersApproved) -> None:
    """Raise BadInput for an account that is not in the desk, and for orders of another than the message's."""
    if message.account not in desk.limits:
        raise BadInput(f"account {message.account!r} is not in the desk; it has {sorted(desk.limits)}")
    # The trading state that is asked for is the message's account's.
    others = [order.order_id for order in message.orders if order.account != message.account]
    if others:
        raise BadInput(f"orders {others} are not of the message's account {message.account!r}")


def stored(ledger: Records, message: OrdersApproved) -> list[OrderRecord]:
    """Return the records of the message's orders. Raises BadInput for one that risk did not write."""
    records = ledger.records([order.order_id for order in message.orders])
    missing = [order.order_id for order in message.orders if order.order_id not in records]
    if missing:
        raise BadInput(f"orders {missing} are not in the ledger: risk did not approve them")
    return [records[order.order_id] for order in message.orders]


def stale(desk: Desk, message: OrdersApproved, now: datetime) -> bool:
    """Return whether the message's signal is too old for an order to be sent."""
    limits = desk.limits.get(message.account)
    return limits is None or (now - message.at).total_seconds() > limits.signal_age_s_max
