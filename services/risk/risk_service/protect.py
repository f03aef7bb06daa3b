"""Keep the stops that rest at a real venue as the protections of positions want them."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Protocol

from fanfold import ids
from fanfold.errors import Backoff, retry_on_conflict
from fanfold.messages import Order, OrdersApproved
from fanfold.risk.exposure import AccountSnapshot, PositionKey, RestingStop
from fanfold.risk.policy import AccountPolicy
from fanfold.risk.poll import PollState
from fanfold.risk.protection import Guarded
from fanfold.risk.resting_stops import StopPlan, plan_stops, refused_pairs
from risk_service.approve import ApprovalLedger

TRIES = 20


class StopLedger(ApprovalLedger, Protocol):
    """Risk's side of the ledger; see fanfold.ledger.approvals."""

    def note_stops(self, before: AccountSnapshot, noted: Mapping[PositionKey, RestingStop | None]) -> None: ...


class StopKeeper:
    """Approves and withdraws resting stops, after each decision on an account."""

    def __init__(self, ledger: StopLedger, clock: Callable[[], datetime], backoff: Backoff) -> None:
        self._ledger = ledger
        self._clock = clock
        self._backoff = backoff

    def keep(
        self, guarded: Guarded, book: AccountSnapshot, terms: AccountPolicy, gathered: PollState, at: datetime
    ) -> None:
        """Bring an account's resting stops to its protections; ``book`` is that of the decision, as it left it."""
        if self._plan(guarded, book, terms, at) is not None:

            def read() -> AccountSnapshot:
                return self._ledger.book(book.account, gathered)

            text = f"the stops of {book.account}"
            retry_on_conflict(lambda: self._keep(guarded, read, terms, at), TRIES, text, self._backoff)

    def _plan(
        self,
        guarded: Guarded,
        book: AccountSnapshot,
        terms: AccountPolicy,
        at: datetime,
        alone: Collection[PositionKey] = (),
    ) -> StopPlan | None:
        """Return what is to be done, None where it is nothing, as in nearly every decision."""
        if not book.stops and not (terms.rests and guarded.protections):
            return None
        plan = plan_stops(guarded, book, terms, at=at, now=self._clock(), alone=alone)
        return plan if plan.orders or plan.noted else None

    def _keep(self, guarded: Guarded, read: Callable[[], AccountSnapshot], terms: AccountPolicy, at: datetime) -> None:
        book = read()
        plan = self._plan(guarded, book, terms, at)
        if plan is not None and plan.noted:
            # What is forgotten says no more that its venue rejected it.
            alone = refused_pairs(book)
            first = sorted(plan.noted)[: self._ledger.orders_max]
            self._ledger.note_stops(book, {leg: plan.noted[leg] for leg in first})
            book = read()
            plan = self._plan(guarded, book, terms, at, alone)
        if plan is not None:
            self._approve(plan.orders, guarded, book, terms, at)

    def _approve(
        self, orders: list[Order], guarded: Guarded, book: AccountSnapshot, terms: AccountPolicy, at: datetime
    ) -> None:
        """Approve stops, as many as an approval and this minute take; the others wait for the next poll."""
        minute = max(int(self._clock().timestamp()) // 60, book.minute)
        before = book.orders_in_minute if minute == book.minute else 0
        orders = orders[: max(min(self._ledger.orders_max, terms.limits.orders_per_minute_max - before), 0)]
        if not orders:
            return
        causes = {protection.leg: protection.cause for protection in guarded.protections}
        message = OrdersApproved(
            id=ids.derive("approved", *(order.order_id for order in orders)),
            cause=causes[orders[0].instance, orders[0].instrument],
            at=at,
            account=book.account,
            orders=orders,
        )
        known = self._ledger.approve(book, message, minute, before + len(orders))
        if not known:
            self._ledger.publish([message], [])
