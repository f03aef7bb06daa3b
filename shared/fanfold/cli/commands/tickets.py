"""List the changes that assistants proposed, and what became of them.

It reads the log of their calls too, and fails where that was changed.

Example: fanfold tickets
Example: fanfold tickets 3fa2c19b
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from fanfold.cli.argument_types import Shared
from fanfold.cli.assistants.call_log import FOLDER, CallLog
from fanfold.cli.assistants.tickets import SHORT_ID, Ticket, TicketBox
from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import Answer, grid, moment
from fanfold.cli.reading import minute

EXITS = (Exit.NOTHING_THERE,)
_COLUMNS = {"id": "ticket", "made_at": "made", "kind": "what", "state": "state", "why": "why"}
WHY_WIDTH = 60
REARMED = "its day and its peak begin anew: daily_loss_max and drawdown_max count from now"
_BREAKS = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")


def command(
    ticket: Annotated[str | None, Parameter(metavar="TICKET", help="one ticket, whole, by its id or the start")] = None,
    /,
    *,
    options: Shared,
) -> Answer:
    """Return the tickets, the newest last, or one of them whole."""
    folder = options.state.resolve() / FOLDER
    box, now = TicketBox(folder), datetime.now(UTC)
    calls = len(CallLog(folder, lambda: 0).records())
    if ticket is not None:
        wanted = box.find(ticket)
        state = box.state(wanted, now)
        return Answer(_document(wanted, state), ["\n".join([*lines(wanted), f"  state     {state}"])])
    known = list(box.states(now))
    document = {"tickets": [_document(each, state) for each, state in known], "journal_records": calls}
    if not known:
        return Answer(document, ["no tickets: `fanfold mcp --scope propose` lets an assistant make some"])
    return Answer(
        document,
        [grid("", [_row(each, state) for each, state in known], _COLUMNS), "`fanfold approve TICKET` approves one"],
    )


def lines(ticket: Ticket) -> list[str]:
    """Return a ticket for a person: what it changes, why, and what allows more afterwards."""
    where = ticket.stage or "the local desk"
    what = (
        f"let account {ticket.account} of {where} trade again"
        if ticket.kind == "resume"
        else f"change {ticket.desk_file}"
    )
    text = [
        f"ticket {ticket.id}: {what}",
        f"  why       {ticket.why}",
        f"  by        {ticket.by}, {moment(ticket.made_at)}; it expires {moment(ticket.expires_at)} (UTC)",
    ]
    text += [f"  WIDER     {line}" for line in (*ticket.widened, *([REARMED] if ticket.rearm else []))]
    return [*map(_in_one_line, text), *(f"  {line}" for line in ticket.difference)]


def _in_one_line(text: str) -> str:
    """Return a text that cannot look like further lines of ours."""
    return _BREAKS.sub(" ", text)


def _document(ticket: Ticket, state: str) -> dict[str, Any]:
    built: dict[str, Any] = msgspec.to_builtins(ticket)
    return built | {"state": state}


def _row(ticket: Ticket, state: str) -> dict[str, str]:
    why = _in_one_line(ticket.why)
    why = why if len(why) <= WHY_WIDTH else why[: WHY_WIDTH - 1] + "…"
    made = minute(ticket.made_at)
    return {"id": ticket.id[:SHORT_ID], "made_at": made, "kind": ticket.kind, "state": state, "why": why}
