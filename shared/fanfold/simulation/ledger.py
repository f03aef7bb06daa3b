"""The ledger that risk and execution share, on DynamoDB in memory: the adapters of the cloud, and a look at it all."""

import sys
from collections.abc import Iterator, MutableMapping, Sequence
from decimal import Decimal
from typing import Protocol

from fanfold.aws.dynamodb import ledger, lots
from fanfold.aws.dynamodb.approvals import Approvals
from fanfold.aws.dynamodb.bookings import Bookings
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.sns import Topics
from fanfold.ledger.booking import AccountBooks, StoredAccount, StoredPosition
from fanfold.ledger.orders import OrderRecord
from fanfold.messages import TOPICS, Message, Order, OrdersApproved, TradingState, TradingStateChanged, decode
from fanfold.risk.exposure import AccountSnapshot, PositionKey
from fanfold.risk.poll import PollState
from fanfold.simulation.cloud import MemoryCloud
from fanfold.simulation.requests import Document
from fanfold.simulation.topics import MemoryTopic, MemoryTopics

_SERVICE = "memory"


class LedgerBus(Protocol):
    """Where the outbox is emptied to."""

    def publish(self, messages: Sequence[Message]) -> None: ...


class HeardTopics(MemoryTopics):
    """SNS in memory whose topics a bus hears, each message as often as it is published."""

    def __init__(self, bus: LedgerBus, cloud: MemoryCloud) -> None:
        super().__init__(cloud.sqs, lambda: 0.0)
        self._bus = bus

    def adapter(self) -> Topics:
        """Every topic there is; nothing is subscribed to them."""
        fifo = {"FifoTopic": "true"}
        made = {name: self.create_topic({"Name": f"{name}.fifo", "Attributes": fifo}) for name in TOPICS}
        return Topics(
            lambda _service, operation, asked: self.call(operation, asked),
            {name: topic["TopicArn"] for name, topic in made.items()},
        )

    def deliver(self, topic: MemoryTopic, entry: Document) -> None:
        self._bus.publish([decode(entry["Message"])])


class MemoryLedger(Bookings):
    """Both sides of the ledger with one outbox: execution's methods, and risk's under their names."""

    def __init__(self, bus: LedgerBus) -> None:
        self.cloud = MemoryCloud()
        self.table = self.cloud.table("ledger")
        self.held = Outbox(self.table, _SERVICE, HeardTopics(bus, self.cloud).adapter())
        super().__init__(self.table, self.held)
        self._approvals = Approvals(self.table, self.held)
        self.positions = MemoryPositions(self.table)

    def open(self, account: str, cash: Decimal, told: TradingStateChanged) -> bool:
        return self._approvals.open(account, cash, told)

    def halt(self, account: str, state: TradingState, told: TradingStateChanged, *, rearm: bool = False) -> None:
        self._approvals.halt(account, state, told, rearm=rearm)

    def book_of(self, account: str, gathered: PollState) -> AccountSnapshot:
        return self._approvals.book(account, gathered)

    def approve(self, before: AccountSnapshot, told: OrdersApproved, minute: int, orders_in_minute: int) -> list[Order]:
        return self._approvals.approve(before, told, minute, orders_in_minute)

    def sweep(self) -> int:
        return self.held.sweep()

    @property
    def accounts(self) -> dict[str, StoredAccount]:
        """Every account that was opened."""
        books = {name: ledger.read(self.table, name) for name in self._named(ledger.account_key("")[0])}
        return {name: found.account for name, found in books.items() if found.account is not None}

    @property
    def orders(self) -> dict[str, OrderRecord]:
        """Every order that was ever made, in the order that they were made."""
        return ledger.records(self.table, self._named(ledger.order_key("")[0]))

    @property
    def outbox(self) -> dict[str, Message]:
        """What was never published."""
        left = [decode(item["body"]) for item in self.table.query(f"outbox#{_SERVICE}")]
        return {message.id: message for message in left}

    def _named(self, prefix: str) -> list[str]:
        partitions = self.cloud.dynamodb.table(self.table.name).partitions
        return [name.removeprefix(prefix) for name, items in partitions.items() if items and name.startswith(prefix)]


class MemoryPositions(MutableMapping[str, dict[PositionKey, StoredPosition]]):
    """The positions of each account by leg; an account's can be set, as nothing else in a ledger can."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def __getitem__(self, account: str) -> dict[PositionKey, StoredPosition]:
        return ledger.read(self._table, account).positions

    def __setitem__(self, account: str, positions: dict[PositionKey, StoredPosition]) -> None:
        del self[account]
        after = {leg: (item.position, item.open) for leg, item in positions.items()}
        none = AccountBooks(account=None, positions={})
        for write in lots.positioning(self._table, account, none, after, sys.maxsize):
            self._table.write([write])

    def __delitem__(self, account: str) -> None:
        for leg in self[account]:
            self._table.write([self._table.deleting(ledger.position_key(account, leg))])

    def __iter__(self) -> Iterator[str]:
        raise NotImplementedError("ask for an account's positions by its name")

    def __len__(self) -> int:
        raise NotImplementedError("ask for an account's positions by its name")


class MemoryApprovals(Approvals):
    """Risk's side of a ledger in memory."""

    def __init__(self, ledger: MemoryLedger) -> None:
        super().__init__(ledger.table, ledger.held)
