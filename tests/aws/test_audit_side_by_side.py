"""Two processes of audit stand side by side in one program, each with buckets and a table of its own."""

from datetime import datetime

from audit_service import wiring
from audit_service.settings import Settings
from fanfold.aws.function.runtime import Runtime
from fanfold.aws.function.sqs import Arrived, SqsConsumer
from fanfold.aws.telemetry.telemetry import Telemetry
from fanfold.errors import AT_ONCE
from fanfold.messages import Message, encode
from support.audit_examples import AUDIT, LAKE, START, VIEWS, create_everything, minute
from support.core_desk import small_desk
from support.emulator import Cloud


def process(cloud: Cloud, suffix: str) -> wiring.AuditProcess:
    def clock() -> datetime:
        return START

    create_everything(cloud.admin, suffix)
    watch = Telemetry({}, clock, write=len)
    edge = SqsConsumer(cloud.call, "dead-letters", "faults", clock, watch)
    buckets = {"lake_bucket": LAKE + suffix, "audit_bucket": AUDIT + suffix}
    places = Settings(stage="test", views_table=VIEWS + suffix, **buckets)
    return wiring.build(Runtime(cloud.call, clock, small_desk(), edge, watch, AT_ONCE), places)


def arrived(messages: list[Message]) -> list[Arrived]:
    return [Arrived(message, encode(message).decode(), 0, again=False) for message in messages]


def ends(audit: wiring.AuditProcess) -> dict[str, int]:
    return {head.stream: head.seq for head in audit.views.heads()}


def test_two_processes_of_audit_record_and_flush_apart(cloud: Cloud) -> None:
    first, second = process(cloud, "-first"), process(cloud, "-second")
    first.record(arrived(minute(0)))
    assert (len(ends(first)), ends(second)) == (2, {})
    second.record(arrived(minute(0) + minute(1)))
    assert ends(second) == {stream: 2 * seq for stream, seq in ends(first).items()}
    rows = first.flush()
    assert rows > 0
    assert second.flush() > rows
    assert (first.flush(), second.flush()) == (0, 0)
