"""Approve a change that an assistant proposed; it asks a person at a terminal.

A change is written into the desk file, where the next run or deploy reads it. A resume goes to the desk; a stage asks
for a second person, who approves the same ticket.

Example: fanfold approve 3fa2c19b
"""

import sys
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fanfold.cli.argument_types import Options, Shared
from fanfold.cli.assistants import desk_changes
from fanfold.cli.assistants.call_log import FOLDER, CallLog
from fanfold.cli.assistants.tickets import SHORT_ID, Ticket, TicketApproval, TicketBox
from fanfold.cli.commands import resume
from fanfold.cli.commands.tickets import lines
from fanfold.cli.exit_codes import DESK
from fanfold.cli.output import Answer
from fanfold.cli.whole_files import writing
from fanfold.errors import BadInput
from fanfold.local.error_output import visible

EXITS = DESK
OPEN = ("open", "waits for a second person")


def command(
    ticket: Annotated[str, Parameter(metavar="TICKET", help="its id, or the start of one")], /, *, options: Shared
) -> Answer:
    """Carry out a ticket that a person confirms."""
    box, now = TicketBox(options.state.resolve() / FOLDER), datetime.now(UTC)
    wanted = box.find(ticket)
    state = box.state(wanted, now)
    if state not in OPEN:
        raise BadInput(f"ticket {wanted.id[:SHORT_ID]} is {state}; have it proposed anew")
    _confirm(wanted)
    log = CallLog(options.state.resolve() / FOLDER, lambda: int(now.timestamp() * 1_000))
    # Before anything is changed: a log that was changed, or cannot be written, stops it.
    log.append({"event": "approving", "ticket": wanted.id, "by": getuser()})
    before = box.approval(wanted)
    answer, confirmation = _resumed(wanted, options, before) if wanted.kind == "resume" else (_written(wanted), "")
    box.approve(wanted, TicketApproval(by=getuser(), at=now, confirmation=confirmation))
    log.append({"event": "approved", "ticket": wanted.id, "by": getuser()})
    return answer


def _confirm(ticket: Ticket) -> None:
    """Ask the person at the terminal. Raises BadInput where there is none, or another answer."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise BadInput("a ticket is approved by a person: run this at a terminal")
    short = ticket.id[:SHORT_ID]
    sys.stderr.write(visible("\n".join([*lines(ticket), f"type {short} to approve it: "])))
    sys.stderr.flush()
    if sys.stdin.readline().strip() != short:
        raise BadInput("that is not its id: nothing was changed")


def _written(ticket: Ticket) -> Answer:
    path = Path(ticket.desk_file)
    text, sha256 = desk_changes.text_of(path)
    if sha256 != ticket.desk_sha256:
        raise BadInput(f"{path} has changed since the ticket was made; have it proposed anew")
    after = desk_changes.changed(text, ticket.changes, path.name)
    if desk_changes.digest(after) != ticket.result_sha256:
        raise BadInput("the ticket would change something else than it says; have it proposed anew")
    with writing(path) as file:
        file.write(after.encode())
    return Answer(
        {"ticket": ticket.id, "desk_file": str(path)}, [f"{path} is changed; the next run or deploy trades by it"]
    )


def _resumed(ticket: Ticket, options: Options, before: TicketApproval | None) -> tuple[Answer, str]:
    """Return the answer of a resume, and the confirmation that a second person has to come back with, "" for none."""
    answer = resume.command(
        options=options,
        stage=ticket.stage,
        reason=f"{ticket.why} (ticket {ticket.id[:SHORT_ID]})",
        account=ticket.account,
        rearm=ticket.rearm,
        confirmation=before.confirmation if before else None,
    )
    pending = [row.get("confirmation", "") for row in answer.document["accounts"] if row["state"] == "PENDING"]
    return answer, pending[0] if pending else ""
