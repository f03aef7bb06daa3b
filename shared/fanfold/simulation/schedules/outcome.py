"""The end of a schedule, read from the stores, the queues and the venue."""

from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Any

import msgspec

from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.attribute_values import Item
from fanfold.aws.dynamodb.paper_book import PaperBook
from fanfold.aws.dynamodb.table import Table
from fanfold.desk import Limits
from fanfold.ledger import orders
from fanfold.ledger.account_books import AccountBooks
from fanfold.ledger.orders import OrderRecord
from fanfold.matching.book import RestingOrder
from fanfold.messages import ExecutionReport, Fill, Message, decode
from fanfold.simulation.queues import Waiting
from fanfold.simulation.schedules.venue import RealVenue
from fanfold.simulation.schedules.witness import Witness
from fanfold.simulation.schedules.world import World

# The limits that a deploy changes.
DEPLOYED_LIMITS = ("order_notional_max", "position_notional_max")


class Outcome:
    """The end of an account: the books, the orders, what rests at the venue, every message that was published."""

    def __init__(self, world: World, witness: Witness | None = None) -> None:
        """Read the account of a witness; that of the world's own where none is given."""
        self.witness = witness or world.witness
        account = self.witness.account
        self.world, self.account, self.table = world, account, Table(world.cloud.call, "ledger")
        self.books: AccountBooks = ledger.read(self.table, account)
        records = _records(world, self.table).items()
        self.records = {name: record for name, record in records if record.order.account == account}
        self.resting: list[RestingOrder] = PaperBook(Table(world.cloud.call, "paper_book")).read(account).resting
        self.letters = world.cloud.sqs.queue(world.places.get("heard", world.places["audit"])).messages
        self.heard: list[Message] = [_read(letter.body) for letter in self.letters]
        self.unique = {message.id: message for message in self.heard}

    def messages_of(self, kind: type[Message]) -> list[Any]:
        return [message for message in self.unique.values() if isinstance(message, kind)]

    def stored(self, partition: str) -> Iterator[tuple[str, Item]]:
        """Yield the items of a partition of the ledger as they are stored, by their sort keys, in order of these."""
        return iter(sorted(self.world.cloud.dynamodb.table("ledger").partitions.get(partition, {}).items()))

    @cached_property
    def dead_letters(self) -> list[Waiting]:
        """The messages that were put aside."""
        names = [name for name in self.world.places if name.startswith("dead-")]
        return [
            letter for name in sorted(names) for letter in self.world.cloud.sqs.queue(self.world.places[name]).messages
        ]

    @property
    def venue(self) -> RealVenue:
        """The venue of a live world."""
        venue: RealVenue = self.world.venue  # type: ignore[attr-defined]
        return venue

    @cached_property
    def limits(self) -> Limits:
        """The limits of the account; of those that a deploy changed, the loosest."""
        deployed = [desk.limits[self.account] for desk in self.world.desks]
        loosest = {name: max(getattr(limits, name) for limits in deployed) for name in DEPLOYED_LIMITS}
        return msgspec.structs.replace(deployed[0], **loosest)

    @cached_property
    def reports(self) -> list[ExecutionReport]:
        """Reports of bookings, in the order of the books."""
        bookings = [
            report for report in self.messages_of(ExecutionReport) if report.fills and report.account == self.account
        ]
        return sorted(bookings, key=lambda report: report.version)

    @cached_property
    def fills(self) -> list[Fill]:
        return [fill for report in self.reports for fill in report.fills]

    @cached_property
    def live(self) -> list[OrderRecord]:
        return [record for record in self.records.values() if record.state in orders.LIVE]


# Half of what is heard comes from before the schedules of a variant part.
@lru_cache(maxsize=1_024)
def _read(body: str) -> Message:
    return decode(body)


def _records(world: World, table: Table) -> dict[str, OrderRecord]:
    prefix = ledger.order_key("")[0]
    names = [
        name.removeprefix(prefix) for name in world.cloud.dynamodb.table("ledger").partitions if name.startswith(prefix)
    ]
    return ledger.records(table, names)
