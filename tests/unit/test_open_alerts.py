"""The alerts that the page shows: those that need somebody, the worst and newest first."""

from fanfold.alerts.entries import AlertChannel, Severity
from fanfold.alerts.record import Alert
from fanfold.alerts.sending import AlertSender, acknowledge
from fanfold.aws.dynamodb.alert_table import DynamoAlerts
from fanfold.aws.function.watched import WatchedStage
from fanfold.errors import AT_ONCE
from fanfold.simulation.cloud import MemoryCloud

NOW = 1_728_000_000


def test_open_alerts_are_shown_until_they_are_over_or_taken() -> None:
    cloud = MemoryCloud()
    table = cloud.table("alerts")
    sender = AlertSender(
        DynamoAlerts(table), {"phone": AlertChannel()}, lambda _n: None, lambda: NOW, AT_ONCE, lambda *_line: None
    )

    def send(key: str, severity: Severity, minute: int, *, lasts: bool = True, ended: bool = False) -> None:
        at_s = NOW + 60 * minute
        name = f"{key} {minute}"
        sender.send(Alert(id=name, key=key, severity=severity, title=f"title of {key}", text="why", at_s=at_s,
                          lasts=lasts, ended=ended))  # fmt: skip

    watched = WatchedStage(cloud.call, table, table, "test", "http://queues")
    assert watched.alerts() == []
    for minute, key in enumerate(("first", "second", "taken", "over")):
        send(key, "critical" if key != "first" else "warning", minute)
    send("second", "critical", 9)
    send("a moment", "critical", 5, lasts=False)
    send("over", "critical", 10, ended=True)
    acknowledge(DynamoAlerts(table), "taken", "anna", AT_ONCE)
    assert [(each.key, each.severity, each.count) for each in watched.alerts()] == [
        ("second", "critical", 2), ("first", "warning", 1)
    ]  # fmt: skip
    newest, _ = watched.alerts()
    assert (newest.title, newest.text, int(newest.since.timestamp())) == ("title of second", "why", NOW + 60)
