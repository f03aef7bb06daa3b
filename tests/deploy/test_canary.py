"""Faults of a failing version in a canary's alarm, by the packaged filter over lines that the real edge writes."""

import json
import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from fanfold.aws.function.sqs import SqsConsumer, consume
from fanfold.aws.telemetry.telemetry import Telemetry
from fanfold.errors import BadInput
from fanfold.messages import encode
from support.core_desk import A, bars_message, stretch, walk
from support.packaged_stages import templates

CANARIES = {"signal": "Fold", "risk": "Assess", "execution": "Execute"}


def counted(service: str, lines: list[str]) -> Counter[str]:
    """The count that the function's metric filter takes of its log lines, by version."""
    resources = templates("live")[service]["Resources"]
    made = resources[f"{CANARIES[service]}Faults"]["Properties"]
    field, value = re.fullmatch(r'\{ \$\.(\w+) = "(\w+)" \}', made["FilterPattern"]).groups()
    (dimension,) = made["MetricTransformations"][0]["Dimensions"]
    by = dimension["Value"].removeprefix("$.")
    entries = [json.loads(line) for line in lines]
    return Counter(entry[by] for entry in entries if entry.get(field) == value and by in entry)


def lines_of(version: str, verb: Any) -> tuple[list[str], dict[str, Any]]:
    """The log lines and the answer of an invocation with two messages."""
    lines: list[str] = []
    watch = Telemetry({"AWS_LAMBDA_FUNCTION_VERSION": version}, lambda: datetime(2026, 3, 1, tzinfo=UTC), lines.append)
    edge = SqsConsumer(lambda *_: {}, "dead.fifo", "faults", lambda: datetime(2026, 3, 1, tzinfo=UTC), watch)
    body = encode(bars_message([stretch(A, walk(1, A, 2), 0, 2)])).decode()
    records = [{"messageId": f"m{n}", "body": body, "eventSourceARN": "arn:x", "messageAttributes": {},
                "attributes": {"MessageGroupId": f"g{n}", "SentTimestamp": "0"}} for n in range(2)]  # fmt: skip
    with watch.invocation(object()):
        answer = consume({"Records": records}, verb, edge)
    return lines, answer


def raising(fault: Exception) -> Any:
    def verb(_arrived: object) -> None:
        raise fault

    return verb


@pytest.mark.parametrize("service", CANARIES)
@pytest.mark.parametrize("fault", [KeyError("x"), RuntimeError("no"), AttributeError("gone"), BadInput("unknown")])
def test_a_version_that_fails_at_each_message_is_counted_though_lambda_counts_no_error(
    service: str, fault: Exception
) -> None:
    lines, _ = lines_of("7", raising(fault))
    assert counted(service, lines) == {"7": 2}


@pytest.mark.parametrize("service", CANARIES)
def test_a_version_that_does_its_work_is_not_counted(service: str) -> None:
    lines, answer = lines_of("7", lambda _arrived: None)
    assert answer == {"batchItemFailures": []}
    assert counted(service, lines) == {}


@pytest.mark.parametrize("service", CANARIES)
def test_the_alarm_watches_the_faults_of_the_new_version(service: str) -> None:
    resources = templates("live")[service]["Resources"]
    (version,) = [name for name, resource in resources.items() if resource["Type"] == "AWS::Lambda::Version"]
    made = resources[f"{CANARIES[service]}Faults"]["Properties"]["MetricTransformations"][0]
    alarm = resources[f"{CANARIES[service]}CanaryAlarm"]["Properties"]
    heard = {metric["Id"]: metric["MetricStat"]["Metric"] for metric in alarm["Metrics"] if "MetricStat" in metric}
    assert heard["faults"]["Namespace"] == made["MetricNamespace"]
    assert heard["faults"]["MetricName"] == made["MetricName"]
    assert heard["faults"]["Dimensions"] == [{"Name": "Version", "Value": {"Fn::GetAtt": [version, "Version"]}}]
