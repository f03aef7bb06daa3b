"""An empty log, lake and views table, and a day's messages to record."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from audit_service.record import Arrival
from fanfold import messages
from fanfold.aws.client.call import Call
from fanfold.market import bars
from fanfold.market.bars import Bar, Series
from fanfold.messages import (
    BarsClosed,
    ExecutionReport,
    Message,
    Order,
    OrdersApproved,
    OrderState,
    PositionSnapshot,
    Target,
    Targets,
)
from support.order_messages import fill_of, update_of

AUDIT, LAKE, VIEWS = "fanfold-test-audit", "fanfold-test-lake", "fanfold-test-views"
REGION = {"LocationConstraint": "eu-west-1"}
START = datetime(2026, 1, 31, 23, 55, tzinfo=UTC)


def create_everything(admin: Call, suffix: str = "") -> None:
    """The buckets and the table; with a ``suffix``, those of another desk."""
    audit = {"Bucket": AUDIT + suffix, "CreateBucketConfiguration": REGION, "ObjectLockEnabledForBucket": True}
    admin("s3", "CreateBucket", audit)
    retention = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    lock = {"ObjectLockEnabled": "Enabled", "Rule": retention}
    admin("s3", "PutObjectLockConfiguration", {"Bucket": AUDIT + suffix, "ObjectLockConfiguration": lock})
    admin("s3", "CreateBucket", {"Bucket": LAKE + suffix, "CreateBucketConfiguration": REGION})
    table = {
        "TableName": VIEWS + suffix,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    }
    admin("dynamodb", "CreateTable", table)


def arrival(message: Message) -> Arrival:
    return Arrival(message, msgspec.json.decode(messages.encode(message)), 1_769_903_700_123)


def minute(n: int) -> list[Message]:
    """The messages of a desk in a minute: bars, targets, an order, its fill."""
    at = START + timedelta(minutes=n)
    return [_bars(n, at), _targets(n, at), _approved(n, at), report(n, at)]


def order(n: int, at: datetime) -> Order:
    return Order(
        order_id=f"o{n}",
        client_order_id=f"c{n}",
        signal_id=f"s{n}",
        account="main",
        venue="sim",
        instance="trend",
        instrument="BTC/USDT",
        side="buy",
        kind="market",
        quantity=Decimal("0.10"),
        reference_price=Decimal(100 + n),
        reserved=Decimal("10.5"),
        decided_at=at,
        expires_at=at + timedelta(minutes=5),
    )


def report(n: int, at: datetime) -> ExecutionReport:
    own = order(n, at)
    return ExecutionReport(
        id=f"report-{n}",
        cause=f"approved-{n}",
        at=at,
        account="main",
        venue="sim",
        matched=True,
        updates=[update_of(own, OrderState.OPEN, filled=Decimal(0)), update_of(own, filled=Decimal("0.1"))],
        fills=[
            fill_of(own, trade_id=f"t{n}", price=Decimal("100.10"), quantity=Decimal("0.1"), fee=Decimal("0.01"), at=at)
        ],
        positions=[_holding(n)],
        cash=Decimal(1000 - n),
        version=n + 1,
    )


def _bars(n: int, at: datetime) -> BarsClosed:
    closes_at = int(at.timestamp())
    series = [
        Series(
            instrument=instrument,
            timeframe="1m",
            price_scale=2,
            volume_scale=3,
            after=0,
            bars=[Bar(closes_at, 10_000 + n, 10_100 + n, 9_900, 10_050, 1_500)],
        )
        for instrument in ("BTC/USDT", "ETH/USDT")
    ]
    return BarsClosed(id=f"bars-{n}", cause=f"poll-{n}", at=at, venue="sim", frames=bars.pack(series))


def _targets(n: int, at: datetime) -> Targets:
    target = Target(signal_id=f"s{n}", instance="trend", instrument="BTC/USDT", timeframe="1m", weight=0.1 * n)
    return Targets(id=f"targets-{n}", cause=f"bars-{n}", at=at, account="main", poll_id=f"poll-{n}", targets=[target])


def _approved(n: int, at: datetime) -> OrdersApproved:
    return OrdersApproved(id=f"approved-{n}", cause=f"targets-{n}", at=at, account="main", orders=[order(n, at)])


def _holding(n: int) -> PositionSnapshot:
    return PositionSnapshot(
        instance="trend",
        instrument="BTC/USDT",
        quantity=Decimal("0.1") * (n + 1),
        cost=Decimal(10 * (n + 1)),
        realised=Decimal(0),
        fees=Decimal("0.01"),
        version=n + 1,
    )
