"""Send approved orders to a real venue: at most one order for each, whatever is lost, late or stopped on the way.

An order is claimed right before its one request, which carries the time of the claim; the venue refuses it after the
deadline. An unknown outcome stays SUBMITTING and is looked up. Only a look-up that finds nothing, and began when no
request could arrive any more, is the proof that a second claim takes.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from execution_service import approved, place, statements
from execution_service.replace import Replacer
from fanfold import ids
from fanfold.desk import Desk
from fanfold.errors import BadInput, Conflict, VenueUnavailable
from fanfold.ledger import orders
from fanfold.ledger.orders import Absence, Harmless, OrderRecord, Step
from fanfold.ledger.real_changes import currencies_of
from fanfold.matching.fills import Resolution
from fanfold.messages import ExecutionReport, Order, OrdersApproved, OrderState
from fanfold.trading.answers import Placed, Rejected
from fanfold.trading.venue import OrderRequest, TradingVenue

# How long after its deadline an order is in quarantine if its venue does not answer what became of it.
UNANSWERED_S_MAX = 300


class RealLedger(place.ClaimLedger, Protocol):
    """Execution's side of the ledger; see fanfold.ledger.bookings."""

    def book(
        self, account: str, resolutions: Sequence[Resolution], report: ExecutionReport
    ) -> list[ExecutionReport]: ...

    def publish(self, held: Sequence[ExecutionReport], others: Sequence[ExecutionReport]) -> None: ...


class RealMonitor(Protocol):
    """The port that is told of a real account: of events to note, and of those that somebody has to look at."""

    def note(self, event: str, **figures: str) -> None: ...

    def alarm(self, event: str, **figures: str) -> None: ...

    def overdue(self, count: int) -> None:
        """Count orders whose outcome is unknown past their deadline."""


class Sender:
    """The verb of execution for orders of a real account."""

    def __init__(
        self,
        desk: Desk,
        ledger: RealLedger,
        venue: TradingVenue,
        clock: Callable[[], datetime],
        monitor: RealMonitor,
        learn: Callable[[str, datetime], str],
        replacer: Replacer,
    ) -> None:
        """Call ``learn`` with the instrument of an order that the venue finds unfit, and the time of its claim.

        It returns what the venue changed, or "".
        """
        self._desk = desk
        self._ledger = ledger
        self._venue = venue
        self._clock = clock
        self._monitor = monitor
        self._learn = learn
        self._replacer = replacer

    def place(self, message: OrdersApproved) -> None:
        """Claim and send each order: one claim, one request, one booking. What was claimed before is looked up."""
        approved.check_account(self._desk, message)
        due = [order for order in message.orders if approved.due(order, self._clock())]
        for order in due:
            self._place(msgspec.structs.replace(message, orders=[order]), order)

    def again(self, message: OrdersApproved) -> None:
        """Send, look up or end orders of an earlier message."""
        for record in approved.stored(self._ledger, message):
            if record.state is OrderState.APPROVED:
                self._claim(message, record, Harmless.UNSENT)
            elif record.state is OrderState.SUBMITTING:
                self._look_up(message, record)

    def _place(self, message: OrdersApproved, order: Order) -> None:
        now, fresh = self._clock(), OrderRecord(order=order)
        if not order.replaces and not approved.stale(self._desk, message, order, now):
            claimed = orders.claim(fresh, now, self._venue.terms.window_s, Harmless.UNSENT, real=True)
            if self._ledger.claim(message.account, [(fresh, claimed)]):
                self._send(message, claimed)
                return
        self.again(message)

    def _claim(self, message: OrdersApproved, record: OrderRecord, proof: Harmless | Absence) -> None:
        """Claim an order and send it, or end it where it is too old or may not go out."""
        now = self._clock()
        barred = self._ledger.trading_state(message.account).bars_sending(record.order)
        if barred:
            self._end(message, record, OrderState.BLOCKED, barred)
        elif approved.stale(self._desk, message, record.order, now):
            self._end(message, record, OrderState.STALE, approved.reason_stale(message, record.order))
        elif approved.due(record.order, now) and self._cleared(message, record):
            claimed = orders.claim(record, now, self._venue.terms.window_s, proof, real=True)
            if not self._ledger.claim(message.account, [(record, claimed)]):
                raise Conflict(f"order {record.order.order_id} or its account changed while it was claimed")
            self._send(message, claimed)

    def _cleared(self, message: OrdersApproved, record: OrderRecord) -> bool:
        """Return whether no stop stands in an order's way; end the order where that can never be."""
        clearance = self._replacer.clear(message, record)
        if clearance.barred:
            self._end(message, record, OrderState.BLOCKED, clearance.barred)
        return clearance.ended

    def _send(self, message: OrdersApproved, record: OrderRecord) -> None:
        assert record.claimed_at is not None
        assert record.deadline is not None
        request = OrderRequest(order=record.order, claimed_at=record.claimed_at, deadline=record.deadline)
        try:
            outcome = self._venue.place(request)
        except BadInput as refused:  # It is raised before anything is sent.
            outcome = Rejected(code="not sent", detail=str(refused))
        if isinstance(outcome, Placed):
            self._acknowledge(message, record, outcome)
        elif isinstance(outcome, Rejected) and not outcome.lapsed:
            self._rejected(message, record, outcome)
        else:
            # One that only came late is looked up, too, before another request is sent.
            why = f"{outcome.code} {outcome.detail}" if isinstance(outcome, Rejected) else outcome.why
            self._monitor.note("an order's outcome is unknown", order=record.order.order_id, why=why)

    def _acknowledge(self, message: OrdersApproved, record: OrderRecord, placed: Placed) -> None:
        """Book the venue's order, the trades of its answer, and its end where they account for all of it."""
        base, quote = currencies_of(self._desk, record.order.instrument)
        fills = statements.fills_of(self._venue, record.order, placed.trades, base, quote)
        state = statements.ended(placed.order.state) if placed.whole else OrderState.OPEN
        if state is OrderState.FILLED:  # Its fills say so.
            state = OrderState.OPEN
        step = statements.resolution(record, placed.order.venue_order_id, fills, state, placed.order.reason)
        name = ids.derive("sent", message.id, record.order.order_id, record.epoch)
        order = record.order
        report = ExecutionReport(id=name, cause=message.id, at=message.at, account=order.account, venue=order.venue)
        self._ledger.publish(self._ledger.book(order.account, [step], report), [])

    def _rejected(self, message: OrdersApproved, record: OrderRecord, answer: Rejected) -> None:
        """End an order that its venue rejected. After an earlier request the answer speaks for the last one alone."""
        reason = f"its venue rejected it: {answer.code} {answer.detail}".rstrip()
        if answer.unfit and record.claimed_at is not None:
            reason = "; ".join(filter(None, [reason, self._learn(record.order.instrument, record.claimed_at)]))
        if record.epoch == 1:
            self._end_first(message, record, reason)
            return
        after = msgspec.structs.replace(record, rejection=reason)
        self._move(message, (record, after))

    def _end_first(self, message: OrdersApproved, record: OrderRecord, reason: str) -> None:
        """End an order whose only request was rejected, even if a look-up put it into quarantine meanwhile."""
        try:
            self._end(message, record, OrderState.REJECTED, reason)
        except Conflict:
            order_id = record.order.order_id
            stored = self._ledger.records([order_id])[order_id]
            if stored != msgspec.structs.replace(record, doubt=stored.doubt):
                raise
            self._end(message, stored, OrderState.REJECTED, reason)

    def _look_up(self, message: OrdersApproved, record: OrderRecord) -> None:
        """Find out what became of a request; nothing is sent again without the proof that it came to nothing."""
        assert record.deadline is not None
        since = self._clock()
        try:
            stated = self._venue.find(record.order, record.venue_order_id)
        except VenueUnavailable as unavailable:
            self._monitor.note("a look-up has no answer", order=record.order.order_id, why=str(unavailable))
            if since >= record.deadline + timedelta(seconds=UNANSWERED_S_MAX):
                self._quarantine(message, record, f"its venue does not say what became of it: {unavailable}")
            return
        if stated is not None:
            # Its trades are still to be fetched; where it has any, its end is booked with them.
            self._acknowledge(message, record, Placed(order=stated))
        elif orders.fenced(record, since, self._venue.terms.margin_s):
            self._not_found(message, record, since)

    def _not_found(self, message: OrdersApproved, record: OrderRecord, since: datetime) -> None:
        """Act on the proof that no request came to the venue."""
        if not self._venue.terms.fence:
            why = "its venue does not have it, and takes a late request whenever it comes"
            self._quarantine(message, record, why)
            return
        proof = orders.absent(record, since, self._venue.terms.margin_s)
        if record.rejection:
            self._end(message, record, OrderState.REJECTED, record.rejection)
        else:
            self._claim(message, record, proof)

    def _quarantine(self, message: OrdersApproved, record: OrderRecord, why: str) -> None:
        if record.doubt:
            return
        after = orders.quarantine(record, why)
        step = record, after
        self._ledger.move([step], _doubted(message, step))
        self._monitor.alarm("an order is quarantined", order=record.order.order_id, why=why)

    def _end(self, message: OrdersApproved, record: OrderRecord, state: OrderState, reason: str) -> None:
        self._move(message, (record, orders.close(record, state, reason)))

    def _move(self, message: OrdersApproved, step: Step) -> None:
        self._ledger.move([step], approved.report(message, [step]))


def _doubted(message: OrdersApproved, step: Step) -> ExecutionReport:
    """Return the report of a quarantine, which is another than that of the claim."""
    report = approved.report(message, [step])
    return msgspec.structs.replace(report, id=ids.derive("doubt", report.id, step[1].doubt))
