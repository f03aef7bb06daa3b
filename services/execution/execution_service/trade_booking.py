"""Book the trades of a live account, each once, in whatever order and however often its venue reports them."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, Protocol

from execution_service import send, statements
from execution_service.sweep import StandingOrder
from execution_service.trades_by_order import TradesByOrder, by_order, records_of
from fanfold import ids
from fanfold.desk import Desk
from fanfold.errors import VenueUnavailable
from fanfold.ledger.changes import Change, MoveCursor, NoteExternal
from fanfold.ledger.orders import LIVE, OrderRecord
from fanfold.ledger.real_changes import currencies_of
from fanfold.ledger.real_money import RealMoney
from fanfold.matching.fills import Resolution
from fanfold.messages import ExecutionReport, OrderState
from fanfold.risk.exposure import PositionKey
from fanfold.trading.answers import VenueTrade
from fanfold.trading.venue import TradingVenue

# How far before its cursor trades are fetched again: a venue may tell of one late.
OVERLAP_S = 120
# How far a cursor may stay behind while nothing trades; beyond, each reading would go back for nothing.
BEHIND_MAX = timedelta(hours=1)


class FollowedLedger(send.RealLedger, Protocol):
    """Execution's side of the ledger; see fanfold.ledger.bookings."""

    def live(self, account: str) -> Sequence[StandingOrder]: ...

    def real_money(self, account: str) -> RealMoney: ...

    def held(self, account: str) -> Mapping[PositionKey, Decimal]: ...

    def placed(self, account: str, names: Sequence[str]) -> Mapping[str, str]: ...

    def note(self, changes: Sequence[Change]) -> bool: ...

    def pay_fees(self, report: ExecutionReport, base_of: Callable[[str], str]) -> list[ExecutionReport]: ...


class Booked(NamedTuple):
    """The result of reading trades: reports published, whether trades wait for their order, how many instruments the
    venue answered for, and the fault of each other one, such as one that it has delisted."""

    reports: int = 0
    waiting: bool = False
    answered: int = 0
    unanswered: Mapping[str, VenueUnavailable] = {}


class TradeBooker:
    """The verb of execution for the trades of a real account."""

    def __init__(self, desk: Desk, ledger: FollowedLedger, venue: TradingVenue, monitor: send.RealMonitor) -> None:
        self._desk = desk
        self._ledger = ledger
        self._venue = venue
        self._monitor = monitor

    def report(self, account: str, cause: str, at: datetime) -> ExecutionReport:
        """Return the report, still empty, on what a cause tells of an account's orders."""
        name, venue = ids.derive("followed", account, cause), self._desk.accounts[account].venue
        return ExecutionReport(id=name, cause=cause, at=at, account=account, venue=venue)

    def sent(self, account: str) -> dict[str, OrderRecord]:
        """Return the live orders that were claimed, by id."""
        names = [order.order_id for order in self._ledger.live(account)]
        records = self._ledger.records(names) if names else {}
        return {name: record for name, record in records.items() if record.epoch and record.state in LIVE}

    def fetch(
        self,
        report: ExecutionReport,
        records: Mapping[str, OrderRecord],
        cursors: Mapping[str, datetime],
        traded: Collection[str] = (),
    ) -> Booked:
        """Book trades since the cursors, of the instruments of ``records`` and the ``traded`` ones.

        An instrument that the venue does not answer for holds up no other.
        """
        first = {instrument: cursors[instrument] for instrument in traded}
        for record in records.values():
            instrument, sent_at = record.order.instrument, sent(record)
            first[instrument] = min(first.get(instrument, sent_at), sent_at)
        first |= {instrument: cursors[instrument] for instrument in first if instrument in cursors}
        count, waiting, unanswered = 0, False, dict[str, VenueUnavailable]()
        for instrument, trades in self._told(first):
            if isinstance(trades, VenueUnavailable):
                unanswered[instrument] = trades
                self._monitor.note("no trades of an instrument are told", instrument=instrument, why=str(trades))
                continue
            more, held = self._book_all(report, instrument, trades, records)
            count, waiting = count + more, waiting or held is not None
            times = [trade.at for trade in trades if held is None or trade.at < held]
            if held is None and report.at - first[instrument] > BEHIND_MAX:
                times.append(report.at)
            self._move_cursor(report.account, instrument, times, cursors.get(instrument))
        return Booked(count, waiting, len(first) - len(unanswered), unanswered)

    def _told(self, first: Mapping[str, datetime]) -> Iterator[tuple[str, Sequence[VenueTrade] | VenueUnavailable]]:
        """Yield what the venue tells of each instrument, in one reading where it tells of the whole account."""
        overlap = timedelta(seconds=OVERLAP_S)
        if first and self._venue.terms.history == "account":
            try:
                yield from self._venue.trades_of_all(sorted(first), min(first.values()) - overlap).items()
            except VenueUnavailable as fault:
                yield from ((instrument, fault) for instrument in sorted(first))
            return
        for instrument, since in sorted(first.items()):
            try:
                trades = self._venue.trades(instrument, since - overlap)
            except VenueUnavailable as fault:
                yield instrument, fault
            else:
                yield instrument, trades

    def _book_all(
        self,
        report: ExecutionReport,
        instrument: str,
        trades: Sequence[VenueTrade],
        records: Mapping[str, OrderRecord],
    ) -> tuple[int, datetime | None]:
        mine = records_of(instrument, records)
        of_orders = by_order(self._ledger, report.account, trades, mine)
        if of_orders.strangers:
            # An order that was sent meanwhile was claimed before it traded.
            mine = records_of(instrument, self.sent(report.account))
            of_orders = by_order(self._ledger, report.account, trades, mine)
        return self.book(report, of_orders, mine)

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
            count += self.commit(report, [step])
        # While an order's outcome is unknown, a trade without a name may be its own.
        if strangers and any(record.state is OrderState.SUBMITTING for record in records):
            return count, min(trade.at for trade in strangers)
        details = {
            f"trade {trade.instrument} {trade.trade_id}": f"{trade.side} {trade.quantity} {trade.instrument}"
            f" at {trade.price}"
            for trade in strangers
        }
        self.tell_external(report.account, details)
        return count, None

    def tell_external(self, account: str, details: Mapping[str, str]) -> list[str]:
        """Tell of orders or trades that are none of ours, by name, and note that; return those told the first time.

        Whoever dies in between tells of it again: twice is better than never.
        """
        known = self._ledger.real_money(account).external if details else frozenset[str]()
        fresh = [name for name in details if name not in known]
        for name in fresh:
            what = "EXTERNAL: the venue has what no order of this desk made"
            self._monitor.alarm(what, what=name, detail=details[name])
            self._ledger.note([NoteExternal(account, name, details[name])])
        return fresh

    def commit(self, report: ExecutionReport, steps: Sequence[Resolution]) -> int:
        """Book steps of orders and publish what that reports; return how many reports that made."""
        reports = self._ledger.book(report.account, steps, report)
        self._ledger.publish(reports, [])
        return len(reports)

    def pay_fees(self, report: ExecutionReport) -> int:
        """Let what the venue took of traded coins be paid; return how many reports that made."""
        reports = self._ledger.pay_fees(report, lambda instrument: currencies_of(self._desk, instrument)[0])
        self._ledger.publish(reports, [])
        return len(reports)

    def _move_cursor(self, account: str, instrument: str, times: Sequence[datetime], before: datetime | None) -> None:
        if times and (before is None or max(times) > before):
            self._ledger.note([MoveCursor(account, instrument, max(times))])


def sent(record: OrderRecord) -> datetime:
    """Return when an order was sent: it has no trades before."""
    return record.claimed_at or record.order.decided_at
