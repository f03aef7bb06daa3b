"""Risk's side of the ledger: the book to decide on, and the transaction that an approval is."""

from collections.abc import Sequence
from decimal import Decimal

from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.aws.dynamodb.polls import rearming
from fanfold.aws.dynamodb.table import Refused, Table
from fanfold.errors import BadInput
from fanfold.ledger import booking
from fanfold.ledger.booking import StoredAccount
from fanfold.messages import Message, Order, OrdersApproved, TradingState, TradingStateChanged
from fanfold.risk.exposure import AccountSnapshot
from fanfold.risk.poll import PollState


class Approvals:
    """The ledger as risk uses it."""

    def __init__(self, table: Table, outbox: Outbox) -> None:
        self._table = table
        self._outbox = outbox

    def book(self, account: str, gathered: PollState) -> AccountSnapshot:
        """The account as of now; one that was never opened has no trading state, and so does not trade."""
        books = ledger.read(self._table, account)
        return booking.book(account, books, gathered)

    def approve(self, before: AccountSnapshot, told: OrdersApproved, minute: int, orders_in_minute: int) -> list[Order]:
        """Create the message's orders, reserve for them and hold the message, all or nothing.

        Gives back the orders that had been created before; then nothing was written. Raises Conflict where the account
        is not as it was read.
        """
        reserved = booking.reserving(before, told.orders)
        account = StoredAccount(
            account=before.account,
            trading_state=before.trading_state,
            cash=before.cash,
            reserved=before.reserved,
            minute=before.minute,
            orders_in_minute=before.orders_in_minute,
            version=before.version,
        )
        writes = [ledger.creating(self._table, order) for order in told.orders]
        writes += [
            ledger.expecting(self._table, before.account, (order.instance, order.instrument), booking.signed(order))
            for order in told.orders
        ]
        writes += [ledger.indexing(self._table, order, told) for order in told.orders]
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

    def open(self, account: str, cash: Decimal, told: TradingStateChanged) -> bool:
        """Open an account; false where it was open."""
        try:
            self._table.insist([ledger.opening(self._table, account, cash), self._outbox.holding(told)])
        except Refused:
            return False
        self._outbox.publish([told])
        return True

    def halt(self, account: str, state: TradingState, told: TradingStateChanged, *, rearm: bool = False) -> None:
        """Set an account's trading state; to ``rearm`` it is to let its day and its peak begin anew."""
        writes = [
            ledger.halting(self._table, account, told),
            self._outbox.holding(told),
            ledger.forgetting_resume(self._table, account),
        ]
        if rearm:
            writes.append(rearming(self._table, account))
        try:
            self._table.insist(writes)
        except Refused as refused:
            if refused.failed:
                raise BadInput(f"account {account!r} was never opened") from refused
            raise
        self._outbox.publish([told])

    def breach(self, account: str, breach: str) -> None:
        """Note which loss limit an account has broken, "" for none any more; entries that rest are cancelled for it."""
        self._table.insist([ledger.breaching(self._table, account, breach)])

    def publish(self, approved: Sequence[OrdersApproved], others: Sequence[Message]) -> None:
        """Publish approvals that the outbox holds, and what else is told of a decision."""
        self._outbox.publish(approved, others)
