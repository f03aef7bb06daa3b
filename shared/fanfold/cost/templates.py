"""The resources of a stage, read from its packaged CloudFormation templates by their types."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from fanfold.cost import units

# Lambda polls an idle standard queue twice side by side. Its guide does not say of FIFO queues, nor of a mapping with a
# maximum concurrency, that it comes down from the five with which it begins.
POLLERS_IDLE = 2
POLLERS_FULL = 5
KEY_REUSE_S = 300
MONTH_S = units.MONTH_DAYS * units.DAY_S
# Types that are billed by the piece, and the price item of each.
PIECES = {
    "AWS::CloudWatch::CompositeAlarm": "composite-alarm",
    "AWS::CloudWatch::Dashboard": "dashboard",
    "AWS::KMS::Key": "key",
    "AWS::SecretsManager::Secret": "secret",
}
# Who asks KMS for a data key again each time its own has run out: a queue's sender twice and its reader once, as SQS
# documents it. Tables and topics ask for those who use them, which a recorded day tells.
KEY_USERS = 3
KEYED = {
    "AWS::SNS::Topic": "sns", "AWS::DynamoDB::Table": "dynamodb", "AWS::SecretsManager::Secret": "secretsmanager",
}  # fmt: skip
FAST_S = 60
NO_VALUE = {"Ref": "AWS::NoValue"}
Template = Mapping[str, Any]


class BilledFunction(msgspec.Struct, frozen=True, kw_only=True):
    """``platform_lines`` says whether Lambda writes its own log lines, ``pollers`` how many poll its queue.

    ``window_s`` is how long they collect messages, ``ordered`` says that the queue is FIFO.
    """

    memory_mb: int
    traced: bool
    platform_lines: bool
    pollers: int
    ordered: bool
    window_s: int
    runs_a_month: int
    metrics: list[str] | None


class Stacks(msgspec.Struct, frozen=True, kw_only=True):
    """A stage: its functions by "service/function", the resources that it pays for, and what its schedules start.

    ``pieces`` are by price item, ``transitions`` and ``schedules`` are of a month. ``key_calls`` are those of the
    queues; ``opened`` parameters are read as secrets are, and cost a key's request each time. ``keyed`` are the
    services whose tables, topics or secrets are under a key of our own, too.
    """

    functions: dict[str, BilledFunction]
    pieces: dict[str, int]
    key_calls: int
    keyed: list[str]
    schedules: int
    transitions: int
    alarm_metrics: list[str]
    opened: int = 0


def read(templates: Iterable[Template]) -> Stacks:
    """Read the stacks together; a resource of a type that costs nothing by itself is skipped."""
    stacks = [dict(template["Resources"]) for template in templates]
    merged = [(kind["Type"], kind.get("Properties", {})) for resources in stacks for kind in resources.values()]
    pieces = Counter(PIECES[kind] for kind, _ in merged if kind in PIECES)
    pieces["alarm"] = sum(_alarmed(alarm) for kind, alarm in merged if kind == "AWS::CloudWatch::Alarm")
    runs = [_scheduled(resources) for resources in stacks]
    return Stacks(
        functions={name: function for resources in stacks for name, function in _functions(resources)},
        pieces=dict(+pieces),
        key_calls=sum(_key_calls(queue) for kind, queue in merged if kind == "AWS::SQS::Queue"),
        keyed=sorted({KEYED[kind] for kind, properties in merged if kind in KEYED and _keyed(properties)}),
        schedules=sum(sum(run.values()) for run in runs),
        transitions=sum(_transitions(resources, ran) for resources, ran in zip(stacks, runs, strict=True)),
        alarm_metrics=sorted({name for kind, properties in merged for name in _own_metrics(kind, properties)}),
    )


def _functions(resources: Mapping[str, Any]) -> Iterator[tuple[str, BilledFunction]]:
    runs = _scheduled(resources)
    for logical, resource in resources.items():
        if resource["Type"] == "AWS::Lambda::Function":
            yield (
                _name(resource["Properties"]["FunctionName"]),
                _function(logical, resource["Properties"], resources, runs.get(logical, 0)),
            )


def _function(logical: str, properties: Mapping[str, Any], resources: Mapping[str, Any], runs: int) -> BilledFunction:
    logging = properties.get("LoggingConfig", {})
    quiet = logging.get("LogFormat") == "JSON" and logging.get("SystemLogLevel") == "WARN"
    metrics = properties.get("Environment", {}).get("Variables", {}).get("METRICS")
    mappings = [mapping for mapping in _of(resources, "AWS::Lambda::EventSourceMapping") if _reads(mapping, logical)]
    return BilledFunction(
        memory_mb=int(properties.get("MemorySize", 128)),
        traced=properties.get("TracingConfig", {}).get("Mode") == "Active",
        platform_lines=not quiet,
        pollers=sum(_pollers(mapping, resources) for mapping in mappings),
        ordered=any(_ordered(mapping, resources) for mapping in mappings),
        window_s=max((int(mapping.get("MaximumBatchingWindowInSeconds", 0)) for mapping in mappings), default=0),
        runs_a_month=runs,
        metrics=None if metrics is None else [name for name in metrics.split(",") if name],
    )


def _name(function: str) -> str:
    """Return service/function of a name such as ``fanfold-market-data-dev-poll``."""
    parts = re.fullmatch(r"fanfold-(.+)-[^-]+-([^-]+)", function)
    return f"{parts[1]}/{parts[2]}" if parts else function


def _reads(mapping: Mapping[str, Any], logical: str) -> bool:
    named = json.dumps(mapping["FunctionName"])
    # A canary's mapping names the function's alias.
    aliased = logical.removesuffix("LambdaFunction") + "Alias"
    return f'"{logical}"' in named or f'"{aliased}"' in named


def _pollers(mapping: Mapping[str, Any], resources: Mapping[str, Any]) -> int:
    return POLLERS_FULL if "ScalingConfig" in mapping or _ordered(mapping, resources) else POLLERS_IDLE


def _ordered(mapping: Mapping[str, Any], resources: Mapping[str, Any]) -> bool:
    queue = resources.get(_target(mapping.get("EventSourceArn")), {})
    return queue.get("Properties", {}).get("FifoQueue") is True


def _scheduled(resources: Mapping[str, Any]) -> Counter[str]:
    """Return runs a month by the logical name of what is started, a function or a state machine."""
    runs: Counter[str] = Counter()
    for rule in _of(resources, "AWS::Scheduler::Schedule"):
        if rule.get("State", "ENABLED") == "ENABLED":
            runs[_target(rule["Target"]["Arn"])] += units.runs_a_month(rule["ScheduleExpression"])
    for rule in _of(resources, "AWS::Events::Rule"):
        if "ScheduleExpression" in rule and rule.get("State", "ENABLED") == "ENABLED":
            for target in rule["Targets"]:
                runs[_target(target["Arn"])] += units.runs_a_month(rule["ScheduleExpression"])
    return runs


def _target(arn: Any) -> str:
    match arn:
        case {"Fn::GetAtt": [str(logical), *_]} | {"Ref": str(logical)}:
            return str(logical)
    return json.dumps(arn)


def _transitions(resources: Mapping[str, Any], runs: Mapping[str, int]) -> int:
    machines = {
        name: machine for name, machine in resources.items() if machine["Type"] == "AWS::StepFunctions::StateMachine"
    }
    return sum(states(_definition(machine["Properties"])) * runs.get(name, 0) for name, machine in machines.items())


def _definition(properties: Mapping[str, Any]) -> Any:
    text = properties.get("DefinitionString", properties.get("Definition"))
    if isinstance(text, Mapping) and "Fn::Sub" in text:
        text = text["Fn::Sub"]
    if isinstance(text, list):
        text = text[0]
    return json.loads(text) if isinstance(text, str) else text


def states(definition: Any) -> int:
    """Return a definition's states, with those of branches and maps: the transitions of a run through all of them."""
    if isinstance(definition, list):
        return sum(map(states, definition))
    if not isinstance(definition, Mapping):
        return 0
    own = len(definition["States"]) if isinstance(definition.get("States"), Mapping) else 0
    return own + sum(map(states, definition.values()))


def _alarmed(alarm: Mapping[str, Any]) -> int:
    """Return the number of metrics that an alarm reads, each billed; one of less than a minute counts three times."""
    metrics = [metric for metric in alarm.get("Metrics", [{"MetricStat": {}}]) if "MetricStat" in metric]
    return len(metrics) * (3 if int(alarm.get("Period", FAST_S)) < FAST_S else 1)


def _own_metrics(kind: str, alarm: Mapping[str, Any]) -> Iterator[str]:
    if kind == "AWS::CloudWatch::Alarm" and not str(alarm.get("Namespace", "AWS/")).startswith("AWS/"):
        yield str(alarm["MetricName"])


def _key_calls(queue: Mapping[str, Any]) -> int:
    """Return the requests for data keys in a month; an empty dead-letter queue makes none."""
    if not _keyed(queue) or "RedrivePolicy" not in queue:
        return 0
    return KEY_USERS * MONTH_S // int(queue.get("KmsDataKeyReusePeriodSeconds", KEY_REUSE_S))


def _keyed(properties: Mapping[str, Any]) -> bool:
    table = properties.get("SSESpecification", {})
    own = (properties.get("KmsMasterKeyId"), table.get("KMSMasterKeyId"), properties.get("KmsKeyId"))
    return any(key is not None and key != NO_VALUE for key in own)


def _of(resources: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    return [resource["Properties"] for resource in resources.values() if resource["Type"] == kind]
