"""Settle paper accounts against bars: resolve, book, commit, tell. A crash anywhere leads to the same fills."""

from collections.abc import Sequence
from typing import Protocol

from fanfold import bars, names
from fanfold.bars import Series
from fanfold.desk import Desk
from fanfold.fills import Resolution
from fanfold.messages import Bars, ExecutionReport
from fanfold.refusals import Conflict
from fanfold.venues.paper import Settlement

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
    """The verb of execution for bars."""

    def __init__(self, desk: Desk, ledger: Ledger, venue: Venue) -> None:
        self._desk = desk
        self._ledger = ledger
        self._venue = venue

    def settle(self, message: Bars) -> None:
        series = bars.unpack(message.frames)
        for name, account in self._desk.accounts.items():
            if account.venue == message.venue and account.mode == "paper":
                self._settle(name, message, series)

    def _settle(self, account: str, message: Bars, series: Sequence[Series]) -> None:
        settled = _settled(account, message)
        for _ in range(TRIES):
            settlement = self._venue.resolve(account, series)
            if not settlement.resolutions:
                self._ledger.publish([], [settled])
                return
            told = self._ledger.book(account, settlement.resolutions, settled)
            try:
                self._venue.commit(settlement)
            except Conflict:
                continue
            self._ledger.publish(told, [] if told else [settled])
            return
        raise Conflict(f"the paper book of {account} changed in {TRIES} tries")


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
