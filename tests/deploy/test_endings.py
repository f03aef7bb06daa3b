"""Rules of events tell the alarm topic of executions that end without telling it themselves."""

import json
import re
from functools import cache
from typing import Any

import pytest
from moto.events.models import EventPattern

from fanfold.deployment import RESEARCH
from support.packaged_stages import STAGES, template, templates
from support.research_stage import RESEARCH_IMAGE

MACHINES = {"daily-close": "NotClosed", "back-fill": "NotComplete", "order-plans": "LeftToTheSweep"}
PLACE = {"AWS::Partition": "aws", "AWS::Region": "eu-west-1", "AWS::AccountId": "123456789012"}


def resources(named: str) -> dict[str, dict[str, Any]]:
    """All stacks of a stage, that of research too, by stack and name."""
    stage, environment = STAGES[named]
    stacks = templates(named) | {RESEARCH: template(RESEARCH, stage, environment | RESEARCH_IMAGE)}
    return {f"{stack}/{name}": item for stack, body in stacks.items() for name, item in body["Resources"].items()}


def of_type(named: str, kind: str) -> list[dict[str, Any]]:
    return [item["Properties"] for item in resources(named).values() if item["Type"] == kind]


@cache
def patterns(named: str) -> list[dict[str, Any]]:
    """The patterns of a stage's rules, their ARNs as the account's."""
    text = json.dumps([rule["EventPattern"] for rule in of_type(named, "AWS::Events::Rule")])
    text = re.sub(r'\{"Fn::Sub": ("[^"]+")\}', r"\1", text)
    return json.loads(re.sub(r"\$\{([\w:]+)\}", lambda match: PLACE[match[1]], text))


def notices(named: str, machine: str, status: str, error: str | None = None) -> int:
    """Return how many rules tell of an execution's end."""
    detail = {"stateMachineArn": f"arn:aws:states:eu-west-1:123456789012:stateMachine:fanfold-dev-{machine}",
              "status": status} | ({"error": error} if error else {})  # fmt: skip
    event: Any = {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail}
    return sum(EventPattern(None, pattern).matches_event(event) for pattern in patterns(named))


@pytest.mark.parametrize("named", ["dev", "lean"])
@pytest.mark.parametrize("machine", MACHINES)
def test_an_end_is_told_once_by_the_machine_or_by_a_rule(named: str, machine: str) -> None:
    assert [notices(named, machine, status) for status in ("TIMED_OUT", "ABORTED")] == [1, 1]
    assert [notices(named, machine, status) for status in ("RUNNING", "SUCCEEDED")] == [0, 0]
    assert notices(named, machine, "FAILED", "States.Runtime") == 1
    assert notices(named, machine, "FAILED", MACHINES[machine]) == 0
    assert notices(named, machine, "FAILED", "NotTold") == 1
    assert notices(named, machine, "FAILED") == 1, "rather twice than not"


@pytest.mark.parametrize("named", ["dev", "lean"])
def test_a_sweep_that_is_stopped_by_hand_is_not_told_nor_are_its_batches(named: str) -> None:
    assert notices(named, "sweeps", "TIMED_OUT") == 1
    assert notices(named, "sweeps", "ABORTED") == 0
    assert notices(named, "sweeps/Batches", "TIMED_OUT") == 0


def test_every_machine_has_a_rule_and_its_last_state_the_error_that_the_rule_leaves_out() -> None:
    machines = of_type("dev", "AWS::StepFunctions::StateMachine")
    names = {machine["StateMachineName"].removeprefix("fanfold-dev-"): machine for machine in machines}
    assert set(names) == {*MACHINES, "sweeps"}
    for name, error in MACHINES.items():
        states = names[name]["Definition"]["States"]
        failures = {state["Error"]: place for place, state in states.items() if state["Type"] == "Fail"}
        assert set(failures) == {error, "NotTold"}
        assert states["Tell"]["Next"] == failures[error]
        assert [caught["Next"] for caught in states["Tell"]["Catch"]] == [failures["NotTold"]], (
            "not told, and said to be"
        )


def test_a_rule_s_text_names_the_machine_first() -> None:
    for rule in of_type("dev", "AWS::Events::Rule"):
        (target,) = rule["Targets"]
        name = rule["Name"].removeprefix("fanfold-dev-").removesuffix("-ended")
        text = json.loads(target["InputTransformer"]["InputTemplate"])
        assert text.startswith(f"Fanfold dev: an execution of {name} ended as <status>: docs/runbook.md#")
        assert set(re.findall(r"<(\w+)>", text)) == set(target["InputTransformer"]["InputPathsMap"])
