"""The state machine of order plans on the embedded AWS: slices are sent when they are due, or the sweep has them."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from execution_service import order_plans
from fanfold import ids
from fanfold.aws.dynamodb.ledger_store import DynamoLedger
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.sns import Topics
from fanfold.aws.step_functions import start_once
from fanfold.deployment import STAGE
from fanfold.errors import AT_ONCE
from fanfold.ledger.approvals import Approvals
from fanfold.ledger.orders import OrderRecord
from fanfold.local.driver import invoke
from fanfold.local.launcher import REGION
from fanfold.messages import Order, OrdersApproved, OrderState, TradingState
from fanfold.risk.poll import PollState
from support.trading import Desk, Outcome, planned, replayed, trade

MINUTES = 40
ACCOUNT_ID = "000000000000"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT_ID}:stateMachine:fanfold-{STAGE}-order-plans"
STEP_S = 20


class Sliced:
    """An approval of four slices, a minute apart, of the first account of a desk that has come to rest."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.now = desk, float(desk.plan.until + 60)
        desk.run.set_clock(self.now)
        table = Table(desk.run.call, f"fanfold-{STAGE}-ledger")
        self.store = DynamoLedger(table, Outbox(table, "risk", Topics(desk.run.call, {})))
        self.account = next(iter(desk.plan.desk.accounts))
        self.orders = [self._order(number) for number in range(1, 5)]
        self.message = OrdersApproved(
            id=ids.derive("slices"), cause="t", at=self._at(0), account=self.account, orders=self.orders
        )
        approvals = Approvals(self.store, AT_ONCE)
        before = approvals.book(self.account, PollState())
        assert approvals.approve(before, self.message, int(self.now) // 60, 4) == []

    def _at(self, minutes: int) -> datetime:
        return datetime.fromtimestamp(self.now, UTC) + timedelta(minutes=minutes)

    def _order(self, number: int) -> Order:
        traded = self.desk.plan.desk
        venue = traded.accounts[self.account].venue
        order_id = ids.derive("slice", number)
        return Order(
            order_id=order_id, client_order_id=ids.client_order_id(order_id), signal_id="s", account=self.account,
            venue=venue, instance="slices", instrument=traded.venues[venue].symbols[0], side="buy", kind="limit",
            quantity=Decimal(1), limit_price=Decimal(1), time_in_force="gtc", reference_price=Decimal(1),
            reserved=Decimal(2), decided_at=self._at(0), expires_at=self._at(60), due_at=self._at(number),
        )  # fmt: skip

    def start(self, account: str = "") -> str:
        """Start the machine twice, as a redelivered approval does; its one execution."""
        message = msgspec.structs.replace(self.message, account=account or self.account)
        for _ in range(2):
            order_plans.start(partial(start_once, self.desk.cloud.call(), MACHINE), message)
        return f"{MACHINE.replace('stateMachine', 'execution')}:{message.id}"

    def ended(self, execution: str, *, ticks: bool = True) -> dict[str, Any]:
        """The execution once it has ended; the market's clock goes on meanwhile."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            request = {"executionArn": execution}
            description: dict[str, Any] = self.desk.cloud.call()("stepfunctions", "DescribeExecution", request)
            if description["status"] != "RUNNING":
                return description
            time.sleep(0.2)
            if ticks:
                self.now += STEP_S
                self.desk.run.set_clock(self.now)
        raise AssertionError("the machine did not end")

    def records(self) -> list[OrderRecord]:
        records = self.store.orders([order.order_id for order in self.orders])
        return [records[order.order_id] for order in self.orders]


def sliced(tmp_path: Path, deployed: Path, act: Any) -> Outcome:
    """Trade a desk whose strategies send slices, then act on an approval that its machine has."""
    plan = planned(MINUTES)
    strategies = {
        name: msgspec.structs.replace(instance, slices=3, slices_over_s=180)
        for name, instance in plan.desk.strategies.items()
    }
    plan = plan._replace(desk=msgspec.structs.replace(plan.desk, strategies=strategies))

    def trades(desk: Desk) -> None:
        replayed(desk)
        desk.run.finish()
        act(Sliced(desk))

    return trade(tmp_path / "state", deployed, plan, trades, SFN_WAIT_SCALE="0.01")


def test_each_slice_is_sent_once_when_it_is_due(deployed: Path, tmp_path: Path) -> None:
    result: dict[str, Any] = {}

    def act(approval: Sliced) -> None:
        result["end"] = approval.ended(approval.start())
        result["records"] = approval.records()
        result["again"] = invoke(approval.desk.run.call, "execution", "sweep", {
            "account": approval.account, "orders": [order.order_id for order in approval.orders],
        })  # fmt: skip

    outcome = sliced(tmp_path, deployed, act)
    assert result["end"]["status"] == "SUCCEEDED", result["end"]
    assert [(record.state, record.epoch) for record in result["records"]] == [(OrderState.OPEN, 1)] * 4
    late = [(record.claimed_at - record.order.due_at).total_seconds() for record in result["records"]]
    assert all(0 <= seconds < 60 for seconds in late), late
    assert (result["again"]["done"], result["again"]["orders"]) == (True, [])
    # What the desk's own strategies did was sent in slices, too, by its polls.
    approvals = [message.orders for message in outcome.messages if isinstance(message, OrdersApproved)]
    own = [order for orders in approvals for order in orders if order.due_at is not msgspec.UNSET]
    assert len([order for order in own if outcome.states.get(order.order_id, "").startswith(("FILLED", "EXPIRED"))]) > 3


def test_a_halt_between_slices_ends_those_that_wait(deployed: Path, tmp_path: Path) -> None:
    result: dict[str, Any] = {}

    def act(approval: Sliced) -> None:
        execution = approval.start()
        approval.now += 61
        approval.desk.run.set_clock(approval.now)
        while approval.records()[0].state is OrderState.APPROVED:
            time.sleep(0.1)
        halt = {
            "action": "halt",
            "account": approval.account,
            "state": TradingState.HALTED,
            "actor": "a",
            "reason": "r",
        }
        invoke(approval.desk.run.call, "risk", "control", halt)
        result["end"] = approval.ended(execution)
        result["states"] = [record.state for record in approval.records()]

    sliced(tmp_path, deployed, act)
    assert result["end"]["status"] == "SUCCEEDED", result["end"]
    assert result["states"][1:] == [OrderState.BLOCKED] * 3


def test_a_slice_that_the_machine_cannot_send_is_reported_and_left_to_the_sweep(deployed: Path, tmp_path: Path) -> None:
    result: dict[str, Any] = {}

    def act(approval: Sliced) -> None:
        result["end"] = approval.ended(approval.start(account="nobody"), ticks=False)
        approval.now += 200
        approval.desk.run.set_clock(approval.now)
        invoke(approval.desk.run.call, "execution", "sweep", {})
        result["states"] = [record.state for record in approval.records()]

    sliced(tmp_path, deployed, act)
    assert (result["end"]["status"], result["end"]["error"]) == ("FAILED", "LeftToTheSweep")
    assert result["states"] == [OrderState.STALE, OrderState.OPEN, OrderState.OPEN, OrderState.APPROVED]
