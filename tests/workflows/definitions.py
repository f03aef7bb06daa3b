"""The state machines as they are packaged, and what no validator asks of them."""

import json
import re
from collections.abc import Iterator
from typing import Any

from support.packaged import template

MACHINES = {
    "daily close": ("audit", "DailyClose"),
    "back-fill": ("market-data", "BackFill"),
    "order plans": ("execution", "OrderPlans"),
    "sweeps": ("research", "Sweeps"),
}
SERVICES = {
    "arn:aws:states:::lambda:invoke", "arn:aws:states:::sns:publish", "arn:aws:states:::ecs:runTask.sync",
}  # fmt: skip
# The answer of execution_service.order_plans, which is from 1 to 300.
WAIT = "$.wait_s"
TOKEN = ".waitForTaskToken"
GUARDS = ("Retry", "Catch", "TimeoutSeconds")
Definition = dict[str, Any]


def definition(name: str) -> Definition:
    stack, resource = MACHINES[name]
    machine: Definition = template(stack)["Resources"][resource]["Properties"]["Definition"]
    return machine


def substitutions(name: str) -> set[str]:
    stack, resource = MACHINES[name]
    return set(template(stack)["Resources"][resource]["Properties"]["DefinitionSubstitutions"])


def states(machine: Definition) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every state of a machine, those of branches and of maps too."""
    for name, state in machine["States"].items():
        yield name, state
        inner = [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]
        for part in inner:
            yield from states(part)


def tasks(machine: Definition) -> list[tuple[str, dict[str, Any]]]:
    return [(name, state) for name, state in states(machine) if state["Type"] == "Task"]


def unguarded(machine: Definition) -> list[str]:
    """Tasks that are not tried again, are not caught, or may take for ever; a machine that may."""
    wrong = [f"{name} has no {field}" for name, state in tasks(machine) for field in GUARDS if not state.get(field)]
    return wrong + ([] if machine.get("TimeoutSeconds") else ["the machine has no TimeoutSeconds"])


def impatient(machine: Definition) -> list[str]:
    """Retries that do not grow, do not jitter, or have no end."""
    retries = [(name, retry) for name, state in states(machine) for retry in state.get("Retry", [])]
    return [
        f"{name}: {wrong}"
        for name, retry in retries
        for wrong, holds in {
            "BackoffRate is below 1": retry.get("BackoffRate", 2) >= 1,
            "there is no jitter": retry.get("JitterStrategy") == "FULL",
            "there is no MaxDelaySeconds": "MaxDelaySeconds" in retry,
            "it is not tried at most 9 times": 0 < retry.get("MaxAttempts", 3) < 10,
        }.items()
        if not holds
    ]


def shadowed(machine: Definition) -> list[str]:
    """States.ALL anywhere but alone in the last place: what comes after it is never looked at."""
    wrong = []
    for name, state in states(machine):
        for field in ("Retry", "Catch"):
            rules = [rule["ErrorEquals"] for rule in state.get(field, [])]
            early = any("States.ALL" in rule for rule in rules[:-1])
            crowded = any("States.ALL" in rule and len(rule) > 1 for rule in rules)
            wrong += [f"{name}: States.ALL is not last and alone in {field}"] if early or crowded else []
    return wrong


def unknown_services(machine: Definition) -> list[str]:
    return [
        f"{name}: {state['Resource']}"
        for name, state in tasks(machine)
        if state["Resource"].removesuffix(TOKEN) not in SERVICES
    ]


def tokenless(machine: Definition) -> list[str]:
    """Tasks that wait for a token that nobody is given."""
    return [
        name
        for name, state in tasks(machine)
        if state["Resource"].endswith(TOKEN) and "$$.Task.Token" not in json.dumps(state.get("Parameters", {}))
    ]


def endless_waits(machine: Definition) -> list[str]:
    """Waits until a time that the input names: a wrong one waits a year. The seconds of an answer are bounded."""
    return [
        name
        for name, state in states(machine)
        if state["Type"] == "Wait" and state.get("SecondsPath") != WAIT and not 0 < state.get("Seconds", 0) <= 300
    ]


def dangling(machine: Definition) -> list[str]:
    """Transitions to a state that is not in the same machine, branch or map."""
    wrong = [
        f"{name} leads to {target}"
        for name, state in machine["States"].items()
        for target in _targets(state)
        if target not in machine["States"]
    ]
    inner = [
        part
        for state in machine["States"].values()
        for part in [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]
    ]
    return wrong + [transition for part in inner for transition in dangling(part)]


def _targets(state: dict[str, Any]) -> list[str]:
    rules = [*state.get("Catch", []), *state.get("Choices", [])]
    named = [state.get("Next"), state.get("Default"), *(rule.get("Next") for rule in rules)]
    return [target for target in named if target]


def hasty(name: str) -> list[str]:
    """Tasks that are given up before their function is: it would go on, and be called again meanwhile."""
    stack, resource = MACHINES[name]
    resources = template(stack)["Resources"]
    filled = resources[resource]["Properties"]["DefinitionSubstitutions"]
    invoked = [
        (state, filled[state["Parameters"]["FunctionName"].strip("${}")]["Fn::GetAtt"][0])
        for _, state in tasks(definition(name))
        if "FunctionName" in state["Parameters"]
    ]
    return [
        function
        for state, function in invoked
        if state["TimeoutSeconds"] <= resources[function]["Properties"]["Timeout"]
    ]


def unfilled(machine: Definition, filled: set[str]) -> list[str]:
    """Placeholders that the template does not fill, and what it fills in vain."""
    return sorted(set(re.findall(r"\$\{(\w+)\}", json.dumps(machine))) ^ filled)


RULES = (unguarded, impatient, shadowed, unknown_services, tokenless, endless_waits, dangling)
