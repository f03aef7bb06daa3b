"""The ledger that risk and execution share, in memory: every change is all or nothing, as a transaction is."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

import msgspec

from fanfold import booking, orders
from fanfold.booking import AccountItem, Books, Changes, PositionItem, Step
from fanfold.fills import Resolution
from fanfold.messages import ExecutionReport, Halt, HaltChanged, Message, Order, OrdersApproved
from fanfold.money import ZERO, exact
from fanfold.orders import OrderRecord
from fanfold.refusals import BadInput, Conflict
from fanfold.risk.exposure import Book, Leg
from fanfold.risk.gathering import Gathered


class Bus(Protocol):
    """Where the outbox is emptied to."""

    def publish(self, messages: Sequence[Message]) -> None: ...


class MemoryLedger:
    """Both sides of the ledger; see fanfold.aws.approvals and fanfold.aws.bookings."""

    def __init__(self, bus: Bus) -> None:
        self.accounts: dict[str, AccountItem] = {}
        self.positions: dict[str, dict[Leg, PositionItem]] = {}
        self.orders: dict[str, OrderRecord] = {}
        self.outbox: dict[str, Message] = {}
        self._bus = bus

    def open(self, account: str, cash: Decimal, told: HaltChanged) -> bool:
        if account in self.accounts:
            return False
        self.accounts[account] = AccountItem(
            account=account, halt=Halt.ACTIVE, cash=cash, reserved=ZERO, minute=0, orders_in_minute=0, version=1
        )
        self._tell(told)
        return True

    def halt(self, account: str, state: Halt, told: HaltChanged, *, rearm: bool = False) -> None:
        if account not in self.accounts:
            raise BadInput(f"account {account!r} was never opened")
        self._move_account(account, halt=state, halt_cause=told.id)
        self._tell(told)

    def books(self, account: str) -> Books:
        return Books(account=self.accounts.get(account), positions=dict(self.positions.get(account, {})))

    def book_of(self, account: str, gathered: Gathered) -> Book:
        return booking.book(account, self.books(account), gathered)

    def approve(self, before: Book, told: OrdersApproved, minute: int, orders_in_minute: int) -> list[Order]:
        known = [order for order in told.orders if order.order_id in self.orders]
        if known:
            return known
        found = self.accounts.get(before.account)
        if found is None or (found.version, found.halt) != (before.version, before.halt):
            raise Conflict(f"account {before.account} moved on")
        self._move_account(
            before.account, reserved=booking.reserving(before, told.orders), minute=minute,
            orders_in_minute=orders_in_minute,
        )
        for order in told.orders:
            self.orders[order.order_id] = OrderRecord(order=order)
            self._expect(before.account, (order.instance, order.instrument), booking.signed(order))
        self.outbox[told.id] = told
        return []

    def records(self, order_ids: Sequence[str]) -> dict[str, OrderRecord]:
        return {order_id: self.orders[order_id] for order_id in order_ids if order_id in self.orders}

    def claim(self, account: str, claims: Sequence[Step]) -> bool:
        if self.accounts[account].halt not in booking.permitted(claims) or not self._stands(claims):
            return False
        self._step(claims)
        return True

    def move(self, steps: Sequence[Step], told: ExecutionReport) -> None:
        if not self._stands(steps):
            raise Conflict("an order moved on")
        ended = [(before, after) for before, after in steps if after.state in orders.TERMINAL]
        if ended:
            self._move_account(told.account, reserved=booking.reserved(self.accounts[told.account], ended))
        for leg, quantity in booking.pending_of(ended).items():
            self._expect(told.account, leg, quantity)
        self._step(steps)
        self._tell(told)

    def book(self, account: str, resolutions: Sequence[Resolution], told: ExecutionReport) -> list[ExecutionReport]:
        held = []
        chunks = list(booking.chunks(resolutions))
        for chunk in chunks:
            last = chunk is chunks[-1]
            records = self.records([one.resting.order.order_id for one in chunk])
            changes = booking.changes(chunk, records, self.books(account))
            if changes.steps:
                part = told if last else msgspec.structs.replace(told, settled=False)
                held.append(booking.report(part, changes, self.accounts[account]))
                self._book(account, changes, held[-1])
        return held

    def publish(self, held: Sequence[Message], others: Sequence[Message]) -> None:
        self._bus.publish([*held, *others])
        for message in held:
            self.outbox.pop(message.id, None)

    def sweep(self) -> None:
        self.publish(list(self.outbox.values()), [])

    def _book(self, account: str, changes: Changes, report: ExecutionReport) -> None:
        self._step(changes.steps)
        for leg, after in changes.positions.items():
            pending = _sum(booking.pending(self.books(account), leg), changes.unfilled[leg])
            self.positions.setdefault(account, {})[leg] = PositionItem(position=after, open=pending)
        self._move_account(account, cash=changes.cash, reserved=changes.reserved)
        self.outbox[report.id] = report

    def _stands(self, steps: Sequence[Step]) -> bool:
        return all(self.orders.get(before.order.order_id) == before for before, _ in steps)

    def _step(self, steps: Sequence[Step]) -> None:
        self.orders |= {after.order.order_id: after for _, after in steps}

    def _expect(self, account: str, leg: Leg, quantity: Decimal) -> None:
        found = self.books(account)
        item = PositionItem(
            position=booking.position(found, leg), open=_sum(booking.pending(found, leg), quantity)
        )
        self.positions.setdefault(account, {})[leg] = item

    def _move_account(self, account: str, **changes: object) -> None:
        found = self.accounts[account]
        self.accounts[account] = msgspec.structs.replace(found, version=found.version + 1, **changes)

    def _tell(self, message: Message) -> None:
        self.outbox[message.id] = message
        self.publish([message], [])


@exact
def _sum(first: Decimal, second: Decimal) -> Decimal:
    return first + second


class MemoryApprovals:
    """Risk's side of a ledger in memory."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self._ledger = ledger
        self.approve = ledger.approve
        self.publish = ledger.publish

    def book(self, account: str, gathered: Gathered) -> Book:
        return self._ledger.book_of(account, gathered)
