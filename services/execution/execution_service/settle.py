"""Settle paper accounts against bars or quotes: resolve, book, commit, tell. A crash anywhere books each fill once."""

from collections.abc import Sequence
from typing import Protocol

from fanfold import bars, names
from fanfold.bars import Series
from fanfold.desk import Desk
from fanfold.fills import Resolution, Settlement
from fanfold.messages import Bars, ExecutionReport, OrdersApproved
from fanfold.refusals import Conflict

TRIES = 5


class Ledger(Protocol):
    """Execution's side of the ledger; see fanfold.aws.bookings."""

    def book(self, account: str, resolutions: Sequence[Resolution], told: ExecutionReport) -> list[ExecutionReport]: ...

    def publish(self, held: Sequence[ExecutionReport], others: Sequence[ExecutionReport]) -> None: ...


class Venue(Protocol):
    """A venue that fills by bars; see fanfold.venues.paper."""

    def resolve(self, account: str, series: Sequence[Series]) -> Settlement: ...

    def commit(self, settlement: Settlement) -> None: ...


class Settler:
    """The verb of execution for bars, and for orders that a venue fills by its quotes as soon as they are placed."""

    def __init__(self, desk: Desk, ledger: Ledger, venue: Venue) -> None:
        self._desk = desk
        self._ledger = ledger
        self._venue = venue

    def settle(self, message: Bars) -> None:
        series = bars.unpack(message.frames)
        for name, account in self._desk.accounts.items():
            if account.venue == message.venue and account.mode == "paper":
                self._settle(name, message, series)

    def take(self, message: OrdersApproved) -> None:
        """Fill what the account has at market by the quotes of the moment; no bars are settled by that."""
        self._ledger.publish(self._resolve(message.account, [], self._taken(message)), [])

    def _settle(self, account: str, message: Bars, series: Sequence[Series]) -> None:
        settled = _settled(account, message)
        told = self._resolve(account, series, settled)
        # The last report of what was booked says that all is settled, too.
        self._ledger.publish(told, [] if told and told[-1].settled else [settled])

    def _resolve(self, account: str, series: Sequence[Series], report: ExecutionReport) -> list[ExecutionReport]:
        """Reports of what was booked, still to be published."""
        told: list[ExecutionReport] = []
        for _ in range(TRIES):
            settlement = self._venue.resolve(account, series)
            if not settlement.resolutions:
                return told
            told += self._ledger.book(account, settlement.resolutions, report)
            try:
                self._venue.commit(settlement)
            except Conflict:
                continue
            return told
        raise Conflict(f"the paper book of {account} changed in {TRIES} tries")

    def _taken(self, message: OrdersApproved) -> ExecutionReport:
        return ExecutionReport(
            id=names.name("taken", message.id, message.account),
            cause=message.id,
            at=message.at,
            account=message.account,
            venue=self._desk.accounts[message.account].venue,
        )


def _settled(account: str, message: Bars) -> ExecutionReport:
    return ExecutionReport(
        id=names.name("settled", message.id, account),
        cause=message.id,
        at=message.at,
        account=account,
        venue=message.venue,
        settled=True,
        batch=message.cause,
        part=message.part,
        parts=message.parts,
    )
