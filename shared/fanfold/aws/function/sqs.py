"""The consumer of a queue: the one place where a fault is caught.

A message that can't be understood goes to the dead-letter queue with its reason and counts as handled. Any other fault
is stored by message id, so that its reason is known when the platform gives up, and the message is tried again; the
messages behind it in its FIFO group wait. A standard queue's messages have no group, and none waits for another.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple, TypeVar

import msgspec

from fanfold.aws.client.call import Call
from fanfold.aws.clock import Clock
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.telemetry.telemetry import Telemetry
from fanfold.deployment import excluded
from fanfold.errors import BadInput
from fanfold.messages import Message, decode

REASON_MAX = 1_000
# As long as a dead-letter queue keeps what the fault is of.
FAULT_KEPT = timedelta(days=14)
# A queue takes 256 KB, attributes and all; of a longer message the beginning is sent.
LETTER_MAX = 250_000
# How a body fails that is none of ours: no JSON, of another shape, no UTF-8, nested too deep; or a record without its
# attributes.
NOT_A_MESSAGE = (msgspec.MsgspecError, ValueError, RecursionError, LookupError, TypeError)
Record = dict[str, Any]
T = TypeVar("T")
# XML 1.0's characters are SQS's; a lone surrogate is no UTF-8 either.
_UNSENDABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Arrived(msgspec.Struct, frozen=True):
    """A message, when its queue received it in epoch milliseconds, and whether it was delivered before."""

    message: Message
    body: str
    sent_ms: int
    again: bool


class SqsConsumer(NamedTuple):
    """The parts of a consumer: its dead-letter queue, the table of faults, and the port that is notified of both."""

    call: Call
    dead_letters: str
    faults: str
    clock: Clock
    watch: Telemetry
    # Reads a record's body; raises one of NOT_A_MESSAGE. What it returns has an id and a cause.
    read: Callable[[str], Any] = decode

    def dead_letter(self, record: Record, reason: str) -> None:
        """Send a record to the dead-letter queue with its reason."""
        self.watch.counts.add("DeadLetters")
        self.watch.log.error("a message goes to the dead-letter queue", delivery=record["messageId"], reason=reason)
        known = {"reason": reason[:REASON_MAX], "source": record.get("eventSourceARN"), "message": record["messageId"]}
        attributes = {name: _sendable(value) for name, value in known.items() if value}
        request = {
            "QueueUrl": self.dead_letters,
            "MessageBody": _sendable(record.get("body", "(nothing)")),
            "MessageAttributes": {
                key: {"DataType": "String", "StringValue": value} for key, value in attributes.items()
            },
        }
        if self.dead_letters.endswith(".fifo"):
            request |= {"MessageGroupId": _group(record), "MessageDeduplicationId": record["messageId"]}
        self.call("sqs", "SendMessage", request)

    def record_failure(self, record: Record, fault: BaseException) -> None:
        """Store the last fault of a message that will be tried again."""
        self.watch.log.fault("a message will be tried again", fault, delivery=record["messageId"])
        text = f"{type(fault).__name__}: {fault}"[:REASON_MAX]
        table = Table(self.call, self.faults)
        now = self.clock()
        item = {"reason": text, "at": now.isoformat(), "expires_at_s": int((now + FAULT_KEPT).timestamp())}
        table.write([table.putting((record["messageId"], "fault"), item)])


def verb_of(routes: Mapping[type[Message], str], message: Message) -> str:
    """Return the verb that takes a message; raises BadInput for a type that the service has no route for."""
    verb = routes.get(type(message))
    if verb is None:
        taken = ", ".join(sorted(kind.__name__ for kind in routes))
        raise BadInput(f"no route for {type(message).__name__}; this service takes {taken}")
    return verb


def filtered(service: str, handle: Callable[[Arrived], None], edge: SqsConsumer) -> Callable[[Arrived], None]:
    """Return a verb that drops messages which the filter of the service's subscription excludes; see ``excluded``."""

    def passed(arrived: Arrived) -> None:
        if excluded(service, arrived.message):
            edge.watch.log.warning("dropped a message that the filter of its subscription excludes")
        else:
            handle(arrived)

    return passed


def consume(event: dict[str, Any], handle: Callable[[Arrived], None], edge: SqsConsumer) -> dict[str, Any]:
    """Call a verb with the records of an SQS event one by one; the response names those to deliver again."""
    return _to_deliver_again(_one_by_one(event["Records"], handle, edge))


def consume_batch(
    event: dict[str, Any], handle: Callable[[list[Arrived]], None], edge: SqsConsumer, size: int = 1_000
) -> dict[str, Any]:
    """Call a verb that takes up to ``size`` records at once, all or none."""
    records: list[Record] = event["Records"]
    failed: list[Record] = []
    for start in range(0, len(records), size):
        stopped = set(map(_group, failed))
        understood: list[tuple[Record, Arrived]] = []
        for record in records[start : start + size]:
            if _group(record) in stopped:
                failed.append(record)
                continue
            try:
                understood.append((record, _arrived(record, edge)))
            except NOT_A_MESSAGE as wrong:
                failed += [] if _dead_letter(record, _wrong(wrong), edge) else [record]
        failed += _handle_all(understood, handle, edge) if understood else []
    return _to_deliver_again(failed)


def _to_deliver_again(failed: list[Record]) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed] if failed else []}


def _handle_all(
    understood: list[tuple[Record, Arrived]], handle: Callable[[list[Arrived]], None], edge: SqsConsumer
) -> list[Record]:
    """Return the records to deliver again. If one of several is wrong, each is handled by itself."""
    records = [record for record, _ in understood]
    all_arrived = [arrived for _, arrived in understood]
    edge.watch.begin_message(records[0], all_arrived[0].message, min(arrived.sent_ms for arrived in all_arrived))
    try:
        done = _taken(records, handle, all_arrived, edge)
    except BadInput as wrong:
        if len(records) > 1:
            return _one_by_one(records, lambda arrived: handle([arrived]), edge)
        done = _dead_letter(records[0], str(wrong), edge)
    return [] if done else records


def _one_by_one(records: Iterable[Record], handle: Callable[[Arrived], None], edge: SqsConsumer) -> list[Record]:
    """Handle records one by one; return those to deliver again: one that failed, and those behind it in its group."""
    failed: list[Record] = []
    for record in records:
        if (failed and _group(record) in map(_group, failed)) or not _handled(record, handle, edge):
            failed.append(record)
    return failed


def _handled(record: Record, handle: Callable[[Arrived], None], edge: SqsConsumer) -> bool:
    """Return whether the verb took the record, or the dead-letter queue did."""
    try:
        arrived = _arrived(record, edge)
    except NOT_A_MESSAGE as wrong:
        return _dead_letter(record, _wrong(wrong), edge)
    edge.watch.begin_message(record, arrived.message, arrived.sent_ms)
    try:
        return _taken([record], handle, arrived, edge)
    except BadInput as wrong:
        return _dead_letter(record, str(wrong), edge)


def _taken(records: Sequence[Record], handle: Callable[[T], None], arrived: T, edge: SqsConsumer) -> bool:
    """Return whether the verb took what arrived. Raises BadInput for what it can never take."""
    try:
        handle(arrived)
    except BadInput:
        raise
    except Exception as fault:  # noqa: BLE001 - it is kept, told of, and tried again
        for record in records:
            _record_failure(record, fault, edge)
        return False
    return True


def _wrong(fault: Exception) -> str:
    return f"not a message: {type(fault).__name__}: {fault}"


def _dead_letter(record: Record, reason: str, edge: SqsConsumer) -> bool:
    """Send the record to the dead-letter queue. Return False if that fails: after some tries the platform moves it."""
    try:
        edge.dead_letter(record, reason)
    except Exception as fault:  # noqa: BLE001 - a message that its dead-letter queue refuses must not take its neighbours along
        _record_failure(record, RuntimeError(f"{reason} (the dead-letter queue did not take it: {fault})"), edge)
        return False
    return True


def _record_failure(record: Record, fault: BaseException, edge: SqsConsumer) -> None:
    try:
        edge.record_failure(record, fault)
    except Exception as lost:  # noqa: BLE001 - the record comes again all the same; what is lost is its reason
        edge.watch.log.fault("a fault could not be recorded", lost, delivery=record["messageId"])


def _arrived(record: Record, edge: SqsConsumer) -> Arrived:
    attributes = record["attributes"]
    again = attributes.get("ApproximateReceiveCount", "1") != "1"
    return Arrived(edge.read(record["body"]), record["body"], int(attributes.get("SentTimestamp", 0)), again)


def _group(record: Record) -> str:
    return str(record.get("attributes", {}).get("MessageGroupId") or record["messageId"])


def _sendable(text: str) -> str:
    """Return a text as a queue accepts it: without forbidden characters, and not too long."""
    kept = _UNSENDABLE.sub("\N{REPLACEMENT CHARACTER}", text)
    return kept.encode()[:LETTER_MAX].decode(errors="ignore")
