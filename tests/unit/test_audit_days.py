"""The verification of a day alone: it begins where the day before ended, and views follow from the day's records."""

from datetime import datetime, timedelta
from decimal import Decimal

from audit_service.record import record
from fanfold.audit.verify import verdict_of
from fanfold.aws.dynamodb.views import DynamoViews
from fanfold.aws.s3.audit_log import S3Log
from fanfold.errors import AT_ONCE
from fanfold.messages import ExecutionReport, OrderState, OrderUpdate, PositionSnapshot
from fanfold.simulation.cloud import MemoryCloud
from support.audit_examples import AUDIT, START, VIEWS, arrival

HELD = PositionSnapshot(
    instance="trend",
    instrument="ETH/USDT",
    quantity=Decimal("17.235"),
    cost=Decimal("2048.03505"),
    realised=Decimal(0),
    fees=Decimal("2.04803505"),
    version=1,
)


def report(order: str, at: datetime) -> ExecutionReport:
    """Return a report of an order that nothing filled, so that its position is the one of before."""
    update = OrderUpdate(
        order_id=order,
        client_order_id=order,
        instance=HELD.instance,
        instrument=HELD.instrument,
        state=OrderState.OPEN,
        filled=Decimal(0),
    )
    return ExecutionReport(
        id=f"{order} {at}", cause="c", at=at, account="main", venue="v", updates=[update], positions=[HELD]
    )


def test_a_state_that_was_reported_on_a_closed_day_may_be_reported_again() -> None:
    cloud = MemoryCloud()
    cloud.call("s3", "CreateBucket", {"Bucket": AUDIT})
    cloud.table(VIEWS)
    log, views = S3Log(cloud.call, AUDIT), DynamoViews(cloud.call, VIEWS)
    record([arrival(report("o1", START))], log, views, AT_ONCE)
    closed = views.head("main")
    for order in ("o1", "o2"):
        record([arrival(report(order, START + timedelta(days=2)))], log, views, AT_ONCE)
    assert verdict_of(views.tip("main"), log, views, ("2026-02-01", closed)).kind == "sound"
    assert verdict_of(views.tip("main"), log, views).kind == "sound"
