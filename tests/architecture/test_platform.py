"""The deployed stacks agree with the declarations of the code: topics, subscriptions, queues, handlers, environment."""

import copy
from collections.abc import Callable
from importlib import import_module
from typing import Any

import msgspec
import pytest

from fanfold.aws.function import runtime
from fanfold.deployment import ALERTS, BESIDE, OPTIONAL_SUBSCRIPTIONS, UNORDERED, topic_name
from fanfold.messages import SUBSCRIPTIONS, TOPICS
from support.packaged import PLATFORM, STAGE, resources, template

Template = dict[str, Any]
SUBSCRIBED = SUBSCRIPTIONS | OPTIONAL_SUBSCRIPTIONS
# What the handlers find in their image, or only on a laptop.
DEFAULTS = {"DESK", "CLOCK"}
# Woken by a clock or by the daily close, and by no queue; docs/decisions/0018-patient-functions.md has the reasons.
PATIENT = {
    "market-data": {"Poll", "Serve", "BackFill"},
    "execution": {"Sweep"},
    "alerts": {"Notify", "FollowUnderscoreup", "Anomalies", "DailyUnderscorereport", "TryUnderscoreout"},
    "audit": {"Flush", "Compact", "Verify", "Reconcile"},
}


def wrong_topics(platform: Template) -> list[str]:
    # Alarms are told to people.
    names = {resource["TopicName"] for resource in resources(platform, "AWS::SNS::Topic").values()} - {
        f"fanfold-{STAGE}-alarms"
    }
    wanted = {f"fanfold-{STAGE}-{topic_name(topic)}" for topic in TOPICS}
    return sorted(f"topic {name}" for name in names ^ wanted)


def wrong_subscriptions(service: str, stack: Template) -> list[str]:
    """Topics and filters that differ from those of ``fanfold.messages``, and subscriptions that are not raw."""
    subscriptions = list(resources(stack, "AWS::SNS::Subscription").values())
    filters = {_topic(subscription["TopicArn"]): subscription.get("FilterPolicy", {}) for subscription in subscriptions}
    # The alarms are no message's topic.
    wanted = SUBSCRIBED[service] | ({"alarm": {}} if service == ALERTS else {})
    wrong = [
        f"{topic}: {filters.get(topic)} is not {wanted.get(topic)}"
        for topic in filters.keys() | wanted.keys()
        if filters.get(topic) != wanted.get(topic)
    ]
    odd = [
        subscription
        for subscription in subscriptions
        if not subscription.get("RawMessageDelivery") or _owner(subscription["Endpoint"]) != "Queue"
    ]
    return wrong + ["not raw, or not into the queue"] * len(odd)


def wrong_queues(service: str, stack: Template) -> list[str]:
    """Anything but one queue, which one function reads, and one dead-letter queue; some have two, of either kind."""
    queues = resources(stack, "AWS::SQS::Queue")
    readers = list(resources(stack, "AWS::Lambda::EventSourceMapping").values())
    redrive = queues.get("Queue", {}).get("RedrivePolicy", {})
    known = {"Undelivered"} if service in BESIDE else set()
    checks = {
        "the queues are not those of a service": set(queues) - known == {"Queue", "DeadLetters"},
        "there is not one reader of the queue": [_owner(reader["EventSourceArn"]) for reader in readers] == ["Queue"],
        "a failed batch is not told of by item": all("FunctionResponseTypes" in reader for reader in readers),
        "what fails for good is not kept": _owner(redrive.get("deadLetterTargetArn", {})) == "DeadLetters",
        "a queue is of the wrong kind": all(
            (queue.get("FifoQueue") is True) is (name == "Undelivered" or service not in UNORDERED)
            for name, queue in queues.items()
        ),
    }
    return [wrong for wrong, holds in checks.items() if not holds]


def wrong_functions(service: str, stack: Template) -> list[str]:
    """Handlers that are not there, and settings that no variable gives."""
    wrong = []
    for name, function in resources(stack, "AWS::Lambda::Function").items():
        (command,) = function["ImageConfig"]["Command"]
        module, _, attribute = command.rpartition(".")
        if module != f"{_package(service)}.handler" or not callable(getattr(import_module(module), attribute, None)):
            wrong.append(f"{name}: there is no {command}")
        missing = _required(service) - function["Environment"]["Variables"].keys() - DEFAULTS
        wrong += [f"{name}: {variable} is not set" for variable in sorted(missing)]
    return wrong


def wrong_timeouts(service: str, stack: Template) -> list[str]:
    """Functions that may take longer than 10 s, but for those that nothing waits behind."""
    slow = {name for name, function in resources(stack, "AWS::Lambda::Function").items() if function["Timeout"] > 10}
    return sorted(slow ^ {f"{name}LambdaFunction" for name in PATIENT.get(service, set())})


def unused_handlers(service: str, stack: Template) -> list[str]:
    """Public functions of a handler module that no function of the stack runs."""
    handler = import_module(f"{_package(service)}.handler")
    own = {
        name for name, attribute in vars(handler).items() if getattr(attribute, "__module__", "") == handler.__name__
    }
    run = {resource["ImageConfig"]["Command"][0] for resource in resources(stack, "AWS::Lambda::Function").values()}
    return sorted(name for name in own if not name.startswith("_") and f"{handler.__name__}.{name}" not in run)


RULES = (wrong_subscriptions, wrong_queues, wrong_functions, wrong_timeouts, unused_handlers)


def _package(service: str) -> str:
    return service.replace("-", "_") + "_service"


def _required(service: str) -> set[str]:
    """Variables that a function cannot do without."""
    own = import_module(f"{_package(service)}.settings").Settings
    return {
        field.encode_name
        for kind in (own, runtime.RuntimeSettings)
        for field in msgspec.structs.fields(kind)
        if field.required
    }


def _topic(arn: dict[str, str]) -> str:
    """bars-requested, of the import of fanfold-local-BarsRequestedTopicArn."""
    name = arn["Fn::ImportValue"].removeprefix(f"fanfold-{STAGE}-").removesuffix("TopicArn")
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).strip("-")


def _owner(reference: dict[str, Any]) -> str:
    return str(reference.get("Fn::GetAtt", [""])[0])


def test_the_platform_has_a_topic_for_each_that_is_declared() -> None:
    assert wrong_topics(template(PLATFORM)) == []


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("service", SUBSCRIBED)
def test_a_stack_is_what_the_code_declares(service: str, rule: Callable[[str, Template], list[str]]) -> None:
    assert rule(service, template(service)) == []


def test_the_platform_exports_every_value_that_stacks_import() -> None:
    exports = {output["Export"]["Name"] for output in template(PLATFORM)["Outputs"].values() if "Export" in output}
    imports = {name for service in SUBSCRIBED for name in _imports(template(service))}
    assert imports - exports == set()


def _imports(node: Any) -> set[str]:
    if isinstance(node, list):
        return {name for item in node for name in _imports(item)}
    if not isinstance(node, dict):
        return set()
    own = {node["Fn::ImportValue"]} if isinstance(node.get("Fn::ImportValue"), str) else set()
    return own | _imports(list(node.values()))


def _without(stack: Template, *path: str) -> Template:
    """A copy that lacks what the path leads to."""
    changed = node = copy.deepcopy(stack)
    for key in path[:-1]:
        node = node[key]
    del node[path[-1]]
    return changed


def _with(stack: Template, value: Any, *path: str) -> Template:
    changed = node = copy.deepcopy(stack)
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return changed


FUNCTION = ("Resources", "AssessLambdaFunction", "Properties")
BARS = ("Resources", "BarsSubscription", "Properties")


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        (wrong_subscriptions, ("Resources", "TargetsSubscription")),
        (wrong_subscriptions, (*BARS, "FilterPolicy")),
        (wrong_subscriptions, (*BARS, "RawMessageDelivery")),
        (wrong_queues, ("Resources", "DeadLetters")),
        (wrong_queues, ("Resources", "Queue", "Properties", "RedrivePolicy")),
        (wrong_queues, ("Resources", "AssessEventSourceMappingSQSQueue")),
        (wrong_functions, (*FUNCTION, "Environment", "Variables", "LEDGER_TABLE")),
        (wrong_functions, (*FUNCTION, "Environment", "Variables", "DEAD_LETTERS")),
        (unused_handlers, ("Resources", "AssessLambdaFunction")),
    ],
)
def test_a_part_that_a_stack_lacks_is_reported(
    rule: Callable[[str, Template], list[str]], path: tuple[str, ...]
) -> None:
    assert rule("risk", _without(template("risk"), *path)) != []


def test_a_missing_handler_and_a_long_time_out_are_reported() -> None:
    wrong = _with(template("risk"), ["risk_service.handler.asess"], *FUNCTION, "ImageConfig", "Command")
    assert wrong_functions("risk", wrong) != []
    assert wrong_timeouts("risk", _with(template("risk"), 11, *FUNCTION, "Timeout")) != []


def test_a_missing_topic_is_reported() -> None:
    assert wrong_topics(_without(template(PLATFORM), "Resources", "TargetsTopic")) != []
