"""State machines are sound before any runs: by asl-validator, and by rules for what it does not see."""

import copy
import json
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from definitions import (
    MACHINES,
    RULES,
    Definition,
    dangling,
    definition,
    endless_waits,
    hasty,
    impatient,
    shadowed,
    substitutions,
    tokenless,
    unfilled,
    unguarded,
    unknown_services,
)

from execution_service.order_plans import OrderPlan, step
from fanfold.ledger.orders import OrderRecord
from fanfold.messages import OrderState
from market_data_service.gaps import STEP
from support.execution_world import AT, DESK, order

EVENTS_MAX = 25_000
TASK_EVENTS = ["TaskScheduled", "TaskStarted", "TaskSucceeded"]
ROOT = Path(__file__).resolve().parents[2]
VALIDATOR = ROOT / "node_modules" / ".bin" / "asl-validator"
RETRY = {
    "ErrorEquals": ["States.ALL"],
    "BackoffRate": 2,
    "JitterStrategy": "FULL",
    "MaxDelaySeconds": 9,
    "MaxAttempts": 2,
}
TASK = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke",
    "Parameters": {"FunctionName": "f"},
    "TimeoutSeconds": 9,
    "Retry": [RETRY],
    "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "End"}],
    "Next": "End",
}
GOOD: Definition = {
    "StartAt": "Do",
    "TimeoutSeconds": 99,
    "States": {"Do": TASK, "End": {"Type": "Succeed"}},
}


def with_task(**changes: Any) -> Definition:
    """The good machine with some fields of its task changed; None takes a field away."""
    broken = copy.deepcopy(GOOD)
    task = {**broken["States"]["Do"], **changes}
    broken["States"]["Do"] = {field: value for field, value in task.items() if value is not None}
    return broken


def in_map(machine: Definition) -> Definition:
    state = {"Type": "Map", "ItemProcessor": machine, "End": True}
    return {"StartAt": "Each", "TimeoutSeconds": 9, "States": {"Each": state}}


@pytest.mark.parametrize("name", MACHINES)
def test_the_validator_finds_nothing(name: str, tmp_path: Path) -> None:
    if not VALIDATOR.exists():
        pytest.skip("node_modules holds no asl-validator: run `make install`")
    file = tmp_path / "definition.json"
    file.write_text(json.dumps(definition(name)))
    done = subprocess.run([VALIDATOR, "--json-path", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", MACHINES)
def test_a_machine_keeps_the_rules(name: str, rule: Callable[[Definition], list[str]]) -> None:
    assert rule(definition(name)) == []


@pytest.mark.parametrize("name", MACHINES)
def test_a_function_ends_before_its_task_is_given_up(name: str) -> None:
    assert hasty(name) == []


def test_no_execution_comes_to_the_25_000_events_at_which_step_functions_ends_it() -> None:
    """A loop has two events a state that it enters, and three a task; a map's iterations count as its machine's own."""
    back_fill, plans = definition("back-fill"), definition("order plans")
    steps = back_fill["TimeoutSeconds"] / STEP.total_seconds() * back_fill["States"]["Instruments"]["MaxConcurrency"]
    assert steps * len(["Fetch", "Fetch", "IsFilled", "IsFilled", *TASK_EVENTS]) < EVENTS_MAX * 0.5
    ends = AT + timedelta(seconds=plans["TimeoutSeconds"])
    legs = [OrderRecord(order=order("leg", bundle="pair", expires_at=ends), state=OrderState.OPEN)]
    looks, now = 0, AT
    while now < ends:
        looks += 1
        now += timedelta(seconds=step(OrderPlan(account="main", orders=[]), legs, DESK, now).wait_s)
    assert looks * len(["Send", "Send", "IsDone", "IsDone", "Wait", "Wait", *TASK_EVENTS]) < EVENTS_MAX * 0.9


@pytest.mark.parametrize("name", MACHINES)
def test_every_placeholder_is_filled(name: str) -> None:
    assert unfilled(definition(name), substitutions(name)) == []


@pytest.mark.parametrize("name", MACHINES)
def test_no_null_is_written_for_the_packaging_to_lose(name: str) -> None:
    stack, _ = MACHINES[name]
    (source,) = (ROOT / "services" / stack).glob("*.asl.yml")
    assert "null" not in source.read_text()


@pytest.mark.parametrize("rule", RULES)
def test_a_valid_machine_passes(rule: Callable[[Definition], list[str]]) -> None:
    assert rule(GOOD) == []


@pytest.mark.parametrize(
    ("rule", "broken"),
    [
        (unguarded, with_task(Retry=None)),
        (unguarded, with_task(Catch=None)),
        (unguarded, with_task(TimeoutSeconds=None)),
        (unguarded, {**GOOD, "TimeoutSeconds": None}),
        (impatient, with_task(Retry=[{**RETRY, "BackoffRate": 0.5}])),
        (impatient, with_task(Retry=[{**RETRY, "JitterStrategy": "NONE"}])),
        (impatient, with_task(Retry=[{**RETRY, "MaxAttempts": 99}])),
        (shadowed, with_task(Retry=[RETRY, {**RETRY, "ErrorEquals": ["Conflict"]}])),
        (shadowed, with_task(Catch=[{"ErrorEquals": ["States.ALL", "Conflict"], "Next": "End"}])),
        (unknown_services, with_task(Resource="arn:aws:states:::lambda:invok")),
        (tokenless, with_task(Resource="arn:aws:states:::lambda:invoke.waitForTaskToken")),
        (endless_waits, {**GOOD, "States": {"Do": {"Type": "Wait", "TimestampPath": "$.until", "End": True}}}),
        (dangling, with_task(Next="Ende")),
        (dangling, with_task(Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Ende"}])),
    ],
)
def test_a_broken_machine_is_reported(rule: Callable[[Definition], list[str]], broken: Definition) -> None:
    assert rule(broken) != []
    if rule is not unguarded or broken.get("TimeoutSeconds"):
        assert rule(in_map(broken)) != []


def test_a_placeholder_too_few_or_too_many_is_reported() -> None:
    machine = with_task(Parameters={"FunctionName": "${Do}"})
    assert unfilled(machine, {"Do"}) == []
    assert unfilled(machine, set()) == ["Do"]
    assert unfilled(machine, {"Do", "Undo"}) == ["Undo"]
