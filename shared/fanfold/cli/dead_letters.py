"""Read the messages of dead-letter queues, each with the reason why it could not be handled."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from fanfold.deployment import dead_letters_names
from fanfold.errors import NothingThere
from fanfold.local.session import Session

BODY_MAX = 200
BATCH = 10
# How long a letter is hidden from others while it is read; the letters of an interrupted command are back after it.
HOLD_S = 10
NO_REASON = "the function crashed or ran out of time; its log says more"


class Letter(NamedTuple):
    """A message in one of a service's dead-letter queues, with the handle that it can be deleted by."""

    service: str
    queue: str
    handle: str
    message_id: str
    group: str
    reason: str
    source: str
    receives: int
    sent_ms: int
    body: str


def services_of(session: Session, service: str | None) -> tuple[str, ...]:
    """Return a service, or all that have queues. Raises NothingThere for one whose optional stack is not deployed."""
    there = session.services
    if service and service not in there:
        raise NothingThere(f"the stage {session.stage} has no {service}: its stack is not deployed")
    return (service,) if service else there


def receive(session: Session, service: str) -> Iterator[Letter]:
    """Yield the letters of a service, hidden for a moment; of a FIFO group no more than one batch is in reach."""
    for queue in dead_letters_names(service, session.stage):
        yield from _received(session, service, queue)


def release(session: Session, letter: Letter) -> None:
    """Show a letter to others again."""
    handle = {"QueueUrl": session.queue_url(letter.queue), "ReceiptHandle": letter.handle}
    session.call("sqs", "ChangeMessageVisibility", handle | {"VisibilityTimeout": 0})


def row(letter: Letter) -> dict[str, Any]:
    """Return a letter as commands show it, with its age and the start of its body."""
    fields = letter._asdict()
    del fields["handle"], fields["queue"]
    age_s = round(time.time() - letter.sent_ms / 1000)
    return fields | {"age_s": age_s, "source": letter.source.rsplit(":", 1)[-1], "body": letter.body[:BODY_MAX]}


def _received(session: Session, service: str, queue: str) -> Iterator[Letter]:
    request = {
        "QueueUrl": session.queue_url(queue),
        "MaxNumberOfMessages": BATCH,
        "VisibilityTimeout": HOLD_S,
        "AttributeNames": ["All"],
        "MessageAttributeNames": ["All"],
    }
    while messages := session.call("sqs", "ReceiveMessage", request).get("Messages", []):
        for message in messages:
            yield _letter(session, service, queue, message)


def _letter(session: Session, service: str, queue: str, message: dict[str, Any]) -> Letter:
    attributes = {name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()}
    system = message.get("Attributes", {})
    recorded = {} if "reason" in attributes else session.faults.get((message["MessageId"], "fault"))
    return Letter(
        service=service,
        queue=queue,
        handle=message["ReceiptHandle"],
        message_id=message["MessageId"],
        group=system.get("MessageGroupId", "none"),
        reason=attributes.get("reason") or recorded.get("reason", NO_REASON),
        source=attributes.get("source") or system.get("DeadLetterQueueSourceArn", ""),
        receives=int(system.get("ApproximateReceiveCount", 0)),
        sent_ms=int(system.get("SentTimestamp", 0)),
        body=message["Body"],
    )
