"""The price of alerts: by hand, by the sizes that its stack has, and below what is promised of it."""

from decimal import Decimal

import pytest

from fanfold.cli import cost_files
from fanfold.cost import alerts, person
from fanfold.cost.alerts import AlertsUse, month_of
from fanfold.cost.bill import priced
from fanfold.cost.scenarios import PROFILES
from support.alerts_stage import packaged_alerts
from support.packaged_stages import STAGES, template

# Of all that a person has: the page, alerts and the chat.
CEILING = Decimal("0.50")


@pytest.mark.parametrize("profile", PROFILES)
def test_a_month_of_one_person_is_below_its_ceiling(profile: str) -> None:
    parts = person.parts_of({}, cost_files.page_use(), profile)
    assert list(parts) == ["page", "alerts", "chat"]
    whole = person.whole({}, parts)
    assert whole.listed == sum(part.listed for part in parts.values()) < CEILING


def test_what_is_free_is_what_the_desk_leaves() -> None:
    own = {"alarm": Decimal(3)}
    left = [person.part({"alarm": Decimal(count)}, own).after_free for count in (0, 7, 8, 20)]
    assert left == [0, 0, Decimal("0.10"), Decimal("0.30")]


def test_a_month_without_any_event_is_polls_schedules_an_alarm_and_an_image() -> None:
    lines = {line.item: line.listed for line in priced(month_of(AlertsUse(0, 0))).lines}
    watched = 8_640 + 2_880 + 30
    assert lines["sqs-standard-idle"] == 2 * 30 * 86_400 // 20 * Decimal("0.40") / 1_000_000
    assert lines["schedule"] == Decimal(watched) / 1_000_000
    assert lines["lambda-gb-second"] == watched * Decimal("0.05") * Decimal("0.0000133334")


@pytest.mark.parametrize("named", ["lean", "dev"])
def test_sizes_and_schedules_are_those_of_the_stack(named: str) -> None:
    stage, environment = STAGES[named]
    by_name = template("alerts", stage, environment)["Resources"]
    resources = by_name.values()
    # Commands from a chat are priced apart.
    functions = {name: each for name, each in by_name.items() if each["Type"] == "AWS::Lambda::Function"}
    memory = {each["Properties"]["MemorySize"] for name, each in functions.items() if not name.startswith("Chat")}
    rates = {
        each["Properties"]["ScheduleExpression"] for each in resources if each["Type"] == "AWS::Scheduler::Schedule"
    }
    assert memory == {alerts.MEMORY_MB}
    assert rates == {alerts.FOLLOW_UP, alerts.ANOMALIES, alerts.REPORT}
    ringing = [stack for stack, _, _ in packaged_alerts(named).of("AWS::CloudWatch::Alarm") if stack == "alerts"]
    assert len(ringing) == alerts.ALARMS
