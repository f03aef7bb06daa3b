"""Both sides of a ledger in memory, which publish on one bus."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from fanfold.aws.dynamodb.polls import rearming
from fanfold.errors import AT_ONCE
from fanfold.ledger.account_books import StoredAccount, StoredPosition
from fanfold.ledger.approvals import Approvals
from fanfold.ledger.bookings import Bookings
from fanfold.ledger.orders import OrderRecord
from fanfold.ledger.real_changes import stops_of
from fanfold.messages import Message, Order, OrdersApproved, TradingStateChanged
from fanfold.risk.exposure import AccountSnapshot, PositionKey
from fanfold.risk.poll import PollState
from fanfold.simulation.cloud import MemoryCloud
from fanfold.simulation.ledger_store import MemoryLedgerStore


class LedgerBus(Protocol):
    """The bus on which messages are published."""

    def publish(self, messages: Sequence[Message]) -> None: ...


class MemoryLedger(Bookings):
    """Execution's methods, and risk's under their names. Polls of its accounts are in ``polls_table``."""

    def __init__(self, bus: LedgerBus) -> None:
        self.polls_table = MemoryCloud().table("ledger")
        self.store = MemoryLedgerStore(bus.publish, self._rearm)
        super().__init__(self.store, AT_ONCE, beside=stops_of)
        self._approvals = Approvals(self.store, AT_ONCE)

    def open(self, account: str, cash: Decimal, message: TradingStateChanged) -> bool:
        return self._approvals.open(account, cash, message)

    def halt(self, message: TradingStateChanged, *, rearm: bool = False) -> None:
        """Set a trading state, as an operator who has just looked."""
        known = self._approvals.permissions(message.account).change
        self._approvals.halt(message, rearm=rearm, replaces=known)

    def book_of(self, account: str, gathered: PollState) -> AccountSnapshot:
        return self._approvals.book(account, gathered)

    def approve(
        self, before: AccountSnapshot, message: OrdersApproved, minute: int, orders_in_minute: int
    ) -> list[Order]:
        return self._approvals.approve(before, message, minute, orders_in_minute)

    def sweep(self) -> int:
        """Publish what a crash has left, oldest first; return how many messages there were."""
        left = sorted(self.store.held.values(), key=lambda message: (message.at, message.id))
        self.store.publish(left)
        return len(left)

    @property
    def accounts(self) -> dict[str, StoredAccount]:
        """Every account that was opened."""
        return self.store.accounts

    @property
    def positions(self) -> dict[str, dict[PositionKey, StoredPosition]]:
        """The positions of each account."""
        return self.store.positions

    @property
    def orders(self) -> dict[str, OrderRecord]:
        """Every order that was ever created, in that order."""
        return self.store.records

    @property
    def outbox(self) -> dict[str, Message]:
        """Return the messages that were never published, by id."""
        return self.store.held

    def _rearm(self, account: str) -> None:
        self.polls_table.write([rearming(self.polls_table, account)])


class MemoryApprovals(Approvals):
    """Risk's side of a ledger in memory."""

    def __init__(self, ledger: MemoryLedger) -> None:
        super().__init__(ledger.store, AT_ONCE)
