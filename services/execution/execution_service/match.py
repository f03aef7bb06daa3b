"""Match the orders of paper accounts with bars or quotes: resolve, book, commit, report.

A crash anywhere books each fill once. Orders that the account's trading state does not let rest are canceled before a
price is looked at.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from execution_service import place
from execution_service.place import Clearance, Placer
from execution_service.replace import Replacer
from execution_service.sweep import StandingOrder, Sweeper
from fanfold import ids
from fanfold.desk import Desk
from fanfold.errors import AT_ONCE, Backoff, for_each_account, retry_on_conflict
from fanfold.ledger import booking
from fanfold.ledger.orders import OrderRecord
from fanfold.ledger.real_money import RealMoney
from fanfold.ledger.store import Excerpt
from fanfold.ledger.trading_state import OrderPermissions
from fanfold.market.bars import PackedSeries, Series
from fanfold.matching.book import RestingOrder
from fanfold.matching.fills import MatchResult, Resolution
from fanfold.messages import BarsClosed, ExecutionReport, OrdersApproved, TradingStateChanged
from fanfold.records import TERMINAL

TRIES = 5
WITHDRAWN = "its position wants another stop, or none"


class BookingLedger(place.ClaimLedger, Protocol):
    """Execution's side of the ledger; see fanfold.ledger.bookings."""

    def live(self, account: str) -> Sequence[StandingOrder]: ...

    def real_money(self, account: str) -> RealMoney: ...

    def excerpt(self, account: str, resolutions: Sequence[Resolution]) -> Excerpt: ...

    def book(
        self,
        account: str,
        resolutions: Sequence[Resolution],
        report: ExecutionReport,
        excerpt: Excerpt | None = None,
    ) -> list[ExecutionReport]: ...

    def publish(self, held: Sequence[ExecutionReport], others: Sequence[ExecutionReport]) -> None: ...


class MatchingVenue(place.PlacingVenue, Protocol):
    """A venue that fills by bars; see fanfold.matching.paper."""

    def resolve(
        self, account: str, series: Iterable[Series] | PackedSeries = (), ended_by: datetime | None = None
    ) -> MatchResult: ...

    def cancel_all(self, account: str, client_order_ids: Sequence[str], at: datetime, reason: str) -> None: ...

    def commit(self, result: MatchResult) -> None: ...


class OrderMatcher:
    """The verb of execution for bars, and for orders that a venue fills by its quotes as soon as they are placed."""

    def __init__(
        self,
        desk: Desk,
        ledger: BookingLedger,
        venue: MatchingVenue,
        *,
        swept: bool = False,
        backoff: Backoff = AT_ONCE,
    ) -> None:
        """With ``swept``, a sweep works on live orders every minute; without, each match does, with one more call."""
        self._desk = desk
        self._ledger = ledger
        self._venue = venue
        self._swept = swept
        self._backoff = backoff
        self._replacer = Replacer(ledger, self)

    def match(self, message: BarsClosed) -> None:
        """Match bars against the paper orders of their venue; a failure of one account does not stop the others."""
        accounts = [
            name
            for name, account in self._desk.accounts.items()
            if account.venue == message.venue and account.mode == "paper"
        ]
        if not accounts:
            return
        timeframe = self._desk.venues[message.venue].timeframe
        # Longer bars hold the same trades again.
        series = PackedSeries(frame for frame in message.frames if frame.timeframe == timeframe)
        for_each_account(accounts, lambda account: self._match(account, message, series))

    def take(self, message: OrdersApproved) -> None:
        """Fill the account's market orders by the current quotes; no bars are matched by that."""
        report = self._report("taken", message, self._venue_of(message.account))
        self._ledger.publish(self._resolve(message.account, report), [])

    def cancel_barred(self, message: TradingStateChanged) -> None:
        """Cancel at once what the account's trading state, as it is now, does not let rest."""
        report = self._report("governed", message, self._venue_of(message.account))
        self._ledger.publish(self._resolve(message.account, report), [])

    def end_overdue(self, message: OrdersApproved, ended_by: datetime) -> None:
        """End orders of earlier messages that expired by then and meet no bar any more, or that may not rest.

        A repetition reports what is new under other ids.
        """
        report = self._report("tended", message, message.orders[0].venue)
        self._ledger.publish(self._resolve(message.account, report, ended_by), [])

    def _match(self, account: str, message: BarsClosed, series: Iterable[Series] | PackedSeries) -> None:
        if not self._swept:
            self._sweep(account, message.at)
        report = matched(account, message)
        reports, protected = self._match_and_look(account, series, report)
        if protected:
            reports = [*self._withdraw(account, message), *reports]
        # The last report of what was booked says that all is matched, too.
        self._ledger.publish(reports, [] if reports and reports[-1].matched else [report])

    def clear(self, message: OrdersApproved, record: OrderRecord) -> Clearance:
        """End the resting stop that an order replaces; see Replacer."""
        return self._replacer.clear(message, record)

    def cancel(self, record: OrderRecord, why: str, cause: str, at: datetime) -> OrderRecord:
        """Cancel an order and book its end; return the record after that."""
        order = record.order
        name = ids.derive("canceled", cause, order.order_id)
        report = ExecutionReport(id=name, cause=cause, at=at, account=order.account, venue=order.venue)
        self._ledger.publish(self._end(order.account, [order.client_order_id], why, report), [])
        return self._ledger.records([order.order_id])[order.order_id]

    def _end(
        self, account: str, client_order_ids: Sequence[str], why: str, report: ExecutionReport
    ) -> list[ExecutionReport]:
        """Cancel orders and return reports of what was booked, still to be published."""
        self._venue.cancel_all(account, client_order_ids, report.at, why)
        return self._resolve(account, report)

    def _withdraw(self, account: str, message: BarsClosed) -> list[ExecutionReport]:
        """End the stops that risk has withdrawn, after the bars that they rested in."""
        stops = self._ledger.real_money(account).stops.values()
        withdrawn = [stop.order_id for stop in stops if stop.withdrawn and not stop.ended]
        if not withdrawn:
            return []
        placed = [record.order.client_order_id for record in self._ledger.records(withdrawn).values() if record.epoch]
        name = ids.derive("withdrawn", message.id, account)
        report = ExecutionReport(id=name, cause=message.id, at=message.at, account=account, venue=message.venue)
        return self._end(account, placed, WITHDRAWN, report)

    def _sweep(self, account: str, now: datetime) -> None:
        placer = Placer(self._desk, self._ledger, self._venue, lambda: now, self.clear)
        Sweeper(self._desk, self._ledger, lambda _venue: (placer, self), lambda: now).sweep(self._ledger.live(account))

    def _resolve(
        self, account: str, report: ExecutionReport, ended_by: datetime | None = None
    ) -> list[ExecutionReport]:
        """Return reports of what was booked without new bars, still to be published."""
        return self._match_and_look(account, [], report, ended_by)[0]

    def _match_and_look(
        self,
        account: str,
        series: Iterable[Series] | PackedSeries,
        report: ExecutionReport,
        ended_by: datetime | None = None,
    ) -> tuple[list[ExecutionReport], bool]:
        """Return reports of what was booked, and whether a stop rested that protects a position."""
        reports: list[ExecutionReport] = []
        protected = False

        def attempt() -> None:
            nonlocal protected
            result = self._venue.resolve(account, series, ended_by)
            protected = any(entry.order.protects for entry in result.resting)
            if not result.resting:
                return
            # One read has the trading state and what a booking takes, which most matches come to.
            excerpt = self._ledger.excerpt(account, result.resolutions)
            canceled = self._cancels(account, result.resting, excerpt.permissions, report.at)
            if canceled:
                result = self._venue.resolve(account, series, ended_by)
            if not result.resolutions:
                return
            booked = self._ledger.book(account, result.resolutions, report, None if canceled else excerpt)
            reports.extend(booked)
            self._venue.commit(self._agreed(result, booked))

        retry_on_conflict(attempt, TRIES, f"the paper book of {account}", self._backoff)
        return reports, protected

    def _agreed(self, result: MatchResult, booked: Sequence[ExecutionReport]) -> MatchResult:
        """Return the result with orders as in the ledger, which may have booked other fills of them before a crash."""
        filled = {update.order_id: update.filled for report in booked for update in report.updates}
        ended = {update.order_id for report in booked for update in report.updates if update.state in TERMINAL}
        missing = [resolution.resting.order.order_id for resolution in result.resolutions]
        missing = [order_id for order_id in missing if order_id not in filled]
        for order_id, record in (self._ledger.records(missing) if missing else {}).items():
            filled[order_id] = record.filled
            ended |= {order_id} if record.state in TERMINAL else set()
        return booking.agreed(result, filled, ended)

    def _cancels(
        self, account: str, resting: Sequence[RestingOrder], permissions: OrderPermissions, at: datetime
    ) -> bool:
        """Cancel orders that may not rest; return whether any did."""
        live = [entry.order for entry in resting if entry.canceled_at is None]
        barred = {order.client_order_id: reason for order in live if (reason := permissions.bars_resting(order))}
        if barred:
            self._venue.cancel_all(account, list(barred), at, next(iter(barred.values())))
        return bool(barred)

    def _report(self, kind: str, message: OrdersApproved | TradingStateChanged, venue: str) -> ExecutionReport:
        name = ids.derive(kind, message.id, message.account)
        return ExecutionReport(id=name, cause=message.id, at=message.at, account=message.account, venue=venue)

    def _venue_of(self, account: str) -> str:
        return self._desk.accounts[account].venue


def matched(account: str, message: BarsClosed) -> ExecutionReport:
    """Return the report that all of an account's orders are matched with a part of the bars of a poll."""
    return ExecutionReport(
        id=ids.derive("matched", message.id, account),
        cause=message.id,
        at=message.at,
        account=account,
        venue=message.venue,
        matched=True,
        poll_id=message.cause,
        part=message.part,
        parts=message.parts,
    )
