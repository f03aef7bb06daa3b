"""The price of alerts: by hand, by the sizes that its stack has, and below what is promised of it."""

from decimal import Decimal

from fanfold.cost import alerts
from fanfold.cost.alerts import AlertsUse, month_of
from fanfold.cost.sweep import total
from support.alerts_stage import packaged_alerts
from support.packaged_stages import STAGES, template

# Of the 0.50 $ that alerts, chat and page may cost one person a month.
CEILING = Decimal("0.35")


def test_a_month_of_one_person_is_below_its_ceiling() -> None:
    assert Decimal("0.25") < total(month_of(AlertsUse())) < CEILING


def test_a_month_without_any_event_is_polls_schedules_an_alarm_and_an_image() -> None:
    lines = {line.what: line.usd for line in month_of(AlertsUse(0, 0))}
    watched = 8_640 + 2_880 + 30
    assert lines["SQS standard, empty polls"] == 2 * 30 * 86_400 // 20 * Decimal("0.40") / 1_000_000
    assert lines["EventBridge Scheduler"] == Decimal(watched) / 1_000_000
    assert lines["Lambda, arm64"] == watched * Decimal("0.05") * Decimal("0.0000133334")


def test_sizes_and_schedules_are_those_of_the_stack() -> None:
    stage, environment = STAGES["lean"]
    named = template("alerts", stage, environment)["Resources"]
    resources = named.values()
    # Commands from a chat are priced apart.
    functions = [each for name, each in named.items() if each["Type"] == "AWS::Lambda::Function" and name[:4] != "Chat"]
    memory = {each["Properties"]["MemorySize"] for each in functions}
    rates = {
        each["Properties"]["ScheduleExpression"] for each in resources if each["Type"] == "AWS::Scheduler::Schedule"
    }
    assert memory == {alerts.MEMORY_MB}
    assert rates == {alerts.FOLLOW_UP, alerts.ANOMALIES, alerts.REPORT}
    ringing = [stack for stack, _, _ in packaged_alerts("lean").of("AWS::CloudWatch::Alarm") if stack == "alerts"]
    assert len(ringing) == alerts.ALARMS
