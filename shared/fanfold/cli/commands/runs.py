"""List the runs in the state directory, with the result of each.

Each is a directory that `--state` takes.

Example: fanfold runs
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from fanfold.cli.argument_types import Shared
from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import Answer, grid, share
from fanfold.errors import BadInput, NothingThere
from fanfold.local import directory_lock, state_directory
from fanfold.local.state_directory import RunRequest

EXITS = (Exit.NOTHING_THERE,)
T = TypeVar("T")
# Together with the other columns they are a line of a terminal.
DATA_WIDTH = 20
STRATEGIES_WIDTH = 16
_COLUMNS = {
    "number": "run",
    "begun": "begun",
    "data": "data",
    "strategies": "strategies",
    "return": "return",
    "ended": "ended",
}


def command(*, options: Shared) -> Answer:
    """Return every run with what it traded, how far it got and what it made; the newest last."""
    state = options.state.resolve()
    runs = [_run(path) for path in state_directory.kept_runs(state)]
    if not runs:
        raise NothingThere(f"there is no run in {state}; start one with `fanfold run`, or name another with --state")
    hint = (
        f"`fanfold report N` reports on run N, and `--state {options.state}/runs/N` lets any command look at it;\n"
        f"one that is no longer wanted goes with rm -r {options.state}/runs/N"
    )
    return Answer({"runs": runs}, [grid("", [_row(run, state) for run in runs], _COLUMNS), hint])


def _row(run: dict[str, Any], state: Path) -> dict[str, Any]:
    """Return a run as the table has it."""
    return run | {
        "number": "newest" if run["run"] == str(state) else Path(run["run"]).name,
        "begun": run["begun"][:16].replace("T", " "),
        "data": _first_of(run["data"], DATA_WIDTH),
        "strategies": _first_of(run["strategies"], STRATEGIES_WIDTH),
        "return": share(float(run["return"]), sign=True) if run["return"] else "",
    }


def _first_of(names: list[str], width: int) -> str:
    """Return the first name, cut off, and how many more there are."""
    more = f" +{len(names) - 1}" if len(names) > 1 else ""
    first = names[0] if names else ""
    room = width - len(more)
    return (first if len(first) <= room else f"{first[: room - 1]}…") + more


def _run(path: Path) -> dict[str, Any]:
    summary = state_directory.read_summary(path)
    request = _known(lambda: state_directory.read_request(path))
    through = _known(lambda: state_directory.traded_through(path))
    traded = _known(lambda: state_directory.desk_of_run(path))
    return {
        "run": str(path),
        "begun": request.begun if request else "",
        "data": _data(request) if request else [],
        "strategies": sorted(traded.strategies) if traded else [],
        "through": datetime.fromtimestamp(through, UTC) if through else None,
        "return": summary.get("total_return"),
        "ended": _ended(path, summary),
    }


def _known(read: Callable[[], T]) -> T | None:
    """Return the contents of a run's file; None where it is damaged, or of a version that did not write it."""
    try:
        return read()
    except BadInput:
        return None


def _ended(path: Path, summary: dict[str, Any]) -> str:
    """Describe how a run ended, or that it runs; `--continue` goes on with one that was interrupted or killed."""
    holder = directory_lock.holder(path)
    if holder and holder.command == "run" and holder.alive:
        return f"runs (process {holder.pid})"
    if summary:
        return "interrupted" if summary.get("interrupted") else "complete"
    return "killed"


def _data(request: RunRequest) -> list[str]:
    if request.live:
        return [f"live {request.live}"]
    return [Path(file.partition("=")[0]).name for file in request.data] or ["seeded market"]
