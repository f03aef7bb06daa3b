"""The place that an assistant works in: its desk, folders, scope and budget."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from fanfold.cli.assistants.budget import Budget
from fanfold.cli.assistants.call_log import CallLog
from fanfold.cli.assistants.confined import Workroom
from fanfold.cli.assistants.tickets import TicketBox
from fanfold.errors import NothingThere
from fanfold.local.session import Session
from fanfold.stages import session as stage_session

RUNS = "runs"
COMMAND = "mcp"


class Scope(IntEnum):
    """Rights of an assistant; each allows what those before it do."""

    READ = 1
    PAPER = 2
    PROPOSE = 3


class Workplace(NamedTuple):
    """A desk as an assistant has it. ``own`` is the folder of the server's files, ``now`` the time of the clock.

    ``strategies`` is the folder of the user's own strategies, None where there is none.
    """

    state: Path
    stage: str
    desk_file: Path
    strategies: Path | None
    own: Path
    scope: Scope
    budget: Budget
    workroom: Workroom
    tickets: TicketBox
    journal: CallLog
    user: str
    now: Callable[[], datetime]

    def state_of(self, run: str) -> tuple[Path, str]:
        """Return the state directory and stage of the desk, or of a run on paper of an assistant."""
        if not run:
            return self.state, self.stage
        if not (self.own / RUNS / run).is_dir():
            raise NothingThere(f"there is no run {run!r} that `paper_run` began; leave run empty for the desk itself")
        return self.own / RUNS / run, ""

    def reach(self, run: str) -> AbstractContextManager[Session]:
        """Connect to a desk while a block lasts."""
        state, stage = self.state_of(run)
        return stage_session.reach(state, stage, COMMAND)
