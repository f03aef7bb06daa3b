"""The cost of an order of a live account: by hand, and as it is recorded."""

from decimal import Decimal

from fanfold.cli import cost_files
from fanfold.cost.days import Activity, Day
from fanfold.cost.order import BUSY, QUIET, order_cost
from fanfold.cost.templates import BilledFunction, Stacks

EXECUTE = BilledFunction(
    memory_mb=1_769, traced=False, platform_lines=False, pollers=0, ordered=True, window_s=0, runs_a_month=0, metrics=[]
)
STACKS = Stacks(
    functions={"execution/execute": EXECUTE},
    pieces={},
    key_calls=0,
    keyed=[],
    schedules=0,
    transitions=0,
    alarm_metrics=[],
)


def hours(orders: int) -> Day:
    """An hour in which each order is a claim and a booking of two write units each."""
    execute = Activity(
        invocations=60,
        received=0,
        deletes=0,
        bars=0,
        calls={"dynamodb Query": 60, "dynamodb TransactWriteItems": 2 * orders},
        units={"dynamodb-write": Decimal(4 * orders)},
        keys={},
    )
    return Day(
        scenario="hand", minutes=60, orders=orders, venues=[1], metric_hours={"Orders": orders}, stored={}, passing={},
        functions={"execution/execute": execute},
    )  # fmt: skip


def test_an_order_costs_what_the_hours_with_orders_have_more() -> None:
    cost = order_cost(STACKS, hours(30), hours(0))
    assert cost.calls == {"execution": 2}
    # 4 write units. An invocation takes 2.15 ms and 5.2 a query, so 8 whole ones; with a transaction of 18.2 ms 26, and
    # there are two invocations an order. The exchange is waited for 250 ms.
    writes = Decimal(4_000) * Decimal("0.705") / 1_000_000
    compute = Decimal(2 * 18 + 250) * 1_769 / 1_024 * Decimal("0.0000133334")
    assert round(cost.listed_a_thousand - writes - compute, 12) == 0


def test_placing_is_recorded_as_one_read_one_claim_one_booking_and_one_report() -> None:
    busy, quiet = (cost_files.day(name).functions["execution/execute"].calls for name in (BUSY, QUIET))
    orders = cost_files.day(BUSY).orders
    assert orders > 100
    assert cost_files.day(QUIET).orders == 0
    more = {call: count - quiet.get(call, 0) for call, count in busy.items() if count != quiet.get(call, 0)}
    # What ended without a fill reads twice.
    reads = more.pop("dynamodb BatchGetItem") + more.pop("dynamodb Query")
    assert orders <= reads < 1.1 * orders
    assert more == {"dynamodb TransactWriteItems": 2 * orders, "dynamodb DeleteItem": orders, "sns Publish": orders}


def test_a_thousand_orders_stay_below_a_ceiling() -> None:
    cost = order_cost(cost_files.recorded_stacks("full"), cost_files.day(BUSY), cost_files.day(QUIET))
    assert sum(cost.calls.values()) < 16
    assert cost.listed_a_thousand < Decimal("0.06")
