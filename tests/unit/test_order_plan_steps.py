"""The start of the state machine of order plans, and the results of its steps."""

import json
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import msgspec
import pytest

from execution_service import order_plans
from fanfold.aws.client.call import AwsFault
from fanfold.aws.step_functions import start_once
from fanfold.errors import BadInput
from fanfold.ledger.orders import OrderRecord
from fanfold.messages import ExecutionReport, OrdersApproved, OrderState, attributes_of
from fanfold.records import TERMINAL
from fanfold.risk.standing import uneven_s_max
from support.execution_world import AT, DESK, order

SLICES = [order("first"), *(order(f"later-{number}", due_at=AT + timedelta(minutes=number)) for number in (1, 9))]
MESSAGE = OrdersApproved(id="approval", cause="t", at=AT, account="main", orders=SLICES)
PLAN = order_plans.OrderPlan(account="main", orders=[])


class Machine:
    """Step Functions, with one answer to every start."""

    def __init__(self, fault: str = "") -> None:
        self.started: list[Mapping[str, Any]] = []
        self._fault = fault

    def call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        assert (service, operation) == ("stepfunctions", "StartExecution")
        self.started.append(parameters)
        if self._fault:
            raise AwsFault(self._fault, "no", 400)
        return {"executionArn": "e"}


def test_the_machine_is_started_under_the_approvals_name_with_the_slices_that_wait() -> None:
    machine = Machine()
    order_plans.start(partial(start_once, machine.call, "arn"), MESSAGE)
    (request,) = machine.started
    assert (request["stateMachineArn"], request["name"]) == ("arn", "approval")
    assert json.loads(request["input"]) == {"account": "main", "orders": ["later-1", "later-9"]}


def test_an_approval_without_slices_starts_nothing() -> None:
    machine = Machine()
    order_plans.start(
        partial(start_once, machine.call, "arn"),
        OrdersApproved(id="a", cause="t", at=AT, account="main", orders=SLICES[:1]),
    )
    assert machine.started == []


def test_a_second_start_is_the_first_and_any_other_fault_is_raised() -> None:
    order_plans.start(partial(start_once, Machine("ExecutionAlreadyExists").call, "arn"), MESSAGE)
    with pytest.raises(AwsFault, match="ThrottlingException"):
        order_plans.start(partial(start_once, Machine("ThrottlingException").call, "arn"), MESSAGE)


def step(records: list[OrderRecord], seconds: float = 0.0) -> order_plans.PlanStep:
    return order_plans.step(PLAN, records, DESK, AT + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("seconds", "wait_s"), [(0, 61), (59.5, 1), (30.5, 30), (60, 1), (70, 1), (-600, order_plans.WAIT_S_MAX)]
)
def test_a_step_says_how_long_the_next_slice_waits_within_bounds(seconds: float, wait_s: int) -> None:
    result = step([OrderRecord(order=order) for order in SLICES[1:]], seconds)
    assert (result.orders, result.done, result.wait_s) == (["later-1", "later-9"], False, wait_s)


def test_a_step_after_which_no_slice_waits_is_the_last() -> None:
    assert step([OrderRecord(order=order, state=OrderState.OPEN) for order in SLICES[1:]]).done


def legs(*states: OrderState) -> list[OrderRecord]:
    """Legs of a bundle in these states."""
    return [
        OrderRecord(order=order(f"leg-{number}", bundle="pair"), state=state, epoch=1)
        for number, state in enumerate(states)
    ]


def reports(records: list[OrderRecord]) -> list[ExecutionReport]:
    return order_plans.uneven(PLAN, records, DESK, AT)


def test_the_legs_of_each_bundle_are_a_plan_under_its_name() -> None:
    machine = Machine()
    both = [record.order for record in legs(OrderState.APPROVED, OrderState.APPROVED)]
    message = OrdersApproved(id="a", cause="t", at=AT, account="main", orders=[*both, order("other")])
    order_plans.start(partial(start_once, machine.call, "arn"), message)
    assert [(request["name"], json.loads(request["input"])["orders"]) for request in machine.started] == [
        ("pair", ["leg-0", "leg-1"])
    ]


def test_a_bundle_whose_legs_have_all_filled_is_done_and_one_with_a_live_leg_is_looked_at_again() -> None:
    whole = legs(OrderState.FILLED, OrderState.FILLED)
    assert (step(whole).done, reports(whole)) == (True, [])
    for state in (OrderState.APPROVED, OrderState.SUBMITTING, OrderState.OPEN, OrderState.PARTIAL):
        live = legs(OrderState.FILLED, state)
        assert (step(live).done, step(live).wait_s, reports(live)) == (False, order_plans.LEGS_WAIT_S, [])


@pytest.mark.parametrize("state", sorted(TERMINAL - {OrderState.FILLED}))
def test_a_leg_that_ended_without_its_fill_has_risk_decide_until_the_bundle_must_be_closed(state: OrderState) -> None:
    records = legs(OrderState.FILLED, state)
    (report,) = reports(records)
    assert (report.uneven, report.account, attributes_of(report)["matched"]) == (True, "main", "true")
    first = step(records)
    assert (first.done, first.orders) == (False, ["leg-0", "leg-1"])
    assert first.uneven_until is not None
    again = order_plans.plan_of(json.loads(msgspec.json.encode(first)))
    assert again.uneven_until == first.uneven_until
    seconds = (first.uneven_until - AT).total_seconds()
    assert seconds > uneven_s_max("1m")
    assert not order_plans.step(again, records, DESK, AT + timedelta(seconds=seconds - 1)).done
    assert order_plans.step(again, records, DESK, AT + timedelta(seconds=seconds)).done


def test_legs_that_live_for_long_are_looked_at_seldom_and_more_often_towards_their_end() -> None:
    live = [OrderRecord(order=order("leg", bundle="pair", expires_at=AT + timedelta(days=1)), state=OrderState.OPEN)]
    waits = [step(live, seconds).wait_s for seconds in (0, 43_200, 80_000, 85_000, 90_000)]
    assert waits == [288, 144, 21, order_plans.LEGS_WAIT_S, order_plans.LEGS_WAIT_S]


@pytest.mark.parametrize("event", [{"orders": ["a"]}, {"account": "main", "orders": "a"}, {"account": 1, "orders": []}])
def test_an_event_that_is_no_step_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="the orders of a plan"):
        order_plans.plan_of(event)
