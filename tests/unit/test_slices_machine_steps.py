"""The start of the slices' state machine, and the results of its steps."""

import json
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from execution_service import slices
from fanfold.aws.client.call import AwsFault
from fanfold.aws.step_functions import start_once
from fanfold.errors import BadInput
from fanfold.messages import OrdersApproved
from support.execution_world import AT, order

SLICES = [order("first"), *(order(f"later-{number}", due_at=AT + timedelta(minutes=number)) for number in (1, 9))]
MESSAGE = OrdersApproved(id="approval", cause="t", at=AT, account="main", orders=SLICES)


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
    slices.start(partial(start_once, machine.call, "arn"), MESSAGE)
    (request,) = machine.started
    assert (request["stateMachineArn"], request["name"]) == ("arn", "approval")
    assert json.loads(request["input"]) == {"account": "main", "slices": ["later-1", "later-9"]}


def test_an_approval_without_slices_starts_nothing() -> None:
    machine = Machine()
    slices.start(
        partial(start_once, machine.call, "arn"),
        OrdersApproved(id="a", cause="t", at=AT, account="main", orders=SLICES[:1]),
    )
    assert machine.started == []


def test_a_second_start_is_the_first_and_any_other_fault_is_raised() -> None:
    slices.start(partial(start_once, Machine("ExecutionAlreadyExists").call, "arn"), MESSAGE)
    with pytest.raises(AwsFault, match="ThrottlingException"):
        slices.start(partial(start_once, Machine("ThrottlingException").call, "arn"), MESSAGE)


@pytest.mark.parametrize(
    ("seconds", "wait_s"), [(0, 61), (59.5, 1), (30.5, 30), (60, 1), (70, 1), (-600, slices.WAIT_S_MAX)]
)
def test_a_step_says_how_long_the_next_slice_waits_within_bounds(seconds: float, wait_s: int) -> None:
    said = slices.answer("main", SLICES[1:], AT + timedelta(seconds=seconds))
    assert said == {"account": "main", "slices": ["later-1", "later-9"], "done": False, "wait_s": wait_s}


def test_a_step_after_which_nothing_waits_is_the_last() -> None:
    assert slices.answer("main", [], AT)["done"] is True


@pytest.mark.parametrize("event", [{"slices": ["a"]}, {"account": "main", "slices": "a"}, {"account": 1, "slices": []}])
def test_an_event_that_is_no_step_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="the slices to send"):
        slices.waiting_slices(event)
