"""What the services' pages promise to ring for rings, and what rings is promised; by profile."""

import re
from functools import cache
from typing import Any

import pytest
from packaged_stages import ROOT, SERVICES, templates

from fanfold.aws.clock import Clock
from fanfold.aws.telemetry.metrics import ALARMING, UNITS, Metrics
from fanfold.messages import TOPICS

PROFILES = {"full": "dev", "lean": "lean"}
# What has canaries, besides all of full.
LIVE = "live"
PLATFORMS = {"function-errors", "throttles", "attention"}


@cache
def alarms(profile: str) -> dict[str, dict[str, Any]]:
    """A profile's alarms: the service (or the platform) and the alarm, by the name behind the stage's."""
    found = {}
    stage = PROFILES.get(profile, profile)
    for stack, template in templates(stage).items():
        for one in template["Resources"].values():
            if one["Type"] == "AWS::CloudWatch::Alarm":
                name = one["Properties"]["AlarmName"].removeprefix(f"fanfold-{'live' if stage == LIVE else 'dev'}-")
                found[name] = one["Properties"] | {"of": stack}
    return found


def promised(service: str) -> dict[str, str]:
    """The alarms that a service's page names, and where alone: in the profile full, or in the stage live."""
    text = " ".join((ROOT / "services" / service / "README.md").read_text().partition("Alarms: ")[2].split())
    return {name: where for name, where in re.findall(r"`([a-z-]+)`(?: \((full|live)\))?", text)
            if name not in {"flush", "poll", "serve"}}  # fmt: skip


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_s_page_promises_the_alarms_of_its_stack_and_no_others(service: str) -> None:
    own = {name for name, one in alarms(LIVE).items() if one["of"] == service}
    assert own - promised(service).keys() == set(), "rings, and no page says for what"
    assert promised(service).keys() - alarms(LIVE).keys() - PLATFORMS == set(), "is promised, and nothing rings"
    canaries = {name for name, where in promised(service).items() if where == LIVE}
    assert canaries == alarms(LIVE).keys() & promised(service).keys() - alarms("full").keys() - PLATFORMS


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_promised_of_the_full_profile_alone_is_not_in_lean_and_the_rest_is(service: str) -> None:
    own = {name: full for name, full in promised(service).items() if alarms("full").get(name, {}).get("of") == service}
    assert {name for name, full in own.items() if not full} == own.keys() & alarms("lean").keys()


def test_what_needs_a_person_rings_alone_in_full_and_together_in_lean() -> None:
    separate = {one["MetricName"] for one in alarms("full").values() if one["Namespace"] == "Fanfold"}
    assert set(ALARMING) <= separate
    assert [one["MetricName"] for one in alarms("lean").values() if one["Namespace"] == "Fanfold"] == ["Attention"]


@pytest.mark.parametrize("profile", PROFILES)
def test_an_alarm_of_ours_is_on_a_figure_that_the_functions_write_as_a_metric(profile: str) -> None:
    written = {metric for template in templates(PROFILES[profile]).values() for one in template["Resources"].values()
               if one["Type"] == "AWS::Lambda::Function"
               for metric in one["Properties"]["Environment"]["Variables"]["METRICS"].split(",")}  # fmt: skip
    assert written <= UNITS.keys()
    own = {one["MetricName"] for one in alarms(profile).values() if one["Namespace"] == "Fanfold"}
    assert own == written, "a metric that nobody looks at is paid for"


def test_silence_and_long_questions_are_heard_of_the_topics_themselves() -> None:
    named = {one["Dimensions"][0]["Value"] for one in alarms("full").values() if one["Namespace"] == "AWS/SNS"}
    topics = {one["Properties"]["TopicName"] for one in templates("dev")["platform"]["Resources"].values()
              if one["Type"] == "AWS::SNS::Topic"}  # fmt: skip
    assert named == {"fanfold-dev-bars.fifo", "fanfold-dev-bars-wanted"}
    assert named < topics
    assert {name.removeprefix("fanfold-dev-").removesuffix(".fifo") for name in named} < TOPICS.keys()


@pytest.mark.parametrize("name", ALARMING)
def test_whatever_needs_a_person_is_attention_too_and_nothing_is_written_of_what_is_well(
    name: str, clock: Clock
) -> None:
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
