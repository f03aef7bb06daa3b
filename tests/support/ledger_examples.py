"""An empty ledger with topics that are heard, and orders, fills and reports to book in it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import pytest

from fanfold.aws.client.call import Call
from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.ledger_store import DynamoLedger
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.sns import Topics
from fanfold.errors import AT_ONCE
from fanfold.ledger.account_books import AccountBooks
from fanfold.ledger.approvals import Approvals
from fanfold.ledger.bookings import Bookings
from fanfold.matching.book import RestingOrder
from fanfold.matching.fills import Resolution
from fanfold.messages import (
    ExecutionReport,
    Fill,
    Message,
    Order,
    OrdersApproved,
    OrderState,
    TradingState,
    TradingStateChanged,
    decode,
)
from fanfold.risk.poll import PollState
from fanfold.simulation.cloud import MemoryCloud
from support.emulator import Cloud
from support.order_messages import fill_of

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
D = Decimal


def once(cloud: Cloud) -> None:
    """Skip on three of the four: the test says nothing about AWS, or takes long."""
    if cloud.name != "ministack-light":
        pytest.skip("on ministack-light alone")


def create_table(admin: Call, name: str) -> None:
    admin(
        "dynamodb",
        "CreateTable",
        {
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        },
    )


def create_topic(admin: Call, name: str) -> tuple[str, str]:
    """ARN of a FIFO topic, and URL of a queue that hears it raw."""
    topic = admin("sns", "CreateTopic", {"Name": f"{name}.fifo", "Attributes": {"FifoTopic": "true"}})["TopicArn"]
    url = admin("sqs", "CreateQueue", {"QueueName": f"{name}.fifo", "Attributes": {"FifoQueue": "true"}})["QueueUrl"]
    request = {"QueueUrl": url, "AttributeNames": ["QueueArn"]}
    arn = admin("sqs", "GetQueueAttributes", request)["Attributes"]["QueueArn"]
    raw = {"RawMessageDelivery": "true"}
    admin("sns", "Subscribe", {"TopicArn": topic, "Protocol": "sqs", "Endpoint": arn, "Attributes": raw})
    return topic, url


def heard(admin: Call, url: str) -> list[Message]:
    """All that waits in a queue, which is gone then."""
    messages: list[Message] = []
    while page := admin("sqs", "ReceiveMessage", {"QueueUrl": url, "MaxNumberOfMessages": 10}).get("Messages", []):
        for letter in page:
            messages.append(decode(letter["Body"]))
            admin("sqs", "DeleteMessage", {"QueueUrl": url, "ReceiptHandle": letter["ReceiptHandle"]})
    return messages


class Ledger(NamedTuple):
    """Both sides of one ledger, and what was heard of it."""

    table: Table
    store: DynamoLedger
    approvals: Approvals
    bookings: Bookings
    outbox: Outbox
    admin: Call
    queues: dict[str, str]
    topics: Topics

    def books(self) -> AccountBooks:
        return ledger.read(self.table, "main")

    def heard(self, topic: str) -> list[Message]:
        return heard(self.admin, self.queues[topic])

    def outboxes(self) -> list[str]:
        left = [item for service in ("risk", "execution") for item in self.table.query(f"outbox#{service}")]
        return [item["sk"] for item in left if "body" in item]

    def live(self) -> list[str]:
        return [live_order.order_id for live_order in ledger.live(self.table, "main")]


def open_ledger(cloud: Cloud) -> Ledger:
    create_table(cloud.admin, "ledger")
    made = {name: create_topic(cloud.admin, name) for name in ("orders", "executions")}
    table, topics = Table(cloud.call, "ledger"), Topics(cloud.call, {name: arn for name, (arn, _) in made.items()})
    risk, execution = Outbox(table, "risk", topics), Outbox(table, "execution", topics)
    opened = Ledger(
        table,
        DynamoLedger(table, execution),
        Approvals(DynamoLedger(table, risk), AT_ONCE),
        Bookings(DynamoLedger(table, execution), AT_ONCE),
        execution,
        cloud.admin,
        {name: url for name, (_, url) in made.items()},
        topics,
    )
    opened.approvals.open("main", D(10_000), halted(TradingState.ACTIVE))
    return opened


def memory_ledger() -> Ledger:
    """The same on DynamoDB in memory, whose messages nobody hears."""
    cloud = MemoryCloud()
    fifo = {"FifoTopic": "true"}
    arns = {
        name: cloud.call("sns", "CreateTopic", {"Name": f"{name}.fifo", "Attributes": fifo})["TopicArn"]
        for name in ("orders", "executions")
    }
    table, topics = cloud.table("ledger"), Topics(cloud.call, arns)
    outbox = Outbox(table, "execution", topics)
    store = DynamoLedger(table, outbox)
    opened = Ledger(table, store, Approvals(store, AT_ONCE), Bookings(store, AT_ONCE), outbox, cloud.call, {}, topics)
    opened.approvals.open("main", D(10_000), halted(TradingState.ACTIVE))
    return opened


def halted(state: TradingState) -> TradingStateChanged:
    return TradingStateChanged(
        id=f"halt-{state}", cause="operator/ann", at=AT, account="main", state=state, reason="drill", actor="ann"
    )


def order(name: str, side: str = "buy", quantity: str = "2", **changes: Any) -> Order:
    fields: dict[str, Any] = {
        "order_id": name,
        "client_order_id": f"c-{name}",
        "signal_id": f"s-{name}",
        "account": "main",
        "venue": "v",
        "instance": "trend",
        "instrument": f"{name}/USDT",
        "side": side,
        "kind": "market",
        "quantity": quantity,
        "reference_price": "100",
        "reserved": "201.00000001" if side == "buy" else "0",
        "decided_at": AT,
        "expires_at": AT + timedelta(seconds=300),
    }
    return msgspec.convert(fields | changes, Order)


def approved(*orders: Order) -> OrdersApproved:
    name = "+".join(base.order_id for base in orders)
    return OrdersApproved(id=f"approved-{name}", cause="targets", at=AT, account="main", orders=list(orders))


def approve(opened: Ledger, *orders: Order) -> list[Order]:
    book = opened.approvals.book("main", PollState())
    return opened.approvals.approve(book, approved(*orders), 7, book.orders_in_minute + len(orders))


def fill(base: Order, quantity: str, number: int = 1, price: str = "100") -> Fill:
    return fill_of(
        base, trade_id=f"t-{base.order_id}-{number}", price=D(price), quantity=D(quantity), fee=D("0.1"), at=AT
    )


def resolution(base: Order, *fills: Fill, filled: str = "0", state: OrderState = OrderState.FILLED) -> Resolution:
    """The resolution of an order that had filled so much before."""
    total = sum((each.quantity for each in fills), D(filled))
    return Resolution(resting=RestingOrder(order=base, filled=total), state=state, fills=fills)


def report(name: str = "matched", *, matched: bool = True, poll_id: str = "", at: datetime = AT) -> ExecutionReport:
    return ExecutionReport(id=name, cause="bars", at=at, account="main", venue="v", matched=matched, poll_id=poll_id)
