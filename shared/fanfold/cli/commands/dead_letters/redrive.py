"""Send dead letters back to the queues they came from.

Example: fanfold dead-letters redrive --service risk
"""

import time

from fanfold import ids
from fanfold.cli.argument_types import Service, Shared, StageName
from fanfold.cli.dead_letters import Letter, receive, release, services_of
from fanfold.cli.exit_codes import DESK
from fanfold.cli.output import Answer, grid
from fanfold.deployment import fifo_parameters, queue_name
from fanfold.local.session import Session
from fanfold.stages.session import reach

EXITS = DESK


def command(*, options: Shared, stage: StageName = "", service: Service = None) -> Answer:
    """Send the dead letters of a service, or of all, back once each."""
    with reach(options.state, stage, options.command) as session:
        counts = {name: _redrive(session, name) for name in services_of(session, service)}
        rested = session.rested() if any(counts.values()) else True
    rows = [{"service": name, "redriven": count} for name, count in counts.items()]
    document = {"redriven": counts, "total": sum(counts.values()), "rested": rested}
    text = f"{sum(counts.values())} sent back; `fanfold dead-letters list` shows whether any returned"
    return Answer(document, [grid("", rows, {"service": "service", "redriven": "sent back"}), text])


def _redrive(session: Session, service: str) -> int:
    """Return how many were sent back; those that return meanwhile stay.

    Each is sent, then deleted: a crash in between sends it twice, which every verb tolerates.
    """
    began_ms, count, returned = int(time.time() * 1000), 0, list[Letter]()
    for letter in receive(session, service):
        if letter.sent_ms >= began_ms:
            returned.append(letter)
            continue
        to = queue_name(service, session.stage)
        message = {"QueueUrl": session.queue_url(to), "MessageBody": letter.body}
        session.call(
            "sqs", "SendMessage", message | fifo_parameters(to, letter.group, ids.derive("redrive", letter.message_id))
        )
        handle = {"QueueUrl": session.queue_url(letter.queue), "ReceiptHandle": letter.handle}
        session.call("sqs", "DeleteMessage", handle)
        count += 1
    for letter in returned:
        release(session, letter)
    return count
