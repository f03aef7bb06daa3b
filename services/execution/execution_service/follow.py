"""Follow the orders of a real account at its venue: book their trades, note their ends, cancel what may not stay.

Trades are booked as a set, in any order and as often as they are told: those of orders that ended too. An order has
ended when its venue says so and all that it filled is booked.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, Protocol

from execution_service import match, send, statements
from execution_service.sweep import StandingOrder
from execution_service.trades_by_order import TradesByOrder, by_order, records_of
from fanfold import ids
from fanfold.desk import Desk
from fanfold.errors import VenueUnavailable
from fanfold.ledger.changes import Change, MoveCursor, NoteExternal
from fanfold.ledger.orders import LIVE, OrderRecord
from fanfold.ledger.real_changes import currencies_of
from fanfold.ledger.real_money import RealMoney
from fanfold.ledger.trading_state import OrderPermissions
from fanfold.matching.fills import Resolution
from fanfold.messages import ExecutionReport, OrderState, TradingState
from fanfold.records import TERMINAL
from fanfold.risk.exposure import PositionKey
from fanfold.trading.answers import Unknown, VenueOrder, VenueOrderState, VenueTrade
from fanfold.trading.venue import TradingVenue

# How far before its cursor trades are fetched again: a venue may tell of one late.
OVERLAP_S = 120
# The venue is to cancel all that is open of an account that may not trade, unless it is told again in this time.
CANCEL_ALL_S = 180


class FollowedLedger(send.RealLedger, Protocol):
    """Execution's side of the ledger; see fanfold.ledger.bookings."""

    def live(self, account: str) -> Sequence[StandingOrder]: ...

    def real_money(self, account: str) -> RealMoney: ...

    def held(self, account: str) -> Mapping[PositionKey, Decimal]: ...

    def placed(self, account: str, names: Sequence[str]) -> Mapping[str, str]: ...

    def note(self, changes: Sequence[Change]) -> bool: ...


class Following(NamedTuple):
    """The result of following an account: its orders, what was booked, whether trades wait for their order, and the
    instruments of which the venue gave no answer, as of one that it does not list any more."""

    records: Mapping[str, OrderRecord]
    booked: int
    waiting: bool
    unanswered: frozenset[str] = frozenset()


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

    def follow(self, account: str, cause: str, at: datetime) -> Following:
        """Book what became of an account's live orders."""
        records = self.sent(account)
        if not records:
            return Following({}, 0, waiting=False)
        return self._follow(account, cause, at, records, self._ledger.real_money(account), ())

    def follow_all(self, account: str, cause: str, at: datetime, real: RealMoney) -> Following:
        """Book what became of an account's orders in each instrument that it ever traded; ``real`` has the cursors."""
        return self._follow(account, cause, at, self.sent(account), real, real.cursors)

    def _follow(
        self,
        account: str,
        cause: str,
        at: datetime,
        records: Mapping[str, OrderRecord],
        real: RealMoney,
        traded: Collection[str],
    ) -> Following:
        """Book what became of orders that were sent, and other trades of the ``traded`` instruments."""
        report = self.report(account, cause, at)
        booked, waiting, unanswered = self._trades(report, records, real.cursors, traded)
        records = self.sent(account) if records else records
        known = [record for record in records.values() if record.venue_order_id]
        permissions = self._ledger.trading_state(account)
        if known:
            withdrawn = {stop.order_id for stop in real.stops.values() if stop.withdrawn}
            self._ends(report, known, permissions, withdrawn)
        if self._venue.terms.cancels_all_after:
            self._arm(known, permissions)
        return Following(self.sent(account) if known else records, booked, waiting, unanswered)

    def cancel(self, record: OrderRecord, why: str, cause: str, at: datetime) -> OrderRecord:
        """Cancel an order at its venue and book what became of it; return the record after that.

        Raises VenueUnavailable where the venue does not say what of it traded.
        """
        account = record.order.account
        report = self.report(account, cause, at)
        stated = self._venue.cancel(record.order, record.venue_order_id)
        if isinstance(stated, VenueOrder) and stated.filled != record.filled:
            self._trades(report, {record.order.order_id: record}, self._ledger.real_money(account).cursors)
            record = self._ledger.records([record.order.order_id])[record.order.order_id]
        self._conclude(report, record, stated, why, expired=False)
        return self._ledger.records([record.order.order_id])[record.order.order_id]

    def report(self, account: str, cause: str, at: datetime) -> ExecutionReport:
        """Return the report, still empty, on what a cause tells of an account's orders."""
        name, venue = ids.derive("followed", account, cause), self._desk.accounts[account].venue
        return ExecutionReport(id=name, cause=cause, at=at, account=account, venue=venue)

    def sent(self, account: str) -> dict[str, OrderRecord]:
        """Return the live orders that were claimed, by id."""
        names = [order.order_id for order in self._ledger.live(account)]
        records = self._ledger.records(names) if names else {}
        return {name: record for name, record in records.items() if record.epoch and record.state in LIVE}

    def _trades(
        self,
        report: ExecutionReport,
        records: Mapping[str, OrderRecord],
        cursors: Mapping[str, datetime],
        traded: Collection[str] = (),
    ) -> tuple[int, bool, frozenset[str]]:
        """Book trades that are not booked yet; return how many reports that made, whether some wait, and which lack.

        Raises VenueUnavailable where the venue answers of no instrument.
        """
        first = {instrument: cursors[instrument] for instrument in traded}
        for record in records.values():
            instrument, sent_at = record.order.instrument, record.claimed_at or record.order.decided_at
            since = cursors.get(instrument, sent_at)
            first[instrument] = min(first.get(instrument, since), since, sent_at)
        booked, waiting, unanswered = 0, False, dict[str, VenueUnavailable]()
        for instrument, since in sorted(first.items()):
            try:
                trades = self._venue.trades(instrument, since - timedelta(seconds=OVERLAP_S))
            except VenueUnavailable as fault:
                unanswered[instrument] = fault
                continue
            mine = records_of(instrument, records)
            of_orders = by_order(self._ledger, report.account, trades, mine)
            if of_orders.strangers:
                # An order that was sent meanwhile was claimed before it traded.
                mine = records_of(instrument, self.sent(report.account))
                of_orders = by_order(self._ledger, report.account, trades, mine)
            count, held = self.book(report, of_orders, mine)
            booked, waiting = booked + count, waiting or held is not None
            self._move_cursor(report.account, instrument, trades, held, cursors.get(instrument))
        if unanswered and len(unanswered) == len(first):
            raise next(iter(unanswered.values()))
        for instrument, unavailable in unanswered.items():
            self._monitor.note("no trades of an instrument are told", instrument=instrument, why=str(unavailable))
        return booked, waiting, frozenset(unanswered)

    def book(
        self, report: ExecutionReport, trades: TradesByOrder, records: Sequence[OrderRecord]
    ) -> tuple[int, datetime | None]:
        """Book trades of an instrument, of which ``records`` are the live orders.

        Return how many reports that made, and since when trades wait for an order.
        """
        count, strangers = 0, trades.strangers
        for record, of_order in trades.own:
            base, quote = currencies_of(self._desk, record.order.instrument)
            fills = statements.fills_of(self._venue, record.order, of_order, base, quote)
            step = statements.resolution(record, of_order[0].venue_order_id, fills)
            count += self._commit(report, [step])
        # While an order's outcome is unknown, a trade without a name may be its own.
        if strangers and any(record.state is OrderState.SUBMITTING for record in records):
            return count, min(trade.at for trade in strangers)
        for trade in strangers:
            detail = f"{trade.side} {trade.quantity} {trade.instrument} at {trade.price}"
            self.tell_external(report.account, f"trade {trade.instrument} {trade.trade_id}", detail)
        return count, None

    def tell_external(self, account: str, name: str, detail: str) -> bool:
        """Note an order or trade that is none of ours, and tell of it the first time; return whether it was that."""
        first = name not in self._ledger.real_money(account).external
        first = first and self._ledger.note([NoteExternal(account, name, detail)])
        if first:
            self._monitor.alarm("EXTERNAL: the venue has what no order of this desk made", what=name, detail=detail)
        return first

    def _move_cursor(
        self,
        account: str,
        instrument: str,
        trades: Sequence[VenueTrade],
        held: datetime | None,
        before: datetime | None,
    ) -> None:
        times = [trade.at for trade in trades if held is None or trade.at < held]
        if times and (before is None or max(times) > before):
            self._ledger.note([MoveCursor(account, instrument, max(times))])

    def _ends(
        self,
        report: ExecutionReport,
        known: Sequence[OrderRecord],
        permissions: OrderPermissions,
        withdrawn: Collection[str],
    ) -> None:
        """Note which orders have ended at the venue, and cancel there what may not stay or has expired."""
        now = self._clock()
        listed = {(order.instrument, order.venue_order_id) for order in self._venue.open_orders()}
        for record in known:
            barred = permissions.bars_resting(record.order)
            if record.order.order_id in withdrawn:
                barred = barred or match.WITHDRAWN
            expired = record.order.expires_at <= now
            if (record.order.instrument, record.venue_order_id) not in listed:
                stated = self._found(record)
            elif barred or expired:
                stated = self._venue.cancel(record.order, record.venue_order_id)
            else:
                continue
            self._conclude(report, record, stated, barred, expired=expired)

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
        elif stated is None:
            self._monitor.alarm("the venue has lost an order", order=record.order.order_id)
        elif stated.state is not VenueOrderState.OPEN and stated.filled == record.filled:
            state, reason = _end(stated, barred, expired=expired)
            self._commit(report, [statements.resolution(record, record.venue_order_id, (), state, reason)])

    def _found(self, record: OrderRecord) -> VenueOrder | Unknown | None:
        """Look an order up; what the venue does not say of one keeps no other waiting."""
        try:
            return self._venue.find(record.order, record.venue_order_id)
        except VenueUnavailable as unavailable:
            return Unknown(why=str(unavailable))

    def _commit(self, report: ExecutionReport, steps: Sequence[Resolution]) -> int:
        reports = self._ledger.book(report.account, steps, report)
        self._ledger.publish(reports, [])
        return len(reports)

    def _arm(self, known: Sequence[OrderRecord], permissions: OrderPermissions) -> None:
        """Let the venue cancel everything by itself while an account that may not trade has orders open there."""
        if permissions.trading_state not in (TradingState.HALTED, TradingState.FLATTENING):
            return
        barred = any(permissions.bars_resting(record.order) for record in known)
        exits = any(not permissions.bars_resting(record.order) for record in known)
        if not (barred or exits):
            return
        try:
            self._venue.arm_cancel_all(0 if exits else CANCEL_ALL_S)
        except VenueUnavailable as unavailable:
            # It is one safeguard more; what follows orders and balances goes on without.
            self._monitor.note("the venue's cancel of everything is not armed", why=str(unavailable))


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
