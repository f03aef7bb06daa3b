"""Metrics: lines of CloudWatch's embedded format, held against its schema; few metrics, one dimension, little time."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from fanfold.aws.telemetry.metrics import ALARMING, UNITS, VALUES_MAX, Metrics
from fanfold.aws.telemetry.telemetry import Telemetry
from fanfold.codes import Code
from fanfold.messages import ExecutionReport, OrdersRefused, OrderState, OrderUpdate, Refusal
from support.core_desk import A, B, bars_message, stretch, walk

DOCS = Path(__file__).resolve().parents[2] / "docs"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
METRICS_MAX = 10
NAME = {"type": "string", "minLength": 1, "maxLength": 255}
METRIC = {
    "type": "object",
    "required": ["Name"],
    "additionalProperties": False,
    "properties": {
        "Name": {**NAME, "maxLength": 1024},
        "Unit": {"enum": ["Seconds", "Microseconds", "Milliseconds", "Bytes", "Percent", "Count", "None"]},
        "StorageResolution": {"enum": [1, 60]},
    },
}
DIRECTIVE = {
    "type": "object",
    "required": ["Namespace", "Dimensions", "Metrics"],
    "additionalProperties": False,
    "properties": {
        "Namespace": {**NAME, "maxLength": 1024},
        "Dimensions": {"type": "array", "minItems": 1, "items": {"type": "array", "maxItems": 30, "items": NAME}},
        "Metrics": {"type": "array", "minItems": 1, "maxItems": 100, "items": METRIC},
    },
}
SCHEMA = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "properties": {
                "Timestamp": {"type": "integer", "minimum": 1_000_000_000_000},
                "CloudWatchMetrics": {"type": "array", "minItems": 1, "items": DIRECTIVE},
            },
        }
    },
}


def wrong(line: dict[str, Any]) -> list[str]:
    """The faults for which CloudWatch would refuse a line: by its schema, and names that point to nothing."""
    faults = [error.message for error in Draft202012Validator(SCHEMA).iter_errors(line)]
    if faults:
        return faults
    for directive in line["_aws"]["CloudWatchMetrics"]:
        faults += [
            f"{name} is no text"
            for group in directive["Dimensions"]
            for name in group
            if not isinstance(line.get(name), str)
        ]
        for metric in directive["Metrics"]:
            value = line.get(metric["Name"])
            values = value if isinstance(value, list) else [value]
            if not 0 < len(values) <= VALUES_MAX or not all(isinstance(value, int | float) for value in values):
                faults.append(f"{metric['Name']} is {value}")
    return faults


class Desk:
    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.counts = Metrics("dev", lambda: NOW, lambda text: self.lines.append(json.loads(text)))

    def flushed(self) -> dict[str, Any]:
        self.counts.flush({"Function": "f", "Request": "r"})
        return self.lines[-1]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def refused(*codes: Code) -> OrdersRefused:
    order: Any = None
    refusals = [Refusal(order=order, code=code, detail="") for code in codes]
    return OrdersRefused(id="i", cause="c", at=NOW, account="main", refusals=refusals)


def update(state: OrderState) -> OrderUpdate:
    return OrderUpdate(order_id="o", client_order_id="c", instance="i", instrument=A, state=state, filled=Decimal(0))


def test_every_metric_together_is_a_line_that_cloudwatch_takes(desk: Desk) -> None:
    for name, unit in UNITS.items():
        if unit == "Count":
            desk.counts.add(name, 2)
        else:
            desk.counts.measure(name, 5)
            desk.counts.measure(name, 7)
    line = desk.flushed()
    assert wrong(line) == []
    assert (line["Stage"], line["Function"], line["Orders"], line["QueueAge"]) == ("dev", "f", 2, [5, 7])


@pytest.mark.parametrize(
    "change", [{"_aws": {}}, {"Stage": 1}, {"Orders": "many"}, {"Orders": []}, {"Orders": list(range(101))}]
)
def test_a_line_that_cloudwatch_would_not_take_is_seen(desk: Desk, change: dict[str, Any]) -> None:
    desk.counts.add("Orders")
    assert wrong(desk.flushed() | change) != []


def test_a_desk_pays_for_ten_custom_metrics_at_most(desk: Desk) -> None:
    desk.counts.add("Orders")
    (directive,) = desk.flushed()["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["Stage"]]
    # What needs a person has no value while all is well, and is free in such an hour.
    assert len(UNITS.keys() - {*ALARMING, "Attention"}) <= METRICS_MAX


def test_each_message_counts_in_its_metrics(desk: Desk) -> None:
    desk.counts.published(bars_message([stretch(A, walk(1, A, 3), 0, 3), stretch(B, walk(1, B, 3), 0, 2)]))
    desk.counts.published(refused(Code.STALE_SIGNAL, Code.GROSS_EXPOSURE, Code.GROSS_EXPOSURE))
    line = desk.flushed()
    assert (line["Bars"], line["Refusals"]) == (5, 3)
    assert line["RefusalReasons"] == {"STALE_SIGNAL": 1, "GROSS_EXPOSURE": 2}
    assert wrong(line) == []


def test_the_pages_query_only_existing_reasons() -> None:
    queried = {
        metric for page in DOCS.rglob("*.md") for metric in re.findall(r"RefusalReasons\.(\w+)", page.read_text())
    }
    assert queried
    assert queried <= {code.value for code in Code}


def test_the_time_from_tick_to_order_is_that_of_orders_the_venue_took(desk: Desk) -> None:
    at = NOW - timedelta(milliseconds=1_500)
    for state in (OrderState.OPEN, OrderState.FILLED):
        desk.counts.published(
            ExecutionReport(id="i", cause="c", at=at, account="main", venue="v", updates=[update(state)])
        )
    assert desk.flushed()["TickToOrder"] == [1_500]


def test_clock_skew_never_gives_a_negative_duration(desk: Desk) -> None:
    desk.counts.measure("QueueAge", -5)
    assert desk.flushed()["QueueAge"] == [0]


def test_one_line_an_invocation_and_none_for_nothing(desk: Desk) -> None:
    desk.counts.add("Orders", 0)
    desk.counts.flush({})
    assert desk.lines == []
    desk.counts.add("Orders")
    desk.counts.flush({})
    desk.counts.flush({})
    assert len(desk.lines) == 1


def test_figures_that_are_no_metrics_stay_in_the_line() -> None:
    lines: list[dict[str, Any]] = []
    counts = Metrics("dev", lambda: NOW, lambda text: lines.append(json.loads(text)), metrics=("Bars",))
    counts.add("Bars", 3)
    counts.measure("QueueAge", 5)
    counts.flush({})
    counts.add("Orders", 2)
    counts.flush({})
    first, second = lines
    assert wrong(first) == []
    assert [metric["Name"] for metric in first["_aws"]["CloudWatchMetrics"][0]["Metrics"]] == ["Bars"]
    assert (first["QueueAge"], second["Orders"]) == ([5], 2)
    assert "_aws" not in second


def test_the_environment_says_which_figures_are_metrics() -> None:
    written: list[str] = []
    watch = Telemetry({"METRICS": "Orders"}, lambda: NOW, written.append)
    with watch.invocation(None):
        watch.counts.add("Orders")
        watch.counts.add("Fills")
    (directive,) = json.loads(written[0])["_aws"]["CloudWatchMetrics"]
    assert [metric["Name"] for metric in directive["Metrics"]] == ["Orders"]


def test_a_waiting_message_raises_the_alarm_of_a_quarantined_one() -> None:
    written: list[str] = []
    watch = Telemetry({"METRICS": "OutboxStuck,Attention"}, lambda: NOW, written.append)
    with watch.invocation(None):
        watch.report_unpublishable("a", "no topic takes it")
        watch.report_overdue("b", 301)
    line = json.loads(written[-1])
    assert (line["OutboxStuck"], line["Attention"]) == (2, 2)
    assert json.loads(written[-2])["unpublished"] == "b"
