"""``fanfold dead-letters list`` and ``redrive``: what could not be handled, why, and another try."""

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import Any, NamedTuple

from fanfold import ids
from fanfold.cli.commands.command import Command
from fanfold.cli.output import Answer, grid
from fanfold.deployment import SERVICES, dead_letters_names, ordering, queue_name
from fanfold.local.session import Session
from fanfold.stages.session import reach

BODY_MAX = 200
BATCH = 10
# How long a letter is kept from others while it is looked at; an interrupted command's letters are back after it.
HOLD_S = 10
NO_REASON = "the function crashed or ran out of time; its log says more"
_COLUMNS = {
    "service": "service",
    "message_id": "message",
    "age_s": "age s",
    "receives": "receives",
    "source": "source",
    "reason": "reason",
    "body": "body",
}


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


def list_letters(arguments: Namespace) -> Answer:
    """Every dead letter with its reason; they stay where they are."""
    with reach(arguments) as session:
        letters = [letter for service in _services(arguments) for letter in receive(session, service)]
        for letter in letters:
            _release(session, letter)
    rows = [_row(letter) for letter in letters]
    if not rows:
        return Answer({"dead_letters": []}, ["no dead letters"])
    return Answer({"dead_letters": rows}, [grid("", rows, _COLUMNS), f"{len(rows)} dead letters"])


def redrive(arguments: Namespace) -> Answer:
    """Send dead letters back to the queues they came from."""
    with reach(arguments) as session:
        counts = {service: _redrive(session, service) for service in _services(arguments)}
        rested = session.rested() if any(counts.values()) else True
    rows = [{"service": service, "redriven": count} for service, count in counts.items()]
    document = {"redriven": counts, "total": sum(counts.values()), "rested": rested}
    text = f"{sum(counts.values())} sent back; `fanfold dead-letters list` shows whether any returned"
    return Answer(document, [grid("", rows, {"service": "service", "redriven": "sent back"}), text])


def receive(session: Session, service: str) -> Iterator[Letter]:
    """The letters of a service, held for a moment; in a FIFO group no more than one batch is in reach at a time."""
    for queue in dead_letters_names(service, session.stage):
        yield from _received(session, service, queue)


def _received(session: Session, service: str, queue: str) -> Iterator[Letter]:
    asked = {
        "QueueUrl": session.queue_url(queue),
        "MaxNumberOfMessages": BATCH,
        "VisibilityTimeout": HOLD_S,
        "AttributeNames": ["All"],
        "MessageAttributeNames": ["All"],
    }
    while found := session.call("sqs", "ReceiveMessage", asked).get("Messages", []):
        for message in found:
            yield _letter(session, service, queue, message)


def _redrive(session: Session, service: str) -> int:
    """How many were sent back; those that return meanwhile stay.

    Sent first, deleted then: a crash in between sends one twice, and verbs bear that.
    """
    began_ms, count, returned = int(time.time() * 1000), 0, list[Letter]()
    for letter in receive(session, service):
        if letter.sent_ms >= began_ms:
            returned.append(letter)
            continue
        to = queue_name(service, session.stage)
        asked = {"QueueUrl": session.queue_url(to), "MessageBody": letter.body}
        once = ordering(to, letter.group, ids.derive("redrive", letter.message_id))
        session.call("sqs", "SendMessage", asked | once)
        where = {"QueueUrl": session.queue_url(letter.queue), "ReceiptHandle": letter.handle}
        session.call("sqs", "DeleteMessage", where)
        count += 1
    for letter in returned:
        _release(session, letter)
    return count


def _letter(session: Session, service: str, queue: str, message: dict[str, Any]) -> Letter:
    told = {name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()}
    system = message.get("Attributes", {})
    kept = {} if "reason" in told else session.faults.get((message["MessageId"], "fault"))
    return Letter(
        service=service,
        queue=queue,
        handle=message["ReceiptHandle"],
        message_id=message["MessageId"],
        group=system.get("MessageGroupId", "none"),
        reason=told.get("reason") or kept.get("reason", NO_REASON),
        source=told.get("source") or system.get("DeadLetterQueueSourceArn", ""),
        receives=int(system.get("ApproximateReceiveCount", 0)),
        sent_ms=int(system.get("SentTimestamp", 0)),
        body=message["Body"],
    )


def _release(session: Session, letter: Letter) -> None:
    where = {"QueueUrl": session.queue_url(letter.queue), "ReceiptHandle": letter.handle}
    session.call("sqs", "ChangeMessageVisibility", where | {"VisibilityTimeout": 0})


def _row(letter: Letter) -> dict[str, Any]:
    fields = letter._asdict()
    del fields["handle"], fields["queue"]
    age_s = round(time.time() - letter.sent_ms / 1000)
    return fields | {"age_s": age_s, "source": letter.source.rsplit(":", 1)[-1], "body": letter.body[:BODY_MAX]}


def _services(arguments: Namespace) -> tuple[str, ...]:
    return (arguments.service,) if arguments.service else SERVICES


def _add_arguments(parser: ArgumentParser) -> None:
    about = f"one of {', '.join(SERVICES)}; without it, all"
    parser.add_argument("--service", choices=SERVICES, metavar="NAME", help=about)


COMMANDS = (
    Command(
        ("dead-letters", "list"),
        "Messages that could not be handled, and why.",
        "fanfold dead-letters list --service risk",
        list_letters,
        _add_arguments,
        staged=True,
    ),
    Command(
        ("dead-letters", "redrive"),
        "Send dead letters back to the queues they came from.",
        "fanfold dead-letters redrive --service risk",
        redrive,
        _add_arguments,
        staged=True,
    ),
)
