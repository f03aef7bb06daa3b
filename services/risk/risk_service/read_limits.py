"""The limits of accounts for the HTTP API: what is used of each, computed as a decision would at this moment."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol

from fanfold.api.requests import accounts
from fanfold.api.risk_schemas import AccountLimits, LimitList, MarkAge
from fanfold.api.router import serve, with_clock
from fanfold.desk import Desk
from fanfold.risk.context import Context, survey
from fanfold.risk.exposure import AccountSnapshot
from fanfold.risk.limit_use import limits_in_use
from fanfold.risk.policy import DeskPolicy
from fanfold.risk.poll import PollState

NOT_OPENED = "not opened"


class Books(Protocol):
    """The ledger as a decision reads it."""

    def book(self, account: str, gathered: PollState) -> AccountSnapshot: ...


class LimitReader:
    """The limits of a desk, whose policy is prepared once."""

    def __init__(
        self, desk: Desk, plan: DeskPolicy, polls: Callable[[str], PollState], ledger: Books, now: datetime
    ) -> None:
        self._desk = desk
        self._plan = plan
        self._polls = polls
        self._ledger = ledger
        self._now = now

    def answer(self, event: dict[str, Any]) -> dict[str, Any]:
        """Respond to an HTTP API event."""
        response = serve(event, {"limits": lambda _request, query: self._limits(query.account)})
        return with_clock(response, self._now)

    def _limits(self, account: str | None) -> LimitList:
        return LimitList(accounts=[self._of(name) for name in accounts(self._desk, account)])

    def _of(self, account: str) -> AccountLimits:
        book = self._ledger.book(account, self._polls(account))
        context = survey(book, self._plan.terms(account).under(book.rules), {}, self._now)
        opened = book.trading_state is not None
        return AccountLimits(
            account=account,
            currency=self._desk.accounts[account].currency,
            trading_state=book.trading_state.value if book.trading_state else NOT_OPENED,
            breach=context.breach if opened else "",
            equity=None if context.unmarked or not opened else context.equity,
            day=context.book.day,
            day_start_equity=context.book.day_start_equity,
            peak_equity=context.book.peak_equity,
            frozen=book.frozen,
            limits=limits_in_use(context) if opened else [],
            marks=_marks(context),
        )


def _marks(context: Context) -> list[MarkAge]:
    return [
        MarkAge(instrument=name, price=mark.price, closed_at=datetime.fromtimestamp(mark.closes_at_s, UTC))
        for name, mark in sorted(context.book.marks.items())
    ]
