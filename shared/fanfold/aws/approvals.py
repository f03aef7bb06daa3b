"""Risk's side of the ledger: the book to decide on, and the transaction that an approval is."""

from collections.abc import Sequence
from decimal import Decimal

from fanfold.aws import ledger
from fanfold.aws.ledger import PositionItem
from fanfold.aws.outbox import Outbox
from fanfold.aws.tables import Refused, Table
from fanfold.messages import Halt, HaltChanged, Order, OrdersApproved, OrdersRefused
from fanfold.refusals import BadInput, Conflict
from fanfold.risk.exposure import Book, Held
from fanfold.risk.gathering import Gathered


class Approvals:
    """The ledger as risk uses it."""

    def __init__(self, table: Table, outbox: Outbox) -> None:
        self._table = table
        self._outbox = outbox

    def book(self, account: str, gathered: Gathered) -> Book:
        """The account as of now; one that was never opened has no halt state, and so does not trade."""
        books = ledger.read(self._table, account)
        found = books.account
        if found is None:
            return Book(account=account, halt=None, cash=Decimal(0), marks=gathered.marks)
        return Book(
            account=account,
            halt=found.halt,
            cash=found.cash,
            reserved=found.reserved,
            peak_equity=gathered.peak_equity,
            day=gathered.day,
            day_start_equity=gathered.day_start_equity,
            minute=found.minute,
            orders_in_minute=found.orders_in_minute,
            held={leg: _held(item) for leg, item in books.positions.items()},
            marks=gathered.marks,
            version=found.version,
        )

    def approve(self, before: Book, told: OrdersApproved, minute: int, orders_in_minute: int) -> list[Order]:
        """Create the message's orders, reserve for them and hold the message, all or nothing.

        Gives back the orders that had been created before; then nothing was written. Raises Conflict where the account
        is not as it was read.
        """
        reserved = before.reserved + sum((order.reserved for order in told.orders), Decimal(0))
        account = ledger.AccountItem(
            account=before.account, halt=before.halt, cash=before.cash, reserved=before.reserved,
            minute=before.minute, orders_in_minute=before.orders_in_minute, version=before.version,
        )
        writes = [ledger.creating(self._table, order) for order in told.orders]
        writes += [
            ledger.expecting(self._table, before.account, (order.instance, order.instrument), _signed(order))
            for order in told.orders
        ]
        writes.append(ledger.reserving(self._table, account, reserved, minute, orders_in_minute))
        writes.append(self._outbox.holding(told))
        try:
            self._table.write(writes)
        except Refused as refused:
            known = [told.orders[at] for at in refused.failed if at < len(told.orders)]
            if not known:
                raise
            return known
        return []

    def open(self, account: str, cash: Decimal, told: HaltChanged) -> bool:
        """Open an account; false where it was open."""
        try:
            self._table.write([ledger.opening(self._table, account, cash), self._outbox.holding(told)])
        except Conflict:
            return False
        self._outbox.publish([told])
        return True

    def halt(self, account: str, state: Halt, told: HaltChanged) -> None:
        """Set an account's halt state."""
        try:
            self._table.write([ledger.halting(self._table, account, state), self._outbox.holding(told)])
        except Refused as refused:
            if refused.failed:
                raise BadInput(f"account {account!r} was never opened") from refused
            raise
        self._outbox.publish([told])

    def publish(self, approved: Sequence[OrdersApproved], others: Sequence[OrdersRefused]) -> None:
        """Publish approvals that the outbox holds, and refusals."""
        self._outbox.publish(approved, others)


def _held(item: PositionItem) -> Held:
    position = item.position
    return Held(
        quantity=position.quantity, open=item.open, cost=position.cost, realised=position.realised, fees=position.fees
    )


def _signed(order: Order) -> Decimal:
    return order.quantity if order.side == "buy" else -order.quantity
