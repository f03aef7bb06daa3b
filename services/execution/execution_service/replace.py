"""End the resting stop that an order replaces, before the order is sent: never both are at the venue."""

from datetime import datetime
from typing import Protocol

from execution_service import approved, place
from execution_service.place import Clearance
from fanfold.errors import BadInput
from fanfold.ledger import orders
from fanfold.ledger.orders import OrderRecord
from fanfold.messages import OrdersApproved, OrderState, Replaced
from fanfold.records import TERMINAL


class Canceller(Protocol):
    """See execution_service.follow, and execution_service.match for accounts on paper."""

    def cancel(self, record: OrderRecord, why: str, cause: str, at: datetime) -> OrderRecord: ...


class Replacer:
    """The verb of execution for the stop that an order replaces."""

    def __init__(self, ledger: place.ClaimLedger, canceller: Canceller) -> None:
        self._ledger = ledger
        self._canceller = canceller

    def clear(self, message: OrdersApproved, record: OrderRecord) -> Clearance:
        """End the stop that an order replaces.

        While the venue does not say that it has ended, the order waits. Where more of it filled than risk knew, risk
        has to decide anew.
        """
        replaced = record.order.replaces
        if not replaced:
            return Clearance(ended=True)
        stop = self._ledger.records([replaced.order_id]).get(replaced.order_id)
        if stop is None:
            raise BadInput(f"order {record.order.order_id} replaces {replaced.order_id}, which is not in the ledger")
        if stop.state not in TERMINAL:
            stop = self._end(message, stop, f"order {record.order.order_id} is in its place")
        if stop.filled != replaced.filled:
            return Clearance(ended=False, barred=_overtaken(stop, replaced))
        return Clearance(ended=stop.state in TERMINAL)

    def _end(self, message: OrdersApproved, stop: OrderRecord, why: str) -> OrderRecord:
        if stop.state is OrderState.APPROVED:
            after = orders.close(stop, OrderState.BLOCKED, why)
            step = stop, after
            self._ledger.move([step], approved.report(message, [step]))
            return after
        # One of unknown outcome is looked up by the sweep first.
        if stop.venue_order_id:
            return self._canceller.cancel(stop, why, message.id, message.at)
        return stop


def _overtaken(stop: OrderRecord, replaced: Replaced) -> str:
    filled = f"{stop.filled:f} of {stop.order.quantity:f} filled, not {replaced.filled:f}"
    return f"the stop {replaced.order_id} that it replaces was faster: {filled}"
