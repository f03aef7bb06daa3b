"""Place approved orders: claim each in the ledger first, then send it, then note the venue's response."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

from execution_service import approved
from fanfold.desk import Desk
from fanfold.errors import BadInput, Conflict
from fanfold.ledger import orders
from fanfold.ledger.orders import Harmless, OrderRecord
from fanfold.ledger.trading_state import OrderPermissions
from fanfold.messages import ExecutionReport, Order, OrdersApproved, OrderState

# How long after its claim a venue may still take an order's request.
WINDOW_S = 5


class ClaimLedger(Protocol):
    """Execution's side of the ledger; see fanfold.ledger.bookings."""

    def records(self, order_ids: Sequence[str]) -> dict[str, OrderRecord]: ...

    def trading_state(self, account: str) -> OrderPermissions: ...

    def claim(self, account: str, claims: Sequence[tuple[OrderRecord, OrderRecord]]) -> bool: ...

    def move(self, steps: Sequence[tuple[OrderRecord, OrderRecord]], report: ExecutionReport) -> None: ...


class Accepted(Protocol):
    """A venue's confirmation that it has an order."""

    @property
    def venue_order_id(self) -> str: ...


class PlacingVenue(Protocol):
    """The venue that orders are sent to. Placing the same client order id again is the same order."""

    def place(self, order: Order) -> Accepted: ...

    def find(self, order: Order) -> Accepted | None:
        """Return the venue's acceptance of the order, resting or ended; None where it never had the order."""

    def shut_out(self, order: Order) -> Accepted | None:
        """Make sure that the order never comes to the venue, however late its request. Return an earlier acceptance."""


class Clearance(NamedTuple):
    """The state of a stop in an order's way: where it has ``ended`` the order may be sent; ``barred`` says why it never
    may."""

    ended: bool
    barred: str = ""


class Placer:
    """The verb of execution for orders."""

    def __init__(
        self,
        desk: Desk,
        ledger: ClaimLedger,
        venue: PlacingVenue,
        clock: Callable[[], datetime],
        clear: Callable[[OrdersApproved, OrderRecord], Clearance],
    ) -> None:
        """Call ``clear`` to end the resting stop that an order replaces; see execution_service.replace."""
        self._desk = desk
        self._clear = clear
        self._ledger = ledger
        self._venue = venue
        self._clock = clock

    def place(self, message: OrdersApproved) -> None:
        """Place orders. Orders that the ledger does not have are refused: risk writes them before it publishes them.

        An instrument that the desk does not have is reported after the others were placed: its order is not claimed,
        unless it closes a position. A position in an instrument that was removed from the desk may still exist.
        """
        approved.check_account(self._desk, message)
        known = self._desk.instruments
        unknown = [order for order in message.orders if order.instrument not in known and not order.reduce_only]
        if not unknown:
            self._place(message)
            return
        traded = [order for order in message.orders if order not in unknown]
        if traded:
            self._place(msgspec.structs.replace(message, orders=traded))
        others = sorted({order.instrument for order in unknown})
        raise BadInput(f"the desk has no {others}; execution may be of an older deploy than risk")

    def again(self, message: OrdersApproved) -> None:
        """Place, look up or end orders of an earlier message, one at a time."""
        now = self._clock()
        for record in approved.stored(self._ledger, message):
            self._place_one(message, record, now)

    def _place(self, message: OrdersApproved) -> None:
        now = self._clock()
        # A slice that waits is left to who sends it when it is due.
        message = msgspec.structs.replace(
            message, orders=[order for order in message.orders if approved.due(order, now)]
        )
        slow = any(order.replaces or approved.stale(self._desk, message, order, now) for order in message.orders)
        if message.orders and not slow:
            fresh = [OrderRecord(order=order) for order in message.orders]
            claims = [(record, orders.claim(record, now, WINDOW_S, Harmless.UNSENT)) for record in fresh]
            if self._ledger.claim(message.account, claims):
                self._send(message, [claimed for _, claimed in claims])
                return
        self.again(message)

    def _place_one(self, message: OrdersApproved, record: OrderRecord, now: datetime) -> None:
        """Place one order the slow way: after a redelivery, under a halt, too late, or in the place of a stop.

        One that was claimed for a real venue, before its account traded on paper, is left alone: it may be there.
        """
        if record.state not in (OrderState.APPROVED, OrderState.SUBMITTING) or record.real:
            return
        # Nobody knows what became of a request that was sent, so the venue is asked before anything is sent again.
        accepted = self._venue.find(record.order) if record.state is OrderState.SUBMITTING else None
        if accepted:
            self._acknowledge(message, [(record, accepted)])
        elif approved.stale(self._desk, message, record.order, now):
            self._end(message, record, OrderState.STALE, approved.reason_stale(message, record.order))
        elif not approved.due(record.order, now):
            self._block(message, record)
        elif record.deadline is not None and now < record.deadline:
            self._send_again(message, record)
        elif self._cleared(message, record):
            self._claim_one(message, record, now)

    def _send_again(self, message: OrdersApproved, record: OrderRecord) -> None:
        """Send an order again under its existing claim: the venue takes its request until the deadline."""
        barred = self._ledger.trading_state(message.account).bars_sending(record.order)
        if barred:
            self._end(message, record, OrderState.BLOCKED, barred)
        else:
            self._send(message, [record])

    def _cleared(self, message: OrdersApproved, record: OrderRecord) -> bool:
        """Return whether no stop stands in an order's way; end the order where that can never be."""
        if not record.order.replaces:
            return True
        # What may not be sent leaves the stop where it is.
        barred = self._ledger.trading_state(message.account).bars_sending(record.order)
        clearance = Clearance(ended=False, barred=barred) if barred else self._clear(message, record)
        if clearance.barred:
            self._end(message, record, OrderState.BLOCKED, clearance.barred)
        return clearance.ended

    def _block(self, message: OrdersApproved, record: OrderRecord) -> None:
        """End a slice that waits where the account's trading state will not let it out."""
        barred = self._ledger.trading_state(message.account).bars_sending(record.order)
        if barred:
            self._end(message, record, OrderState.BLOCKED, barred)

    def _claim_one(self, message: OrdersApproved, record: OrderRecord, now: datetime) -> None:
        # On paper an id that comes again is the same order, as the port says.
        claimed = orders.claim(record, now, WINDOW_S, Harmless.SAME_ORDER)
        if self._ledger.claim(message.account, [(record, claimed)]):
            self._send(message, [claimed])
        elif self._ledger.records([record.order.order_id])[record.order.order_id] == record:
            barred = self._ledger.trading_state(message.account).bars_sending(record.order)
            if not barred:
                raise Conflict(
                    f"the trading state of {message.account} changed while {record.order.order_id} was claimed"
                )
            self._end(message, record, OrderState.BLOCKED, barred)
        else:
            raise Conflict(f"order {record.order.order_id} was claimed by another")

    def _send(self, message: OrdersApproved, claimed: Sequence[OrderRecord]) -> None:
        self._acknowledge(message, [(record, self._venue.place(record.order)) for record in claimed])

    def _acknowledge(self, message: OrdersApproved, accepted: Sequence[tuple[OrderRecord, Accepted]]) -> None:
        steps = [(record, orders.acknowledge(record, answer.venue_order_id)) for record, answer in accepted]
        self._ledger.move(steps, approved.report(message, steps))

    def _end(self, message: OrdersApproved, record: OrderRecord, state: OrderState, reason: str) -> None:
        accepted = self._venue.shut_out(record.order) if record.epoch else None
        if accepted:
            self._acknowledge(message, [(record, accepted)])
            return
        after = orders.close(record, state, reason)
        step = record, after
        self._ledger.move([step], approved.report(message, [step]))
