"""Risk's side of the ledger: the snapshot to decide on, approvals, and the trading state of accounts."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

from msgspec import UNSET

from fanfold.errors import Backoff, BadInput, Refused
from fanfold.ledger import account_books, booking
from fanfold.ledger.account_books import StoredAccount
from fanfold.ledger.changes import (
    Change,
    CreateOrder,
    ExpectFill,
    HoldMessage,
    IndexOrder,
    MoveStop,
    OpenAccount,
    Rearm,
    ReserveCash,
    RestStop,
    SetBreach,
)
from fanfold.ledger.controls import set_state, setting
from fanfold.ledger.orders import OrderRecord, rests_to_enter
from fanfold.ledger.real_changes import resting
from fanfold.ledger.store import LedgerStore, insist
from fanfold.ledger.trading_state import OrderPermissions
from fanfold.messages import Message, Order, OrdersApproved, OrderState, TradingStateChanged
from fanfold.risk.exposure import AccountSnapshot, PositionKey, RestingStop
from fanfold.risk.poll import PollState

# An order is created, indexed and expected to fill, or noted as a resting stop.
ORDER_CHANGES = 3
# The account's reservation and the message.
OTHER_CHANGES = 2


class Approvals:
    """The ledger as risk uses it."""

    def __init__(self, store: LedgerStore, backoff: Backoff) -> None:
        self._store = store
        self._backoff = backoff

    @property
    def orders_max(self) -> int:
        """Return how many orders one approval takes."""
        return (self._store.changes_max - OTHER_CHANGES) // ORDER_CHANGES

    def book(self, account: str, gathered: PollState) -> AccountSnapshot:
        """Return the account as of now. One that was never opened has no trading state, and so does not trade."""
        return account_books.snapshot(account, self._store.books(account), gathered)

    def approve(
        self, before: AccountSnapshot, message: OrdersApproved, minute: int, orders_in_minute: int
    ) -> list[Order]:
        """Create the message's orders, reserve for them and hold the message, all or nothing.

        Return the orders that had been created before; then nothing was changed. Raises Conflict where the account
        is not as it was read.
        """
        orders = message.orders
        changes: list[Change] = [CreateOrder(order) for order in orders]
        # A leg once, whatever the number of its slices: a commit changes a record once.
        changes += [ExpectFill(before.account, key, *pending) for key, pending in booking.expected(orders).items()]
        changes += [RestStop(order.account, order.leg, _stop(order)) for order in orders if order.protects]
        changes += [IndexOrder(order.account, order.order_id, message.id, message.at) for order in orders]
        account = _stored(before)
        changes.append(ReserveCash(account, booking.reserving(before, orders), minute, orders_in_minute))
        changes.append(HoldMessage(message))
        try:
            self._store.commit(changes)
        except Refused as refused:
            created = [orders[position] for position in refused.failed if position < len(orders)]
            if not created:
                raise
            return created
        return []

    def retractable(self, account: str, legs: Collection[PositionKey]) -> list[Order]:
        """Return the orders of legs that can be taken back: slices that nobody has claimed, and entries that rest."""
        order_ids = [order.order_id for order in self._store.live(account)]
        records = self._store.orders(order_ids) if order_ids else {}
        return [
            record.order
            for record in records.values()
            if record.order.leg in legs and (_waits(record) or rests_to_enter(record))
        ]

    def note_stops(self, before: AccountSnapshot, noted: Mapping[PositionKey, RestingStop | None]) -> None:
        """Note resting stops as withdrawn, or forget them. Raises Conflict where the account is not as it was read."""
        same = ReserveCash(_stored(before), before.reserved, before.minute, before.orders_in_minute)
        self._store.commit([*(MoveStop(before.account, leg, stop) for leg, stop in noted.items()), same])

    def open(self, account: str, cash: Decimal, message: TradingStateChanged) -> bool:
        """Open an account; return False where it was open."""
        try:
            insist(self._store, [OpenAccount(account, cash), HoldMessage(message)], self._backoff)
        except Refused:
            return False
        self._store.publish([message])
        return True

    def permissions(self, account: str) -> OrderPermissions:
        """Return an account's trading state, and who set it."""
        return self._store.permissions(account)

    def halt(self, message: TradingStateChanged, *, rearm: bool = False, replaces: str = "") -> None:
        """Set an account's trading state, and publish it; ``rearm`` lets its day and its peak begin anew.

        Raises BadInput where a stricter state is in force that the message does not name, nor ``replaces``.
        """
        changes = setting(message, replaces)
        if rearm:
            changes.append(Rearm(message.account))
        left = set_state(self._store, changes, message, self._backoff)
        if left is not None:
            never = f"was never opened, so it cannot become {message.state}; `fanfold run` opens accounts"
            said = never if left.trading_state is None else left.instead_of(message.state)
            raise BadInput(f"account {message.account!r} {said}")
        self._store.publish([message])

    def breach(self, account: str, breach: str) -> None:
        """Note which loss limit an account has broken, "" for none any more; entries that rest are cancelled for it."""
        insist(self._store, [SetBreach(account, breach)], self._backoff)

    def publish(self, approved: Sequence[OrdersApproved], others: Sequence[Message]) -> None:
        """Publish approvals that are held, and what else a decision tells of."""
        self._store.publish(approved, others)


def _waits(record: OrderRecord) -> bool:
    return record.state is OrderState.APPROVED and record.order.due_at is not UNSET


def _stop(order: Order) -> RestingStop:
    return resting(OrderRecord(order=order))


def _stored(before: AccountSnapshot) -> StoredAccount:
    return StoredAccount(
        account=before.account,
        trading_state=before.trading_state,
        cash=before.cash,
        reserved=before.reserved,
        minute=before.minute,
        orders_in_minute=before.orders_in_minute,
        version=before.version,
    )
