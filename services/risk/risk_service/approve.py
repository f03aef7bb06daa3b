"""Approve a decision's orders: create, reserve and hold the message in one transaction a chunk."""

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from msgspec import UNSET

from fanfold import ids
from fanfold.codes import Code
from fanfold.messages import Message, Order, OrdersApproved, Refusal
from fanfold.money import ZERO, exact
from fanfold.risk import bundles
from fanfold.risk.decision import Decision
from fanfold.risk.exposure import FLAT, AccountSnapshot, PositionKey
from fanfold.risk.poll import PollState
from fanfold.risk.protection import Guarded
from fanfold.risk.standing import Standing


class ApprovalLedger(Protocol):
    """Risk's side of the ledger; see fanfold.ledger.approvals."""

    @property
    def orders_max(self) -> int:
        """Return how many orders one approval takes."""

    def book(self, account: str, gathered: PollState) -> AccountSnapshot: ...

    def approve(
        self, before: AccountSnapshot, message: OrdersApproved, minute: int, orders_in_minute: int
    ) -> list[Order]: ...

    def retractable(self, account: str, legs: Collection[PositionKey]) -> list[Order]: ...

    def breach(self, account: str, breach: str) -> None: ...

    def publish(self, approved: Sequence[OrdersApproved], others: Sequence[Message]) -> None: ...


class Approver:
    """Approves the decision on an account, as of a market event ``at``, a chunk at a time.

    ``ordered`` are the legs that got an order on the way.
    """

    def __init__(self, ledger: ApprovalLedger, at: datetime) -> None:
        self.ordered: set[PositionKey] = set()
        self._ledger = ledger
        self._at = at
        self._created: set[str] = set()

    def approve(self, book: AccountSnapshot, decision: Decision, wanted: Standing) -> bool:
        """Approve the first orders, reductions before others; return whether nothing is left to approve.

        If something is left, decide again, because the books have changed. Raises Conflict where they had changed
        already.
        """
        # An order that is there already was made by an earlier delivery, whatever became of it.
        orders = _without(decision.approved, self._created)
        chunk = _chunk(orders, decision.bundles, wanted, self._ledger.orders_max)
        self._approve(book, decision, chunk, wanted)
        return len(chunk) == len(orders)

    def _approve(self, book: AccountSnapshot, decision: Decision, orders: list[Order], wanted: Standing) -> None:
        if not orders:
            return
        message = OrdersApproved(
            id=ids.derive("approved", *(order.order_id for order in orders)),
            cause=_cause(orders[0], wanted),
            at=self._at,
            account=book.account,
            orders=orders,
        )
        others = len(decision.approved) - len(orders)
        known = self._ledger.approve(book, message, decision.book.minute, decision.book.orders_in_minute - others)
        if known:
            self._count(known, wanted, made=False)
            self._approve(book, decision, _without(orders, self._created), wanted)
            return
        self._count(orders, wanted, made=True)
        self._ledger.publish([message], [])

    def _count(self, orders: Sequence[Order], wanted: Standing, *, made: bool) -> None:
        """Remember orders that are in the ledger.

        An order that existed before the first decision on its target was made from an earlier delivery of it, which is
        not tried again.
        """
        self._created |= {order.order_id for order in orders}
        self.ordered |= {order.leg for order in orders if made or wanted[order.leg].attempt}


def withdrawal(ledger: ApprovalLedger, decision: Decision, guarded: Guarded, at: datetime) -> list[OrdersApproved]:
    """Return the message that takes back slices that nobody has claimed yet, and entries that rest; else none.

    Those that stand in the way of an order on the other side, which is tried again at the next poll, entries only where
    nothing of them is wanted any more; those that an exit went out past; and those of a leg that its protection closes,
    because its exit goes out at once.
    """
    held, account = decision.book.held, decision.book.account
    opposed = _opposed(decision.refused)
    leaving = {leg for leg in guarded.stopped_out if held.get(leg, FLAT).live}
    leaving |= {leg for leg, exposure in held.items() if exposure.both_sides}
    legs = opposed.keys() | leaving
    retractable = ledger.retractable(account, legs) if legs else []
    # An entry that is wanted in part stays: to send it anew at each change of a price would chase the market.
    unwanted = leaving | {leg for leg, quantity in opposed.items() if quantity >= abs(held.get(leg, FLAT).open)}
    retracted = [order for order in retractable if order.leg in unwanted or order.due_at is not UNSET]
    if not retracted:
        return []
    order_ids = sorted(order.order_id for order in retracted)
    causes = (entry.cause for leg, entry in sorted(guarded.wanted.items()) if leg in legs)
    # A leg that its resting stop has closed is not among the targets any more.
    cause = next(causes, decision.book.trading_state_cause)
    message_id = ids.derive("withdrawn", cause, *order_ids)
    return [OrdersApproved(id=message_id, cause=cause, at=at, account=account, orders=[], withdrawn=order_ids)]


@exact
def _opposed(refused: Sequence[Refusal]) -> dict[PositionKey, Decimal]:
    """Return the quantity that OPPOSING_ORDER refused, by leg."""
    opposed: dict[PositionKey, Decimal] = {}
    for refusal in refused:
        if refusal.code == Code.OPPOSING_ORDER:
            opposed[refusal.order.leg] = opposed.get(refusal.order.leg, ZERO) + refusal.order.quantity
    return opposed


def _without(orders: Sequence[Order], created: Collection[str]) -> list[Order]:
    """Return orders but for those of legs that have one that was created: of its slices, all were or none."""
    legs = {order.leg for order in orders if order.order_id in created}
    return [order for order in orders if order.leg not in legs]


def _chunk(orders: Sequence[Order], of_bundles: bundles.Bundles, wanted: Standing, orders_max: int) -> list[Order]:
    """Return the first orders of one cause, as many as an approval takes; no bundle is cut."""
    if len(orders) <= orders_max and len({_cause(order, wanted) for order in orders}) < 2:
        return list(orders)  # They come in the order of their units.
    chunk: list[Order] = []
    for unit in bundles.units(orders, of_bundles):
        if chunk and (len(chunk) + len(unit) > orders_max or _cause(unit[0], wanted) != _cause(chunk[0], wanted)):
            break
        chunk += unit
    return chunk


def _cause(order: Order, wanted: Standing) -> str:
    return wanted[order.leg].cause
