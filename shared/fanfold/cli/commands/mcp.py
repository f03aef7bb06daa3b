"""Serve the desk to an assistant, over standard input and output.

It speaks the Model Context Protocol, and needs the extra `mcp`. The scope read changes nothing; paper may trade a
strategy on paper, apart from the desk, and halt; propose may make tickets, which a person approves with `approve`.
Nothing that an assistant does widens a limit, resumes an account, or trades real money. See docs/assistants.md.

Example: fanfold mcp
Example: fanfold mcp --scope propose --desk desk.toml --folder data --calls 500
"""

import time
from datetime import UTC, datetime
from getpass import getuser
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import uuid4

from cyclopts import Parameter

from fanfold.cli.argument_types import Count, DeskFile, Options, Shared, StageName, Strategies
from fanfold.cli.assistants.budget import Allowance, Budget
from fanfold.cli.exit_codes import Exit
from fanfold.errors import BadInput

if TYPE_CHECKING:
    from fanfold.cli.assistants.calls import Assistant
    from fanfold.cli.assistants.workplace import Workplace

INSTALL = "in the checkout, `pip install -e '.[mcp]'`; `make install` brings it too"
MB = 10**6
ALLOWANCE = Allowance()
SCAN_MB = ALLOWANCE.scan_bytes // MB

ScopeName = Annotated[Literal["read", "paper", "propose"], Parameter(help="what the assistant may do (read)")]
FolderList = Annotated[
    list[Path] | None,
    Parameter(
        name="--folder",
        metavar="DIR",
        negative=(),
        help="a folder whose files it may read; may be repeated",
    ),
]


def command(
    *,
    options: Shared,
    stage: StageName = "",
    scope: ScopeName = "read",
    desk: DeskFile = Path("desk.toml"),
    strategies: Strategies = None,
    folders: FolderList = None,
    calls: Annotated[Count, Parameter(help=f"calls of a session, at most ({ALLOWANCE.calls})")] = ALLOWANCE.calls,
    seconds: Annotated[
        Count, Parameter(help=f"seconds of work of a session, at most ({ALLOWANCE.seconds})")
    ] = ALLOWANCE.seconds,
    scan_mb: Annotated[
        Count, Parameter(help=f"megabytes of the lake that its queries may read in all ({SCAN_MB})")
    ] = SCAN_MB,
) -> int:
    """Answer an assistant until its end of standard input."""
    if find_spec("mcp") is None:
        raise BadInput(f"`fanfold mcp` needs the library mcp: {INSTALL}")
    from fanfold.cli.assistants import serving  # noqa: PLC0415 - the SDK alone takes a second to load

    allowance = Allowance(calls, seconds, scan_mb * MB)
    serving.serve(_assistant(_place(options, stage, scope, desk, strategies, folders or [], allowance)))
    return Exit.OK


def _assistant(place: "Workplace") -> "Assistant":
    """Return the calls of a new session. Raises BadInput for a log of earlier ones that was changed."""
    from fanfold.cli.assistants.calls import Assistant  # noqa: PLC0415 - as above

    session = uuid4().hex
    place.journal.append({"session": session, "event": "began", "scope": place.scope.name, "user": place.user})
    return Assistant(place, session, time.monotonic)


def _place(
    options: Options,
    stage: str,
    scope: str,
    desk: Path,
    strategies: Path | None,
    folders: list[Path],
    allowance: Allowance,
) -> "Workplace":
    from fanfold.cli.assistants import workplace as places  # noqa: PLC0415 - as above
    from fanfold.cli.assistants.call_log import FOLDER, CallLog  # noqa: PLC0415 - as above
    from fanfold.cli.assistants.confined import Workroom  # noqa: PLC0415 - as above
    from fanfold.cli.assistants.folders import Folders  # noqa: PLC0415 - as above
    from fanfold.cli.assistants.tickets import TicketBox  # noqa: PLC0415 - as above
    from fanfold.local import state_directory  # noqa: PLC0415 - as above
    from fanfold.strategy import folder  # noqa: PLC0415 - as above

    state = options.state.resolve()
    own = state / FOLDER
    state_directory.prepare(state)
    own.mkdir(exist_ok=True)
    known = folder.chosen(strategies)
    box, journal = TicketBox(own), CallLog(own, lambda: time.time_ns() // 1_000_000)
    readable = Folders.of([*folders, *([known] if known else [])], (*box.paths, journal.path))
    return places.Workplace(
        state=state,
        stage=stage,
        desk_file=desk,
        strategies=known.resolve() if known else None,
        own=own,
        scope=places.Scope[scope.upper()],
        budget=Budget(allowance),
        workroom=Workroom(own, readable, Event()),
        tickets=box,
        journal=journal,
        user=getuser(),
        now=lambda: datetime.now(UTC),
    )
