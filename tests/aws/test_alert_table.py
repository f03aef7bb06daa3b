"""Alerts in a table: as they were stored, replaced only at the version that was read, and ended by DynamoDB."""

import msgspec
import pytest

from fanfold.alerts.anomalies import HOUR_S, Hour
from fanfold.alerts.record import Alert, AlertRecord, with_acknowledgement, with_event
from fanfold.aws.dynamodb.alert_hours import DynamoHours
from fanfold.aws.dynamodb.alert_table import KEPT, TEXT_MAX, DynamoAlerts
from fanfold.desk import AlertChannel
from fanfold.errors import Conflict
from fanfold.simulation.cloud import MemoryCloud
from support.memory_alerts import MemoryAlerts

CHANNELS = {"phone": AlertChannel()}


def record(key: str = "state main", text: str = "why") -> AlertRecord:
    alert = Alert(id="e1", key=key, severity="critical", title="halted", text=text, at_s=1_728_000_000, lasts=True)
    stored = with_event(None, alert, CHANNELS)
    assert stored is not None
    return stored


@pytest.fixture(params=["memory", "table"])
def store(request) -> MemoryAlerts | DynamoAlerts:
    return MemoryAlerts() if request.param == "memory" else DynamoAlerts(MemoryCloud().table("alerts"))


def test_an_alert_is_read_as_it_was_stored(store) -> None:
    assert store.get("state main") is None
    store.put(record())
    assert store.get("state main") == msgspec.structs.replace(record(), version=1)
    store.put(record("fill BTC/USDT"))
    assert [each.key for each in store.all()] in (["fill BTC/USDT", "state main"], ["state main", "fill BTC/USDT"])


def test_of_two_writers_the_second_is_refused(store) -> None:
    store.put(record())
    with pytest.raises(Conflict):
        store.put(record())
    before = store.get("state main")
    store.put(msgspec.structs.replace(before, count=5))
    with pytest.raises(Conflict):
        store.put(msgspec.structs.replace(before, count=6))
    assert (store.get("state main").count, store.get("state main").version) == (5, 2)


def test_the_text_of_an_alert_has_an_end() -> None:
    alerts = DynamoAlerts(MemoryCloud().table("alerts"))
    alerts.put(record(text="x" * 500_000))
    assert len(alerts.get("state main").text) == TEXT_MAX


def test_an_alert_that_is_not_over_is_never_deleted_and_another_sixty_days_after_it_was_last_heard_of() -> None:
    table, heard_s = MemoryCloud().table("alerts"), 1_728_000_000

    def deleted_at(stored: AlertRecord) -> int | None:
        DynamoAlerts(table).put(stored)
        (item,) = table.query("alert")
        return item.get("expires_at_s")

    assert deleted_at(record()) is None
    taken = DynamoAlerts(table).get("state main")
    assert taken is not None
    assert deleted_at(with_acknowledgement(taken, "ann")) is None
    known = DynamoAlerts(table).get("state main")
    assert known is not None
    end = Alert(
        id="e2", key=known.key, severity="critical", title="", text="", at_s=heard_s + 9, lasts=True, ended=True
    )
    ended = with_event(known, end, CHANNELS)
    assert ended is not None
    assert deleted_at(ended) == heard_s + 9 + KEPT.days * 86_400
    # Of an alert that is over as it happens, nothing is open.
    newest = DynamoAlerts(table).get("state main")
    assert newest is not None
    moment = msgspec.structs.replace(newest, lasts=False, ended_s=0, last_s=heard_s)
    assert deleted_at(moment) == heard_s + KEPT.days * 86_400


def test_hours_are_added_to_and_read_from_a_time_on_oldest_first() -> None:
    hours = DynamoHours(MemoryCloud().table("alerts"))
    begins = 1_728_000_000 // HOUR_S * HOUR_S
    for at_s, more in ((begins - HOUR_S, {}), (begins + 10, {"filled": 1, "reports": 1, "latency_ms": 700}),
                       (begins + 20, {"failed": 1, "fills": 2, "reports": 1, "latency_ms": 300}),
                       (begins + 30, {"equity": "1010.5"})):  # fmt: skip
        hours.add("main", Hour(at_s=at_s, **more))
    hours.add("other", Hour(at_s=begins, fills=9))
    (read,) = hours.since("main", begins)
    assert read == Hour(at_s=begins, filled=1, failed=1, fills=2, reports=2, latency_ms=1_000, equity="1010.5")
    assert [hour.at_s for hour in hours.since("main", 0)] == [begins - HOUR_S, begins]
