"""List the runs in the state directory, with the result of each.

Each is a directory that `--state` takes.

Example: fanfold runs
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from fanfold.cli.argument_types import Shared
from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import Answer, cell, grid
from fanfold.errors import BadInput, NothingThere
from fanfold.local import holding, state_directory
from fanfold.local.state_directory import RunRequest

EXITS = (Exit.NOTHING_THERE,)
T = TypeVar("T")
_COLUMNS = {
    "run": "run",
    "begun": "begun",
    "data": "data",
    "strategies": "strategies",
    "through": "through",
    "return": "return",
    "ended": "ended",
}


def command(*, options: Shared) -> Answer:
    """Return every run with what it traded, how far it got and what it made; the newest last."""
    state = options.state.resolve()
    runs = [_run(path) for path in state_directory.kept_runs(state)]
    if not runs:
        raise NothingThere(f"there is no run in {state}; start one with `fanfold run`, or name another with --state")
    hint = f"any command takes one of them with --state; one that is no longer wanted goes with rm -r {state}/runs/N"
    rows = [run | {"return": _share(run["return"]), "data": cell(run["data"])} for run in runs]
    return Answer({"runs": runs}, [grid("", rows, _COLUMNS), hint])


def _run(path: Path) -> dict[str, Any]:
    summary = _summary(path)
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
    """Describe how a run ended: with a summary, or killed after the last one; or that it is running."""
    holder = holding.holder(path)
    if holder and holder.command == "run" and holder.alive:
        return f"runs (process {holder.pid})"
    return "with a summary" if summary else "killed; --continue goes on"


def _data(request: RunRequest) -> list[str]:
    if request.live:
        return [f"live {request.live}"]
    return [Path(file.partition("=")[0]).name for file in request.data] or ["seeded market"]


def _summary(path: Path) -> dict[str, Any]:
    """Return the summary at the end of a run; {} where it was killed, or continued afterwards."""
    try:
        summary: dict[str, Any] = json.loads((path / state_directory.SUMMARY).read_text())
    except (OSError, ValueError):
        return {}
    return summary


def _share(total_return: str | None) -> str:
    return f"{float(total_return):.2%}" if total_return else ""
