"""The one directory that a local desk keeps everything in; it may be deleted whenever no run is under way."""

import json
import shutil
from pathlib import Path

from fanfold import desk
from fanfold.console import session
from fanfold.desk import Desk
from fanfold.refusals import BadInput

MARKER = "fanfold-state"
DESK = "desk.json"
RECORDINGS = "recordings"
_PROGRESS = "progress.json"


def begin(state: Path, traded: Desk) -> None:
    """A clean directory with the desk in it. Raises BadInput for a directory that is not ours, or in use."""
    if state.exists() and any(state.iterdir()) and not (state / MARKER).exists():
        raise BadInput(f"{state} is not empty and not a state directory of fanfold; name another with --state")
    running = session.running_cloud(state)
    if running is not None:
        raise BadInput(f"a desk is running in {state} (process {running.pid}): end it first, or name another --state")
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(parents=True)
    (state / MARKER).write_text("The state of a local desk. It may be deleted whenever no run is under way.\n")
    (state / DESK).write_bytes(desk.dump(traded))


def through(state: Path) -> int:
    """The close that the last run got to, in epoch seconds. Raises BadInput where there was none."""
    progress = state / _PROGRESS
    if not progress.exists():
        raise BadInput(f"{state} holds no run to continue; leave --continue out to start one")
    return int(json.loads(progress.read_text())["through"])


def resume(state: Path, traded: Desk) -> None:
    """Take a run up again. Raises BadInput where that is not possible."""
    if session.running_cloud(state) is not None:
        raise BadInput(f"a desk is running in {state}: end it first")
    before = desk.load((state / DESK).read_bytes(), DESK)
    if before.accounts != traded.accounts:
        raise BadInput("the accounts of the desk file are not those of the run in the state directory: its books would "
                       "not balance; start a clean run, or put the accounts back")
    (state / DESK).write_bytes(desk.dump(traded))


def note(state: Path, last: int) -> None:
    """Note the close that a run got to, for ``through``."""
    (state / _PROGRESS).write_text(json.dumps({"through": last}))
