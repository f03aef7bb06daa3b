"""The outbox: what was written with a change is published, and forgotten then."""

from datetime import timedelta
from typing import Any

import pytest

from fanfold.aws.client.call import AwsFault
from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.ledger_store import DynamoLedger
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.sns import Topics
from fanfold.ledger.changes import IndexOrder
from support.emulator import Cloud
from support.ledger_examples import AT, approved, create_table, create_topic, heard, once, order, report


@pytest.fixture
def topic(cloud: Cloud) -> tuple[str, str]:
    return create_topic(cloud.admin, "executions")


@pytest.fixture
def outbox(cloud: Cloud, topic: tuple[str, str]) -> Outbox:
    create_table(cloud.admin, "ledger")
    return Outbox(Table(cloud.call, "ledger"), "execution", Topics(cloud.call, {"executions": topic[0]}))


def test_messages_that_a_crash_left_are_swept_once(cloud: Cloud, outbox: Outbox, topic: tuple[str, str]) -> None:
    table = Table(cloud.call, "ledger")
    table.write([outbox.holding(report("a")), outbox.holding(report("b"))])
    assert outbox.sweep() == 2
    assert outbox.sweep() == 0
    assert sorted(sent.id for sent in heard(cloud.admin, topic[1])) == ["a", "b"]


def test_held_messages_are_published_with_others_and_deleted(
    cloud: Cloud, outbox: Outbox, topic: tuple[str, str]
) -> None:
    Table(cloud.call, "ledger").write([outbox.holding(report("a"))])
    outbox.publish([report("a")], [report("b")])
    assert [sent.id for sent in heard(cloud.admin, topic[1])] == ["a", "b"]
    assert outbox.sweep() == 0


def test_another_services_messages_are_left_alone(cloud: Cloud, outbox: Outbox) -> None:
    table = Table(cloud.call, "ledger")
    other = Outbox(table, "risk", Topics(cloud.call, {}))
    table.write([other.holding(approved(order("A")))])
    assert outbox.sweep() == 0


def test_a_message_that_a_topic_refuses_stays_in_the_outbox(cloud: Cloud) -> None:
    create_table(cloud.admin, "ledger")
    table = Table(cloud.call, "ledger")
    arn = "arn:aws:sns:eu-west-1:123456789012:none.fifo"
    outbox = Outbox(table, "execution", Topics(cloud.call, {"executions": arn}))
    table.write([outbox.holding(report("a"))])
    with pytest.raises(AwsFault):
        outbox.sweep()
    assert len(list(table.query("outbox#execution"))) == 1


LONG = "x" * 300_000


def quarantined(table: Table) -> dict[str, str]:
    return {item["sk"]: item["reason"] for item in table.query("quarantine#execution")}


class Heard(list[str]):
    """A monitor that keeps the reports of quarantined and of overdue messages."""

    def report_unpublishable(self, name: str, reason: str) -> None:
        assert reason
        self.append(name)

    def report_overdue(self, name: str, seconds: int) -> None:
        self.append(f"{name} waits for {seconds} s")


def watched(cloud: Cloud, arn: str) -> tuple[Outbox, Table, Heard]:
    create_table(cloud.admin, "ledger")
    table, notices = Table(cloud.call, "ledger"), Heard()
    topics = Topics(cloud.call, {"executions": arn})
    return Outbox(table, "execution", topics, notices), table, notices


def test_a_too_long_message_is_quarantined_with_its_reason_and_stops_no_other(
    cloud: Cloud, topic: tuple[str, str]
) -> None:
    outbox, table, notices = watched(cloud, topic[0])
    poison = report("b", poll_id=LONG)
    table.write([outbox.holding(held) for held in (report("a"), poison, report("c"))])
    assert outbox.sweep() == 3
    assert sorted(sent.id for sent in heard(cloud.admin, topic[1])) == ["a", "c"]
    assert (outbox.sweep(), notices) == (0, ["b"])
    assert "262144" in quarantined(table)["b"]


def test_a_too_long_message_that_was_not_held_is_quarantined_too(cloud: Cloud, topic: tuple[str, str]) -> None:
    outbox, table, notices = watched(cloud, topic[0])
    outbox.publish([], [report("a", poll_id="x" * 500_000), report("b")])
    assert [sent.id for sent in heard(cloud.admin, topic[1])] == ["b"]
    assert (notices, list(quarantined(table))) == (["a"], ["a"])


@pytest.mark.parametrize(
    "body",
    [
        b'{"type":"orders-approved.v2","id":"new"}',
        b"\xff",
        b"",
        b"[" * 60_000,
        b'{"type":"execution-report.v1"}',
    ],
)
def test_an_unreadable_message_in_the_outbox_is_quarantined(cloud: Cloud, topic: tuple[str, str], body: bytes) -> None:
    once(cloud)
    outbox, table, notices = watched(cloud, topic[0])
    table.write([table.putting(("outbox#execution", "new"), {"body": body}), outbox.holding(report("a"))])
    assert outbox.sweep() == 2
    assert [sent.id for sent in heard(cloud.admin, topic[1])] == ["a"]
    assert (outbox.sweep(), notices) == (0, ["new"])


def test_the_oldest_message_is_published_first(cloud: Cloud, topic: tuple[str, str]) -> None:
    once(cloud)
    outbox, table, _ = watched(cloud, topic[0])
    later = report("a", at=report().at + timedelta(seconds=1))
    table.write([outbox.holding(later), outbox.holding(report("b"))])
    outbox.sweep()
    assert [sent.id for sent in heard(cloud.admin, topic[1])] == ["b", "a"]


def test_an_entry_of_a_live_order_is_not_published(cloud: Cloud, topic: tuple[str, str]) -> None:
    once(cloud)
    outbox, table, _ = watched(cloud, topic[0])
    DynamoLedger(table, outbox).commit([IndexOrder("main", "A", "approved-A", AT)])
    assert outbox.sweep() == 0
    assert [live_order.order_id for live_order in ledger.live_of(outbox.items())] == ["A"]


def test_each_sweep_reports_a_message_that_waits_for_over_five_minutes(cloud: Cloud, topic: tuple[str, str]) -> None:
    once(cloud)
    _, table, notices = watched(cloud, topic[0])
    now = AT

    def throttled(*_asked: Any) -> dict[str, Any]:
        raise AwsFault("Throttling", "too fast", 400)

    waits = Outbox(table, "execution", Topics(throttled, {"executions": topic[0]}), notices, lambda: now)
    # What it tells of may be far older than it is itself.
    table.write([waits.holding(report("a", at=AT - timedelta(days=3)))])
    for seconds in (0, 300, 301, 360):
        now = AT + timedelta(seconds=seconds)
        with pytest.raises(AwsFault):
            waits.sweep()
    assert notices == ["a waits for 301 s", "a waits for 360 s"]
    now = AT + timedelta(seconds=420)
    goes = Outbox(table, "execution", Topics(cloud.call, {"executions": topic[0]}), notices, lambda: now)
    assert (goes.sweep(), goes.sweep()) == (1, 0)
    assert notices[2:] == ["a waits for 420 s"]
