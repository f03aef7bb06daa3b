"""Sweep live orders: end old ones that were never sent, look up unknown outcomes, expire those without bars.

It runs every minute over the index of live orders, where slices are, and at each poll of an account that has any; only
here is an order handled whose message was lost or dead-lettered.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from execution_service import approved
from fanfold.desk import Desk
from fanfold.errors import for_each_account
from fanfold.ledger.orders import OrderRecord
from fanfold.ledger.trading_state import OrderPermissions
from fanfold.market import timeframes
from fanfold.messages import OrdersApproved, OrderState

# How long after the close of the last bar that an order may meet nobody waits for that bar any more.
BAR_LATE_S = 120


class StandingOrder(Protocol):
    """An order that has not ended, and the message of its approval; see fanfold.ledger.store."""

    @property
    def account(self) -> str: ...

    @property
    def order_id(self) -> str: ...

    @property
    def cause(self) -> str: ...

    @property
    def at(self) -> datetime: ...


class SweptLedger(Protocol):
    """Execution's side of the ledger; see fanfold.ledger.bookings."""

    def records(self, order_ids: Sequence[str]) -> dict[str, OrderRecord]: ...

    def trading_state(self, account: str) -> OrderPermissions: ...


class PlacerPort(Protocol):
    """See execution_service.place."""

    def again(self, message: OrdersApproved) -> None: ...


class MatcherPort(Protocol):
    """See execution_service.match."""

    def end_overdue(self, message: OrdersApproved, ended_by: datetime) -> None: ...


class SweptOrder(NamedTuple):
    """A live order, and its record in the ledger."""

    live: StandingOrder
    record: OrderRecord

    def message(self) -> OrdersApproved:
        """Return the message of its approval, reduced to this order."""
        order = self.record.order
        return OrdersApproved(
            id=self.live.cause, cause=order.signal_id, at=self.live.at, account=order.account, orders=[order]
        )


class Sweeper:
    """The verb of execution for live orders. ``verbs`` returns those of a venue; ``unknown`` is called with a count."""

    def __init__(
        self,
        desk: Desk,
        ledger: SweptLedger,
        verbs: Callable[[str], tuple[PlacerPort, MatcherPort]],
        clock: Callable[[], datetime],
        unknown: Callable[[int], None] = lambda _count: None,
    ) -> None:
        self._desk = desk
        self._ledger = ledger
        self._verbs = verbs
        self._clock = clock
        self._unknown = unknown

    def sweep(self, live: Sequence[StandingOrder]) -> int:
        """Work on the orders that need it, and return how many. A failure of one account does not stop the others."""
        now, worked = self._clock(), list[SweptOrder]()
        for_each_account(
            sorted({order.account for order in live}),
            lambda account: worked.extend(self._sweep([order for order in live if order.account == account], now)),
        )
        return len(worked)

    def _sweep(self, live: Sequence[StandingOrder], now: datetime) -> list[SweptOrder]:
        """Work on those of an account's orders that need it, and return them."""
        standing = with_records(self._ledger, live)
        self._unknown(sum(unknown(entry.record, now) for entry in standing))
        state = self._ledger.trading_state(live[0].account)
        due = [entry for entry in standing if self._due(entry.record, state, now)]
        self._work(due, now)
        return due

    def _due(self, record: OrderRecord, state: OrderPermissions, now: datetime) -> bool:
        order = record.order
        if record.state is OrderState.APPROVED:
            limits = self._desk.limits.get(order.account)
            late = limits is None or (now - order.sendable_at).total_seconds() > limits.signal_age_s_max
            again = approved.waited(order, now) or approved.due_slice(order, now)
            return late or again or bool(state.bars_sending(order))
        if record.state is OrderState.SUBMITTING:
            return unknown(record, now)
        return bool(state.bars_resting(order)) or order.expires_at <= self._ended_by(order.venue, now)

    def _work(self, due: Sequence[SweptOrder], now: datetime) -> None:
        resting = [entry for entry in due if entry.record.state in (OrderState.OPEN, OrderState.PARTIAL)]
        for entry in due:
            if entry not in resting:
                self._verbs(entry.record.order.venue)[0].again(entry.message())
        if resting:
            first = resting[0]
            venue = first.record.order.venue
            self._verbs(venue)[1].end_overdue(first.message(), self._ended_by(venue, now))

    def _ended_by(self, venue: str, now: datetime) -> datetime:
        known = self._desk.venues.get(venue)
        length = timeframes.seconds(known.timeframe) if known else 0
        return now - timedelta(seconds=length + BAR_LATE_S)


def with_records(ledger: approved.Records, live: Sequence[StandingOrder]) -> list[SweptOrder]:
    """Return the live orders that the ledger has, each with its record."""
    records = ledger.records([order.order_id for order in live]) if live else {}
    return [SweptOrder(order, records[order.order_id]) for order in live if order.order_id in records]


def unknown(record: OrderRecord, now: datetime) -> bool:
    """Return whether an order's outcome is unknown although the venue no longer accepts its request."""
    return record.state is OrderState.SUBMITTING and record.deadline is not None and now >= record.deadline
