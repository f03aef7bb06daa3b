"""``fanfold runs``: the runs that a state directory keeps, each a directory that ``--state`` takes."""

import json
from argparse import Namespace
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from fanfold.cli.commands.command import Command
from fanfold.cli.exit_codes import Exit
from fanfold.cli.output import Answer, cell, grid
from fanfold.errors import BadInput, NothingThere
from fanfold.local import holding, state_directory
from fanfold.local.state_directory import Asked

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


def runs(arguments: Namespace) -> Answer:
    """Every run with what it traded, how far it got and what it made; the newest last."""
    state = arguments.state.resolve()
    found = [_run(path) for path in state_directory.kept(state)]
    if not found:
        raise NothingThere(f"there is no run in {state}; start one with `fanfold run`, or name another with --state")
    hint = f"any command takes one of them with --state; one that is no longer wanted goes with rm -r {state}/runs/N"
    rows = [one | {"return": _share(one["return"]), "data": cell(one["data"])} for one in found]
    return Answer({"runs": found}, [grid("", rows, _COLUMNS), hint])


def _run(path: Path) -> dict[str, Any]:
    summary = _summary(path)
    asked = _known(lambda: state_directory.asked(path))
    through = _known(lambda: state_directory.through(path))
    traded = _known(lambda: state_directory.traded(path))
    return {
        "run": str(path),
        "begun": asked.begun if asked else "",
        "data": _data(asked) if asked else [],
        "strategies": sorted(traded.strategies) if traded else [],
        "through": datetime.fromtimestamp(through, UTC) if through else None,
        "return": summary.get("total_return"),
        "ended": _ended(path, summary),
    }


def _known(read: Callable[[], T]) -> T | None:
    """What a run's file says; nothing where it is damaged, or of a version that did not write it."""
    try:
        return read()
    except BadInput:
        return None


def _ended(path: Path, summary: dict[str, Any]) -> str:
    """How a run ended: told to the end, or killed after the last summary; or that it goes on."""
    found = holding.holder(path)
    if found and found.command == "run" and found.alive:
        return f"runs (process {found.pid})"
    return "with a summary" if summary else "killed; --continue goes on"


def _data(asked: Asked) -> list[str]:
    if asked.live:
        return [f"live {asked.live}"]
    return [Path(one.partition("=")[0]).name for one in asked.data] or ["seeded market"]


def _summary(path: Path) -> dict[str, Any]:
    """The summary that a run ended with; {} where it was killed, or went on afterwards."""
    try:
        found: dict[str, Any] = json.loads((path / state_directory.SUMMARY).read_text())
    except (OSError, ValueError):
        return {}
    return found


def _share(told: str | None) -> str:
    return f"{float(told):.2%}" if told else ""


COMMANDS = (
    Command(
        ("runs",),
        "The runs that the state directory keeps, and what each came to.",
        "fanfold runs",
        runs,
        exits=(Exit.NOTHING_THERE,),
    ),
)
