"""Alarms are on metrics that are written, and what needs a person rings in every profile."""

from functools import cache
from typing import Any

import pytest
from alarm_rules import impossible_alarms

from fanfold.aws.clock import Clock
from fanfold.aws.telemetry.metrics import ALARMING, UNITS, Metrics
from fanfold.messages import TOPICS
from support.packaged_stages import template, templates

PROFILES = {"full": "dev", "lean": "lean"}


@cache
def alarms(profile: str) -> dict[str, dict[str, Any]]:
    """A profile's alarms, by the name behind the stage's."""
    resources = [item for template in templates(PROFILES[profile]).values() for item in template["Resources"].values()]
    own = [item["Properties"] for item in resources if item["Type"] == "AWS::CloudWatch::Alarm"]
    return {item["AlarmName"].removeprefix("fanfold-dev-"): item for item in own}


def test_incidents_have_an_alarm_each_in_full_and_one_together_in_lean() -> None:
    separate = {alarm["MetricName"] for alarm in alarms("full").values() if alarm["Namespace"] == "Fanfold"}
    assert set(ALARMING) <= separate
    assert [alarm["MetricName"] for alarm in alarms("lean").values() if alarm["Namespace"] == "Fanfold"] == [
        "Attention"
    ]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_custom_alarm_watches_a_metric_that_functions_write(profile: str) -> None:
    written = {metric for template in templates(PROFILES[profile]).values()
               for resource in template["Resources"].values() if resource["Type"] == "AWS::Lambda::Function"
               for metric in resource["Properties"]["Environment"]["Variables"]["METRICS"].split(",")}  # fmt: skip
    assert written <= UNITS.keys()
    own = {alarm["MetricName"] for alarm in alarms(profile).values() if alarm["Namespace"] == "Fanfold"}
    assert own == written, "a metric that nobody looks at is paid for"


def test_silence_is_measured_at_the_topics_themselves() -> None:
    named = {alarm["Dimensions"][0]["Value"] for alarm in alarms("full").values() if alarm["Namespace"] == "AWS/SNS"}
    topics = {resource["Properties"]["TopicName"] for resource in templates("dev")["platform"]["Resources"].values()
              if resource["Type"] == "AWS::SNS::Topic"}  # fmt: skip
    assert named == {"fanfold-dev-bars.fifo", "fanfold-dev-bars-requested"}
    assert named < topics
    assert {name.removeprefix("fanfold-dev-").removesuffix(".fifo") for name in named} < TOPICS.keys()


def test_bars_are_missed_after_three_of_the_period_that_the_deploy_says() -> None:
    alarm = alarms("full")["bars-missing"]
    assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (60, 3, 3)
    hourly = template("market-data", "dev", {"FANFOLD_BARS_PERIOD_S": "3600"})["Resources"]["BarsMissingAlarm"]
    assert hourly["Properties"]["Period"] == 3_600
    coarse = template("market-data", "dev", {"FANFOLD_BARS_PERIOD_S": "432000"})["Resources"]["BarsMissingAlarm"]
    assert impossible_alarms({"market-data/BarsMissingAlarm": coarse}) == []


@pytest.mark.parametrize("name", ALARMING)
def test_every_incident_counts_as_attention_and_nothing_is_written_on_success(name: str, clock: Clock) -> None:
    lines: list[str] = []
    counts = Metrics("dev", clock, lines.append, ["Attention"])
    counts.add(name, 2)
    counts.add("Orders", 5)
    counts.flush({})
    assert '"Attention":2' in lines[0]
    counts.add(name, 0)
    counts.flush({})
    assert len(lines) == 1


@pytest.fixture
def clock() -> Clock:
    from datetime import UTC, datetime

    return lambda: datetime(2026, 3, 1, tzinfo=UTC)
