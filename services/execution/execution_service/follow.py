"""Follow the orders of a real account at its venue: book their trades, note their ends, cancel what may not stay.

Trades are booked as a set, in any order and as often as they are told: those of orders that ended too. An order has
ended when its venue says so and all that it filled is booked.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from execution_service import match, send, statements
from execution_service.trade_booking import Booked, FollowedLedger, TradeBooker
from fanfold.desk import Desk
from fanfold.errors import VenueUnavailable
from fanfold.ledger.orders import LIVE, OrderRecord
from fanfold.ledger.real_money import RealMoney
from fanfold.ledger.trading_state import OrderPermissions
from fanfold.messages import ExecutionReport, OrderState, TradingState
from fanfold.records import TERMINAL
from fanfold.trading.answers import Unknown, VenueOrder, VenueOrderState
from fanfold.trading.venue import TradingVenue

# The venue is to cancel all that is open of an account that may not trade, unless it is told again in this time.
CANCEL_ALL_S = 180
# How long after a change of the trading state that may still be armed: a pass comes each minute.
ARMED_MAX = timedelta(seconds=CANCEL_ALL_S + 60)


class Following(NamedTuple):
    """The result of following an account: its orders, what was booked, and all open orders of the key, of whomever;
    None where they were not asked for."""

    records: Mapping[str, OrderRecord]
    booked: Booked
    opened: Sequence[VenueOrder] | None = None


class Follower:
    """The verb of execution for the orders of a real account that were sent."""

    def __init__(
        self,
        desk: Desk,
        ledger: FollowedLedger,
        venue: TradingVenue,
        clock: Callable[[], datetime],
        monitor: send.RealMonitor,
    ) -> None:
        self._desk = desk
        self._ledger = ledger
        self._venue = venue
        self._clock = clock
        self._monitor = monitor
        self.trades = TradeBooker(desk, ledger, venue, monitor)

    def follow(self, account: str, cause: str, at: datetime) -> Following:
        """Cancel what may not stay, and book what became of an account's live orders.

        Raises VenueUnavailable, after all that could be done, where the venue did not answer.
        """
        records = self.trades.sent(account)
        if not records:
            if self._venue.terms.cancels_all_after:
                self._arm((), self._ledger.trading_state(account))
            return Following({}, Booked())
        return self._follow(self.trades.report(account, cause, at), records, self._ledger.real_money(account), ())

    def follow_all(self, account: str, cause: str, at: datetime, real: RealMoney, traded: Collection[str]) -> Following:
        """Follow an account, and book other trades of the ``traded`` instruments; ``real`` has the cursors."""
        return self._follow(self.trades.report(account, cause, at), self.trades.sent(account), real, traded)

    def _follow(
        self,
        report: ExecutionReport,
        records: Mapping[str, OrderRecord],
        real: RealMoney,
        traded: Collection[str],
    ) -> Following:
        permissions = self._ledger.trading_state(report.account)
        barred = _barred(records.values(), permissions, real)
        # By the ids that are held here, and before anything is read: a kill waits for no answer about anything else.
        self.send_cancels([records[name] for name in barred])
        armed = self._venue.terms.cancels_all_after and self._arm(records.values(), permissions)
        booked = self.trades.fetch(report, records, real.cursors, traded)
        records = self.trades.sent(report.account) if records else records
        known = [record for record in records.values() if record.venue_order_id]
        opened = self._opened() if known else None
        if opened is not None:
            self._ends(report, known, barred, opened)
        records = self.trades.sent(report.account) if known else records
        if armed and not any(permissions.bars_resting(record.order) for record in records.values()):
            self._cancel_all_after(0)
        _raise_unanswered(booked, opened)
        return Following(records, booked, opened if isinstance(opened, Sequence) else None)

    def send_cancels(self, records: Sequence[OrderRecord]) -> None:
        """Ask the venue to cancel orders that it has named; what became of them is looked up later."""
        for record in records:
            if record.venue_order_id:
                fault = self._venue.request_cancel(record.order, record.venue_order_id)
                if fault:
                    self._monitor.note("a cancel was not answered", order=record.order.order_id, why=fault)

    def cancel(self, record: OrderRecord, why: str, cause: str, at: datetime) -> OrderRecord:
        """Cancel an order at its venue and book what became of it; return the record after that."""
        report = self.trades.report(record.order.account, cause, at)
        stated = self._venue.cancel(record.order, record.venue_order_id)
        self._conclude(report, record, stated, why, expired=False)
        return self._stored(record)

    def _opened(self) -> Sequence[VenueOrder] | VenueUnavailable:
        try:
            return self._venue.open_orders()
        except VenueUnavailable as fault:
            return fault

    def _ends(
        self,
        report: ExecutionReport,
        known: Sequence[OrderRecord],
        barred: Mapping[str, str],
        opened: Sequence[VenueOrder] | VenueUnavailable,
    ) -> None:
        """Note which orders have ended at the venue, and cancel there what has expired.

        Where it does not say what is open, those that were canceled are looked up one by one.
        """
        listed = {} if isinstance(opened, VenueUnavailable) else {_key(order): order for order in opened}
        for record in known:
            why = barred.get(record.order.order_id, "")
            expired = record.order.expires_at <= self._clock()
            open_now = listed.get((record.order.instrument, record.venue_order_id))
            if isinstance(opened, VenueUnavailable) and not why:
                continue
            if open_now is None:
                stated = self._found(record)
            elif expired and not why:
                stated = self._venue.cancel(record.order, record.venue_order_id)
            else:
                stated = open_now
            self._conclude(report, record, stated, why, expired=expired)

    def _conclude(
        self,
        report: ExecutionReport,
        record: OrderRecord,
        stated: VenueOrder | Unknown | None,
        barred: str,
        *,
        expired: bool,
    ) -> None:
        """Note that an order has ended, where its venue says so and all that it filled is booked."""
        if isinstance(stated, Unknown):
            self._monitor.note("an order's end is not known", order=record.order.order_id, why=stated.why)
            return
        if stated is None:
            self._lost(report, record)
            return
        if stated.filled != record.filled:
            record = self._caught_up(report, record)
        if stated.state is not VenueOrderState.OPEN and stated.filled == record.filled:
            state, reason = _end(stated, barred, expired=expired)
            self.trades.commit(report, [statements.resolution(record, record.venue_order_id, (), state, reason)])

    def _lost(self, report: ExecutionReport, record: OrderRecord) -> None:
        """Alarm of an order that its venue does not know any more, and end it once it has expired for certain.

        A second look-up says so, and its trades since it was sent are booked before. What has no end is an operator's.
        """
        self._monitor.alarm("the venue has lost an order", order=record.order.order_id)
        if self._clock() < record.order.expires_at + timedelta(seconds=self._venue.terms.margin_s):
            return
        booked = self.trades.fetch(report, {record.order.order_id: record}, {})
        if booked.unanswered or booked.waiting or self._found(record) is not None:
            return
        record = self._stored(record)
        if record.state in LIVE:
            state, why = OrderState.EXPIRED, "its time was over, and its venue does not know it any more"
            self.trades.commit(report, [statements.resolution(record, record.venue_order_id, (), state, why)])

    def _caught_up(self, report: ExecutionReport, record: OrderRecord) -> OrderRecord:
        """Book the trades of an order since it was sent, whatever its cursor says; return the record after that."""
        self.trades.fetch(report, {record.order.order_id: record}, {})
        return self._stored(record)

    def _stored(self, record: OrderRecord) -> OrderRecord:
        """Return the record of an order as the ledger has it now."""
        return self._ledger.records([record.order.order_id])[record.order.order_id]

    def _found(self, record: OrderRecord) -> VenueOrder | Unknown | None:
        """Look an order up; what the venue does not say of one keeps no other waiting."""
        try:
            return self._venue.find(record.order, record.venue_order_id)
        except VenueUnavailable as unavailable:
            return Unknown(why=str(unavailable))

    def _arm(self, records: Collection[OrderRecord], permissions: OrderPermissions) -> bool:
        """Let the venue cancel everything by itself while an account that may not trade has orders open there.

        It is told not to where an exit is open, and for a while after each change of the state: it may be armed still,
        by a process that died. Return whether it is armed.
        """
        stopped = permissions.trading_state in (TradingState.HALTED, TradingState.FLATTENING)
        stays = [not permissions.bars_resting(record.order) for record in records if record.venue_order_id]
        if stopped and stays and not any(stays):
            self._cancel_all_after(CANCEL_ALL_S)
            return True
        changed = permissions.since is not None and self._clock() - permissions.since < ARMED_MAX
        if (stopped and any(stays)) or changed:
            self._cancel_all_after(0)
        return False

    def _cancel_all_after(self, seconds: int) -> None:
        try:
            self._venue.arm_cancel_all(seconds)
        except VenueUnavailable as unavailable:
            # It is one safeguard more; what follows orders and balances goes on without.
            self._monitor.note("the venue's cancel of everything is not armed", why=str(unavailable))


def _barred(records: Collection[OrderRecord], permissions: OrderPermissions, real: RealMoney) -> dict[str, str]:
    """Return why orders may not stay, by their id: of the account's state, or of a stop that risk withdrew."""
    withdrawn = {stop.order_id for stop in real.stops.values() if stop.withdrawn}
    reasons = {
        record.order.order_id: permissions.bars_resting(record.order)
        or (match.WITHDRAWN if record.order.order_id in withdrawn else "")
        for record in records
    }
    return {name: reason for name, reason in reasons.items() if reason}


def _key(order: VenueOrder) -> tuple[str, str]:
    return order.instrument, order.venue_order_id


def _raise_unanswered(booked: Booked, opened: Sequence[VenueOrder] | VenueUnavailable | None) -> None:
    """Raise VenueUnavailable where the venue told the trades of no instrument, or not what is open."""
    if isinstance(opened, VenueUnavailable):
        raise opened
    if booked.unanswered and booked.answered == 0:
        raise next(iter(booked.unanswered.values()))


def _end(stated: VenueOrder, barred: str, *, expired: bool) -> tuple[OrderState, str]:
    """Return how an order ended, and why: by what made us cancel it, else by what its venue says."""
    state = statements.ended(stated.state)
    if state is OrderState.FILLED or state not in TERMINAL:
        return state, stated.reason
    if barred:
        return OrderState.CANCELED, barred
    if expired:
        return OrderState.EXPIRED, "its time was over"
    return state, stated.reason or f"it is {stated.state} at its venue"
