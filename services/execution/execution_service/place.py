"""Place approved orders: claim each in the ledger first, then send it, then note what the venue said."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from fanfold import names, orders
from fanfold.desk import Desk
from fanfold.messages import ExecutionReport, Order, OrdersApproved, State
from fanfold.orders import OrderRecord
from fanfold.refusals import BadInput, Conflict

# How long after its claim a venue may still take an order's request.
WINDOW_S = 5


class Ledger(Protocol):
    """Execution's side of the ledger; see fanfold.aws.bookings."""

    def records(self, order_ids: Sequence[str]) -> dict[str, OrderRecord]: ...

    def claim(self, account: str, claims: Sequence[tuple[OrderRecord, OrderRecord]]) -> bool: ...

    def move(self, steps: Sequence[tuple[OrderRecord, OrderRecord]], told: ExecutionReport) -> None: ...


class Accepted(Protocol):
    """A venue's word that it has an order."""

    @property
    def venue_order_id(self) -> str: ...


class Venue(Protocol):
    """Where orders go. Placing the same client order id again is the same order."""

    def place(self, order: Order) -> Accepted: ...


class Placer:
    """The verb of execution for orders."""

    def __init__(self, desk: Desk, ledger: Ledger, venue: Venue, clock: Callable[[], datetime]) -> None:
        self._desk = desk
        self._ledger = ledger
        self._venue = venue
        self._clock = clock

    def place(self, message: OrdersApproved) -> None:
        """Orders that the ledger does not have are refused: risk writes them before it tells of them."""
        self._known(message)
        now = self._clock()
        fresh = [OrderRecord(order=order) for order in message.orders]
        claimed = [orders.claim(record, now, WINDOW_S) for record in fresh if not self._stale(message, now)]
        if claimed and self._ledger.claim(message.account, list(zip(fresh, claimed, strict=True))):
            self._send(message, claimed)
            return
        for record in self._stored(message):
            self._place_one(message, record, now)

    def _place_one(self, message: OrdersApproved, record: OrderRecord, now: datetime) -> None:
        """The slow way, an order at a time: after a redelivery, under a halt, or too late."""
        if record.state is State.SUBMITTING:
            self._send(message, [record])
        if record.state is not State.APPROVED:
            return
        if self._stale(message, now):
            self._end(message, record, State.STALE, f"the signal is of {message.at.isoformat()}")
            return
        claimed = orders.claim(record, now, WINDOW_S)
        if self._ledger.claim(message.account, [(record, claimed)]):
            self._send(message, [claimed])
        elif self._ledger.records([record.order.order_id])[record.order.order_id].state is State.APPROVED:
            self._end(message, record, State.BLOCKED, "the account's halt state does not allow it")
        else:
            raise Conflict(f"order {record.order.order_id} was claimed by another")

    def _send(self, message: OrdersApproved, claimed: Sequence[OrderRecord]) -> None:
        accepted = [self._venue.place(record.order) for record in claimed]
        steps = [
            (record, orders.acknowledge(record, answer.venue_order_id))
            for record, answer in zip(claimed, accepted, strict=True)
        ]
        self._ledger.move(steps, _report(message, [after for _, after in steps]))

    def _end(self, message: OrdersApproved, record: OrderRecord, state: State, reason: str) -> None:
        after = orders.close(record, state, reason)
        self._ledger.move([(record, after)], _report(message, [after]))

    def _stored(self, message: OrdersApproved) -> list[OrderRecord]:
        found = self._ledger.records([order.order_id for order in message.orders])
        missing = [order.order_id for order in message.orders if order.order_id not in found]
        if missing:
            raise BadInput(f"orders {missing} are not in the ledger: risk did not approve them")
        return [found[order.order_id] for order in message.orders]

    def _known(self, message: OrdersApproved) -> None:
        if message.account not in self._desk.limits:
            raise BadInput(f"account {message.account!r} is not in the desk; it has {sorted(self._desk.limits)}")
        # The halt state that is asked for is the message's account's.
        others = [order.order_id for order in message.orders if order.account != message.account]
        if others:
            raise BadInput(f"orders {others} are not of the message's account {message.account!r}")

    def _stale(self, message: OrdersApproved, now: datetime) -> bool:
        return (now - message.at).total_seconds() > self._desk.limits[message.account].signal_age_s_max


def _report(message: OrdersApproved, after: Sequence[OrderRecord]) -> ExecutionReport:
    first = after[0].order
    return ExecutionReport(
        id=names.name("report", message.id, *(f"{one.order.order_id} {one.state} {one.epoch}" for one in after)),
        cause=message.id,
        at=message.at,
        account=first.account,
        venue=first.venue,
        updates=[orders.update(one) for one in after],
    )
