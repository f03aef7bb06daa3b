"""An approval as execution meets it: whether it is of the desk, and still young, and its orders in the ledger."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from msgspec import UNSET

from fanfold import ids
from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.ledger import orders
from fanfold.ledger.orders import OrderRecord, Step
from fanfold.messages import ExecutionReport, Order, OrdersApproved, OrderState

# How long after its decision an order that still waits for the end of a stop is taken up again.
WAITED = timedelta(seconds=20)


# Cancel an order, with the reason, the message that is the cause, and its time.
Cancel = Callable[[OrderRecord, str, str, datetime], object]


class Records(Protocol):
    """Execution's side of the ledger; see fanfold.ledger.bookings."""

    def records(self, order_ids: Sequence[str]) -> dict[str, OrderRecord]: ...


class WithdrawnLedger(Records, Protocol):
    """Execution's side of the ledger; see fanfold.ledger.bookings."""

    def move(self, steps: Sequence[Step], report: ExecutionReport) -> None: ...


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


def stale(desk: Desk, message: OrdersApproved, order: Order, now: datetime) -> bool:
    """Return whether the message's signal is too old for its order to be sent, or a slice was due too long ago."""
    limits = desk.limits.get(message.account)
    since = message.at if order.due_at is UNSET else order.due_at
    return limits is None or (now - since).total_seconds() > limits.signal_age_s_max


def reason_stale(message: OrdersApproved, order: Order) -> str:
    """Return why an order is stale."""
    if order.due_at is UNSET:
        return f"the signal is of {message.at.isoformat()}"
    return f"the slice was due at {order.due_at.isoformat()}"


def due(order: Order, now: datetime) -> bool:
    """Return whether an order may be sent already: a slice waits for its time."""
    return order.due_at is UNSET or order.due_at <= now


def due_slice(order: Order, now: datetime) -> bool:
    """Return whether an order is a slice that is due. No message sends it, so who looks at live orders does."""
    return order.due_at is not UNSET and due(order, now)


def waited(order: Order, now: datetime) -> bool:
    """Return whether an order that replaces a stop may have waited for its end, and is to be taken up again."""
    return bool(order.replaces) and now >= order.sendable_at + WAITED


def withdraw(ledger: WithdrawnLedger, message: OrdersApproved, cancel: Cancel) -> None:
    """End the slices that risk takes back, but for those that were claimed meanwhile, and cancel entries that rest."""
    for record in ledger.records(list(message.withdrawn or ())).values():
        if record.order.account != message.account:
            continue
        if record.state is OrderState.APPROVED:
            after = orders.close(record, OrderState.STALE, "risk took the slice back: its leg has another target")
            ledger.move([(record, after)], report(message, [(record, after)]))
        elif orders.rests_to_enter(record):
            cancel(record, "risk took the entry back: its leg has another target", message.id, message.at)


def report(message: OrdersApproved, steps: Sequence[Step]) -> ExecutionReport:
    """Return the report on the steps of a message's orders."""
    first = steps[0][1].order
    return ExecutionReport(
        id=ids.derive(
            "report", message.id, *(f"{record.order.order_id} {record.state} {record.epoch}" for _, record in steps)
        ),
        cause=message.id,
        at=message.at,
        account=first.account,
        venue=first.venue,
        updates=[orders.update(step) for step in steps],
    )
