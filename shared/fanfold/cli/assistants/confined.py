"""Commands that run strategies, each in a process of its own with limits, without keys and without a network."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any, NamedTuple

import msgspec

import fanfold
from fanfold.cli.assistants.confined_entry import Confinement
from fanfold.cli.assistants.folders import Folders
from fanfold.cli.assistants.written_strategies import FOLDER as STRATEGIES
from fanfold.cli.exit_codes import Exit
from fanfold.errors import BadInput

ENTRY = "fanfold.cli.assistants.confined_entry"
CACHE = "cache"
SCRATCH = "fanfold-assistant-"
GB = 2**30
MEMORY_BYTES, FILE_BYTES = 8 * GB, GB // 4
# An answer that is larger is no answer for an assistant.
ANSWER_BYTES_MAX = 4 * 1024 * 1024
ERROR_LINES = 12
# From one look at a process to the next, and how long it has to end by itself.
LOOK_S, GRACE_S = 0.05, 10.0
# Where Python, its libraries and time zones lie.
_SYSTEM = (
    sys.prefix,
    sys.base_prefix,
    "/usr",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/mime.types",
)
# Of the environment the rest, keys first of all, is left out.
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ")


class Finished(NamedTuple):
    """The answer of a command, and whether it says that all is well (exit code 0)."""

    document: Any
    good: bool


class Workroom(NamedTuple):
    """The folder of the server's own files, and those that its commands may read; once ``ended``, none goes on."""

    own: Path
    folders: Folders
    ended: Event

    def run(self, words: Sequence[str], seconds: float) -> Finished:
        """Return the JSON answer of a command. Raises BadInput for what it complains of, or when its time is up."""
        with TemporaryDirectory(prefix=SCRATCH) as scratch:
            limits = msgspec.json.encode(self._confinement(Path(scratch), seconds)).decode()
            return self._run([ENTRY, limits, *words], Path(scratch), seconds)

    def trade(self, words: Sequence[str], seconds: float) -> Finished:
        """Return the JSON answer of a run on paper, without keys; its services are processes of their own."""
        with TemporaryDirectory(prefix=SCRATCH) as scratch:
            return self._run(["fanfold.cli.entry", *words], Path(scratch), seconds)

    def _run(self, words: Sequence[str], scratch: Path, seconds: float) -> Finished:
        """Run a module with arguments; ``scratch`` is its home and working directory."""
        cache = self.own / CACHE
        _warm(cache)
        line = [sys.executable, "-P", "-m", *words, "--json"]
        return run(line, scratch, environment(scratch, cache), seconds, self.ended)

    def _confinement(self, scratch: Path, seconds: float) -> Confinement:
        package = Path(fanfold.__file__).resolve().parent
        return Confinement(
            read=[*_SYSTEM, str(package.parent), *map(str, self.folders.roots), str(self.own / STRATEGIES)],
            write=[str(scratch), str(self.own / CACHE)],
            closed=[str(path) for path in self.folders.closed],
            cpu_s=int(seconds) + 1,
            memory_bytes=MEMORY_BYTES,
            file_bytes=FILE_BYTES,
        )


def _warm(cache: Path) -> None:
    """Begin with the compiled code that the user has: compiling it again takes half a minute."""
    if cache.exists():
        return
    users = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fanfold" / "compiled"
    cache.mkdir(parents=True)
    if users.is_dir():
        # A copy: what a strategy leaves in its own cache is never loaded by the user's commands.
        shutil.copytree(users, cache / "fanfold" / "compiled")


def environment(scratch: Path, cache: Path) -> dict[str, str]:
    """Return the environment of a command: no key, no stage, a home and a library of runs that are thrown away."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    own = {"HOME": str(scratch), "XDG_CACHE_HOME": str(cache), "FANFOLD_LIBRARY": str(scratch / "library")}
    return kept | own | {"TMPDIR": str(scratch), "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"}


def run(line: Sequence[str], scratch: Path, variables: dict[str, str], seconds: float, ended: Event) -> Finished:
    """Run a command in a session of its own, and end all of it when its time is up, or the server ends."""
    with (scratch / "answer").open("w+b") as out, (scratch / "complaint").open("w+b") as complaint:
        process = subprocess.Popen(  # noqa: S603 - our own command line, and no shell
            line,
            cwd=scratch,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=complaint,
            start_new_session=True,
        )
        try:
            _wait(process, seconds, ended)
            code = process.poll()
        finally:
            _end(process)
        if ended.is_set():
            raise BadInput("the server was ended")
        if code is None:
            raise BadInput(f"it did not end within {seconds:.0f} s: give it less data, or fewer minutes")
        out.seek(0)
        complaint.seek(0)
        return _finished(
            code, out.read(ANSWER_BYTES_MAX + 1), complaint.read(ANSWER_BYTES_MAX).decode(errors="replace")
        )


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a process and whatever it started."""
    try:
        os.killpg(process.pid, signal.SIGTERM if process.poll() is None else signal.SIGKILL)
        _wait(process, GRACE_S, Event())
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # All of it has ended.
    process.wait()


def _wait(process: "subprocess.Popen[bytes]", seconds: float, ended: Event) -> None:
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline and not ended.wait(LOOK_S):
        pass  # It works.


def _finished(code: int, answer: bytes, complaint: str) -> Finished:
    if code < 0:
        raise BadInput(f"it was ended by a limit of its process ({signal.Signals(-code).name}): give it less to do")
    if code not in (Exit.OK, Exit.FAILED) or not answer.strip():
        raise BadInput("\n".join(complaint.strip().splitlines()[-ERROR_LINES:]) or f"it ended with exit code {code}")
    if len(answer) > ANSWER_BYTES_MAX:
        raise BadInput(f"its answer has more than {ANSWER_BYTES_MAX:,} bytes: ask for less")
    return Finished(json.loads(answer), code == Exit.OK)
