"""The one directory that a local desk keeps everything in: the newest run, and under ``runs`` those before it."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from fanfold import desk
from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.local.directory_lock import LOCK, lock_directory
from fanfold.strategy import folder

MARKER = "fanfold-state"
DESK = "desk.json"
RECORDINGS = "recordings"
RUNS = "runs"
SUMMARY = "summary.json"
# Raise it with every change after which the tables of earlier runs cannot be read.
FORMAT = 4
_REQUEST = "request.json"
# The name of the request up to format 3.
_REQUEST_BEFORE = "asked.json"
_PROGRESS = "progress.json"
EXCHANGE = "exchange.json"
# What belongs to a run; whatever else lies in the directory is the user's own.
_OF_A_RUN = (
    DESK, RECORDINGS, SUMMARY, EXCHANGE, _REQUEST, _REQUEST_BEFORE, _PROGRESS,
    "aws", "clock", "emulator.log", "lake-cache", "logs", "run.json",
)  # fmt: skip
_MARKING = "The state of a local desk. It may be deleted whenever no run is under way.\n"
T = TypeVar("T")


class RunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The request of a run. ``data`` has arguments with absolute paths, ``columns`` says which of their columns is
    which, ``sha256`` has the digests of their files.

    ``since`` is the close that it was to begin with, and ``until`` the last close to trade, in epoch seconds; ``begun``
    is by this machine's clock; ``format`` is how the run's tables are stored.
    """

    desk: str
    data: list[str] = []
    columns: dict[str, str] = {}
    sha256: dict[str, str] = {}
    # The folder of the desk's own strategies; "" where there is none.
    strategies: str = ""
    strategy: str | None = None
    params: dict[str, str] = {}
    cash: Decimal | None = None
    live: str = ""
    since: int | None = None
    until: int = 0
    begun: str = ""
    format: int = 1


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of a run: ``through`` is the close of the last bar that was traded, in epoch seconds."""

    through: int


def prepare(state: Path) -> None:
    """Create the directory where it does not exist. Raises BadInput for one that is not ours, or cannot be created."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        names = {path.name for path in state.iterdir()} - {LOCK}
        if names and MARKER not in names:
            raise BadInput(f"{state} is not empty and not a state directory of fanfold; name another with --state")
        (state / MARKER).write_text(_MARKING)
    except (FileExistsError, NotADirectoryError) as wrong:
        raise BadInput(f"{state} is a file, or lies in one; name a directory with --state") from wrong


@contextmanager
def begin(state: Path, built: Desk, request: RunRequest, *, overwrite: bool) -> Iterator[tuple[int, Path | None]]:
    """Lay a run out in a directory and lock it; yield the lock's descriptor and the directory of the run before."""
    prepare(state)
    with lock_directory(state, "run") as held:
        yield held, _lay_out(state, built, request, overwrite=overwrite)


def _lay_out(state: Path, built: Desk, request: RunRequest, *, overwrite: bool) -> Path | None:
    kept = None if overwrite or not _holds_a_run(state) else _put_aside(state)
    for name in _OF_A_RUN:
        _erase(state / name)
    _write_request(state, request)
    (state / DESK).write_bytes(desk.dump(built))
    return kept


def read_request(state: Path) -> RunRequest:
    """Return the request of the run in the directory. Raises BadInput where there was none that can continue."""
    if not _holds_a_run(state):
        raise BadInput(f"{state} holds no run to continue; leave --continue out to start one")
    return _read(state / _REQUEST, RunRequest)


def was_live(state: Path) -> bool:
    """Return whether the run in the directory trades, or traded, with --live."""
    return (state / _REQUEST).exists() and _read(state / _REQUEST, RunRequest).live != ""


def desk_of_run(state: Path) -> Desk:
    """Return the desk of the run in a directory, with the strategies of its own that the run began with."""
    use_strategies(state, _read(state / _REQUEST, RunRequest).strategies if (state / _REQUEST).exists() else "")
    return desk.load((state / DESK).read_bytes(), str(state / DESK))


def use_strategies(state: Path, own: str) -> None:
    """Find the strategies that a run began with. Raises BadInput where their folder does not exist any more."""
    if own and not Path(own).is_dir():
        raise BadInput(f"the run in {state} trades strategies of {own}, which is not there any more; put it back")
    folder.use(Path(own) if own else None)


def check_format(state: Path) -> None:
    """Raise BadInput for a run whose tables this version cannot read."""
    made = _read(state / _REQUEST, RunRequest).format if (state / _REQUEST).exists() else 1
    if made != FORMAT:
        raise BadInput(
            f"the run in {state} was stored by another version of fanfold (format {made}, this one has "
            f"{FORMAT}): read it with that version, or start another run, which keeps this one"
        )


def write_request(state: Path, request: RunRequest) -> None:
    """Store the request of a run from now on, and remove its earlier summary."""
    (state / SUMMARY).unlink(missing_ok=True)
    _write_request(state, request)


def traded_through(state: Path) -> int:
    """Return the last close that the run traded, in epoch seconds. Raises BadInput for a run without one."""
    if not (state / _PROGRESS).exists():
        raise BadInput(f"the run in {state} ended before its first bar; leave --continue out to start another")
    return _read(state / _PROGRESS, Progress).through


def write_progress(state: Path, last: int) -> None:
    """Store the last close that a run traded; a run that is killed right after has stored it, or the one before."""
    _write(state / _PROGRESS, Progress(through=last))


def read_summary(state: Path) -> dict[str, Any]:
    """Return the summary at the end of a run; {} where it was killed, or continued afterwards."""
    try:
        summary: dict[str, Any] = json.loads((state / SUMMARY).read_text())
    except (OSError, ValueError):
        return {}
    return summary


def kept_runs(state: Path) -> list[Path]:
    """Return the directories of the runs in a state directory, the newest last."""
    earlier = [path for path in (state / RUNS).glob("*") if path.name.isdigit() and _holds_a_run(path)]
    newest = [state] if _holds_a_run(state) else []
    return [*sorted(earlier, key=lambda path: int(path.name)), *newest]


def _holds_a_run(state: Path) -> bool:
    """Return whether anything was traded, or may have been by a version that stored it only at the end."""
    if (state / _REQUEST).exists():
        return (state / _PROGRESS).exists()
    return (state / DESK).exists()


def _put_aside(state: Path) -> Path:
    numbers = [int(path.name) for path in (state / RUNS).glob("*") if path.name.isdigit()]
    into = state / RUNS / str(max(numbers, default=0) + 1)
    into.mkdir(parents=True)
    (into / MARKER).write_text(_MARKING)
    for name in _OF_A_RUN:
        if (state / name).exists():
            (state / name).rename(into / name)
    return into


def _erase(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write_request(state: Path, request: RunRequest) -> None:
    _write(state / _REQUEST, msgspec.structs.replace(request, format=FORMAT))


def _write(path: Path, what: msgspec.Struct) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(what))
    fresh.replace(path)


def _read(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as wrong:
        raise BadInput(
            f"{path} is damaged ({wrong}): the run cannot go on; leave --continue out to start another, "
            "which keeps this one"
        ) from wrong
    except FileNotFoundError as wrong:
        raise BadInput(
            f"{path} is not there: the run cannot go on; leave --continue out to start another, which keeps this one"
        ) from wrong
