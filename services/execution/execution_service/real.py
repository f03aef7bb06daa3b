"""The verbs of execution for one account at a real venue."""

from collections.abc import Callable, Sequence
from datetime import datetime

from execution_service import approved, match, sweep
from execution_service.deliver import Delivered, DeliveredLedger, Deliverer
from execution_service.follow import Follower
from execution_service.reconcile import Reconciler
from execution_service.replace import Replacer
from execution_service.send import RealMonitor, Sender
from execution_service.sweep import StandingOrder, SweptOrder
from execution_service.venue_rules import RulesKeeper
from fanfold.desk import Desk
from fanfold.errors import VenueUnavailable
from fanfold.ledger.orders import OrderRecord
from fanfold.ledger.trading_state import OrderPermissions
from fanfold.messages import BarsClosed, OrdersApproved, OrderState, TradingStateChanged
from fanfold.trading.answers import VenueTrade
from fanfold.trading.venue import TradingVenue

# How many reconciliations, one a minute, may fail in a row before somebody is told: with a revoked key each does.
UNANSWERED_MAX = 15


class RealAccount:
    """An account whose orders go to a real venue."""

    def __init__(
        self,
        account: str,
        desk: Desk,
        ledger: DeliveredLedger,
        venue: TradingVenue,
        clock: Callable[[], datetime],
        monitor: RealMonitor,
    ) -> None:
        self._account = account
        self._desk = desk
        self._ledger = ledger
        self._venue = venue
        self._clock = clock
        self._monitor = monitor
        self._cold = True
        # The reconciliations of this process in a row that the venue did not answer.
        self._unanswered = 0
        rules = RulesKeeper(account, desk, ledger, venue, clock, monitor)
        self._follower = Follower(desk, ledger, venue, clock, monitor)
        self._deliverer = Deliverer(desk.accounts[account].venue, ledger, self._follower.trades, monitor)
        replacer = Replacer(ledger, self._follower)
        self._sender = Sender(desk, ledger, venue, clock, monitor, rules.learn, replacer)
        self._reconciler = Reconciler(desk, ledger, venue, self._follower, clock, monitor, rules)

    def place(self, message: OrdersApproved) -> None:
        """Claim and send the orders of an approval."""
        self._sender.place(message)

    def polled(self, message: BarsClosed) -> None:
        """Book what became of the account's orders, and report it matched with the poll, so that risk decides.

        Risk decides by the books as they are where the venue does not answer: live orders hold what they reserve. A
        process reconciles at the first poll, for the desk may have been stopped till then; that follows orders first.
        """
        try:
            if self._cold:
                self._reconciled()
            else:
                self._follower.follow(self._account, message.id, message.at)
        except VenueUnavailable as unavailable:
            self._monitor.note("the venue does not answer", account=self._account, why=str(unavailable))
        self._ledger.publish([], [match.matched(self._account, message)])

    def deliver(self, trades: Sequence[VenueTrade], cause: str) -> Delivered:
        """Book trades that a sender tells of before the venue is asked; see Deliverer."""
        return self._deliverer.deliver(self._account, trades, cause, self._clock())

    def cancel(self, record: OrderRecord, why: str, cause: str, at: datetime) -> None:
        """Cancel an order that rests at the venue; where that does not answer, risk asks for it again."""
        try:
            self._follower.cancel(record, why, cause, at)
        except VenueUnavailable as unavailable:
            self._monitor.note("an order's end is not known", order=record.order.order_id, why=str(unavailable))

    def cancel_barred(self, message: TradingStateChanged) -> None:
        """Cancel what the account's trading state, as it is now, does not let rest."""
        self._follower.follow(self._account, message.id, message.at)

    def sweep(self, live: Sequence[StandingOrder]) -> int:
        """Work on orders that no message moves on, then reconcile; return how many orders needed work."""
        worked = self.sweep_due(live)
        self.reconcile()
        return worked

    def sweep_due(self, live: Sequence[StandingOrder]) -> int:
        """Send the slices that are due, and end or look up other orders that no message moves on; return how many."""
        standing = sweep.with_records(self._ledger, live)
        permissions = self._ledger.trading_state(self._account) if standing else OrderPermissions(None)
        # A look-up of another order may take the time that is left.
        barred = [entry.record for entry in standing if permissions.bars_resting(entry.record.order)]
        self._follower.send_cancels(barred)
        due = [entry for entry in standing if self._due(entry, permissions)]
        self._monitor.overdue(sum(entry.record.state is OrderState.SUBMITTING for entry in due))
        for entry in due:
            self._sender.again(entry.message())
        return len(due)

    def reconcile(self) -> list[str]:
        """Bring the books to what the venue says; return what was found."""
        try:
            return self._reconciled()
        except VenueUnavailable as unavailable:
            self._unreconciled(str(unavailable))
            return []

    def _unreconciled(self, why: str) -> None:
        """Note that the venue did not answer, and alarm where it has not for long: no order is followed then."""
        self._monitor.note("the venue does not answer", account=self._account, why=why)
        self._unanswered += 1
        if self._unanswered >= UNANSWERED_MAX:
            self._monitor.alarm("an account is not reconciled", account=self._account, why=why)

    def _reconciled(self) -> list[str]:
        findings = self._reconciler.reconcile(self._account)
        self._cold, self._unanswered = False, 0
        return findings

    def plan(self) -> list[str]:
        """Return the changes that a reconciliation would make now, and make none."""
        # Only an operator asks for it.
        from execution_service.plan import plan  # noqa: PLC0415

        return plan(self._account, self._desk, self._ledger, self._venue, self._clock)

    def accept(self) -> list[str]:
        """Take the venue's balances for right."""
        return self._reconciler.accept(self._account)

    def end(self, order_id: str, why: str) -> list[str]:
        """End an order that nobody learns the end of; see end_order."""
        # Only an operator asks for it.
        from execution_service.end_order import end_order  # noqa: PLC0415

        ledger, booker = self._ledger, self._follower.trades
        return end_order(self._account, order_id, why, ledger, self._venue, booker, self._clock())

    def _due(self, entry: SweptOrder, permissions: OrderPermissions) -> bool:
        record, now = entry.record, self._clock()
        if record.state is OrderState.APPROVED:
            order = record.order
            late = approved.stale(self._desk, entry.message(), order, now)
            return (
                approved.waited(order, now)
                or late
                or approved.due_slice(order, now)
                or bool(permissions.bars_sending(order))
            )
        return sweep.unknown(record, now)
