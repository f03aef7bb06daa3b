"""Roles of alerts allow what their functions ask of AWS, no less and no more, in every way that they go down."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from alerts_service import wiring
from alerts_service.events import read_event
from alerts_service.settings import Settings
from fanfold import desk
from fanfold.aws.client.call import RecordedCall, with_recording
from fanfold.aws.client.recording import RecordedLine
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.function.runtime import Runtime
from fanfold.aws.function.sqs import SqsConsumer, consume
from fanfold.aws.telemetry.telemetry import Telemetry
from fanfold.errors import AT_ONCE
from fanfold.messages import ExecutionReport, encode
from fanfold.risk.poll import CarriedForward, pack
from fanfold.simulation.cloud import MemoryCloud
from fanfold_dev.documents.message_examples import EXAMPLES
from support.alerts_stage import packaged_alerts
from support.packaged_stacks import packaged
from support.packaged_stages import ROOT, STAGES
from support.roles import Held, held

DESK = desk.parse((ROOT / "desk.toml").read_text() + "\n[alerts.phone]\nreport = true\n")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMES = ("notify", "follow_up", "anomalies", "daily_report", "try_out")


class Stage:
    """The functions of alerts over one AWS in memory, each call recorded under its function's name."""

    def __init__(self) -> None:
        self.cloud, self.lines, self.now = MemoryCloud(), [], NOON
        self.cloud.services["ssm"] = lambda _operation, _parameters: {"Parameter": {"Value": "{}", "Version": 1}}
        for table in ("alerts", "faults", "ledger"):
            self.cloud.table(f"fanfold-local-{table}")
        self.cloud.call("sqs", "CreateQueue", {"QueueName": "fanfold-local-alerts-dead-letters"})
        self.cloud.call("s3", "CreateBucket", {"Bucket": "fanfold-local-lake"})

    def function(self, name: str) -> wiring.AlertsProcess:
        def record(call: RecordedCall) -> None:
            self.lines.append(RecordedLine(
                function=f"fanfold-alerts-local-{name}", service=call.service, operation=call.operation,
                parameters=dict(call.parameters),
            ))  # fmt: skip

        call = with_recording(self.cloud.call, record)
        watch = Telemetry({}, self._now, lambda _line: None)
        dead = "http://sqs/000000000000/fanfold-local-alerts-dead-letters"
        edge = SqsConsumer(call, dead, "fanfold-local-faults", self._now, watch, read_event)
        settings = Settings(
            alerts_table="fanfold-local-alerts", channels_parameter="/fanfold/local/alerts",
            ledger_table="fanfold-local-ledger", lake_bucket="fanfold-local-lake",
        )  # fmt: skip
        return wiring.build(Runtime(call, self._now, DESK, edge, watch, AT_ONCE), settings)

    def _now(self) -> datetime:
        return self.now


@cache
def recorded() -> list[RecordedLine]:
    """The calls of all functions: what is told, what is not understood, what fails, and a day with its report."""
    stage = Stage()
    notify = stage.function("notify")
    report = next(example for example in EXAMPLES if isinstance(example, ExecutionReport))
    alarm = json.dumps({"AlarmName": "a", "NewStateValue": "ALARM"})
    _hand(notify, encode(report).decode(), alarm, '{"type":"bars.v9"}')
    notify.sender = notify.sender._replace(deliver=_fail)
    _hand(notify, json.dumps({"AlarmName": "b", "NewStateValue": "ALARM"}))
    ledger = Table(stage.cloud.call, "fanfold-local-ledger")
    carried = {"carried_forward": pack(CarriedForward(last_equity=Decimal(1000))), "carried_version": 1}
    for account in DESK.accounts:
        ledger.write([ledger.putting((f"poll#{account}", "poll"), {"closed_at_s": 1_700_000_000} | carried)])
    anomalies = stage.function("anomalies")
    assert anomalies.anomalies()["anomalies"]
    _store_report(stage, "2026-03-01")
    stage.now += timedelta(days=1)
    assert stage.function("daily_report").daily_report() == {"channels": ["phone"]}
    stage.now += timedelta(hours=1)
    stage.function("follow_up").follow_up()
    assert set(stage.function("try_out").try_out({"channel": "phone", "title": "a", "text": "b"})) == {"phone"}
    return stage.lines


def _hand(process: wiring.AlertsProcess, *bodies: str) -> None:
    records: list[dict[str, Any]] = [
        {"messageId": f"m{number}", "body": body, "attributes": {}} for number, body in enumerate(bodies)
    ]
    consume({"Records": records}, process.notify, process.runtime.edge)


def _fail(_notice: object) -> None:
    raise RuntimeError("a fault that nobody foresaw")


def _store_report(stage: Stage, day: str) -> None:
    body = {"day": day, "compacted": 0, "chains": [], "accounts": [], "faults": []}
    for name in ("day.json", "day.md"):
        request = {"Bucket": "fanfold-local-lake", "Key": f"reports/dt={day}/{name}", "Body": json.dumps(body).encode()}
        stage.cloud.call("s3", "PutObject", request)


@pytest.fixture(params=STAGES)
def functions(request) -> list[Held]:
    all_held = held(packaged_alerts(request.param), recorded(), packaged_alerts("local"))
    return [each for each in all_held if each.function.name.endswith(NAMES)]


def test_each_function_was_run(functions) -> None:
    assert len(functions) == len(NAMES)
    assert [each.function.name for each in functions if not each.calls] == []


def test_a_role_allows_what_its_function_was_seen_to_do_and_nothing_else(functions) -> None:
    assert [wrong for each in functions for wrong in each.missing] == []
    assert [wrong for each in functions for wrong in each.unused] == []


def test_nobody_but_alerts_reads_the_addresses_of_channels() -> None:
    for function in packaged("live").functions:
        assert all(
            "parameter/fanfold/live/alerts" not in resource
            for statement in function.statements
            for resource in statement.resources
        )
