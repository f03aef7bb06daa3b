"""The outbox: what was written with a change is published, and forgotten then."""

import pytest
from emulator import Cloud
from ledger_examples import approved, create_table, create_topic, heard, order, report

from fanfold.aws.calls import AwsFault
from fanfold.aws.outbox import Outbox
from fanfold.aws.tables import Table
from fanfold.aws.topics import Topics


@pytest.fixture
def topic(cloud: Cloud) -> tuple[str, str]:
    return create_topic(cloud.admin, "executions")


@pytest.fixture
def outbox(cloud: Cloud, topic: tuple[str, str]) -> Outbox:
    create_table(cloud.admin, "ledger")
    return Outbox(Table(cloud.call, "ledger"), "execution", Topics(cloud.call, {"executions": topic[0]}))


def test_what_a_crash_left_is_swept_once(cloud: Cloud, outbox: Outbox, topic: tuple[str, str]) -> None:
    table = Table(cloud.call, "ledger")
    table.write([outbox.holding(report("a")), outbox.holding(report("b"))])
    assert outbox.sweep() == 2
    assert outbox.sweep() == 0
    assert sorted(one.id for one in heard(cloud.admin, topic[1])) == ["a", "b"]


def test_what_is_held_is_published_with_what_need_not_be_and_forgotten(
    cloud: Cloud, outbox: Outbox, topic: tuple[str, str]
) -> None:
    Table(cloud.call, "ledger").write([outbox.holding(report("a"))])
    outbox.publish([report("a")], [report("b")])
    assert [one.id for one in heard(cloud.admin, topic[1])] == ["a", "b"]
    assert outbox.sweep() == 0


def test_another_services_messages_are_left_alone(cloud: Cloud, outbox: Outbox) -> None:
    table = Table(cloud.call, "ledger")
    other = Outbox(table, "risk", Topics(cloud.call, {}))
    table.write([other.holding(approved(order("A")))])
    assert outbox.sweep() == 0


def test_what_a_topic_refuses_stays_in_the_outbox(cloud: Cloud) -> None:
    create_table(cloud.admin, "ledger")
    table = Table(cloud.call, "ledger")
    arn = "arn:aws:sns:eu-west-1:123456789012:none.fifo"
    outbox = Outbox(table, "execution", Topics(cloud.call, {"executions": arn}))
    table.write([outbox.holding(report("a"))])
    with pytest.raises(AwsFault):
        outbox.sweep()
    assert len(list(table.query("outbox#execution"))) == 1
