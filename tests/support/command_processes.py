"""Commands of the console as processes of their own."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from support.desk_fixture import ROOT

COMMAND = [sys.executable, "-m", "fanfold.cli.entry"]


@contextmanager
def fanfold(state: Path, *words: str, environ: Mapping[str, str] | None = None) -> Iterator["subprocess.Popen[str]"]:
    """Start a command in a session of its own, as a terminal does."""
    environ = os.environ | {"PYTHONPATH": str(ROOT / "shared")} | dict(environ or {})
    command = [*COMMAND, "--state", str(state), *words]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          stdin=subprocess.DEVNULL, start_new_session=True) as child:  # fmt: skip
        try:
            yield child
        finally:
            child.kill()


def said(state: Path, *words: str) -> tuple[int, str]:
    with fanfold(state, *words) as child:
        out, _ = child.communicate()
    return child.returncode, out


def until(child: "subprocess.Popen[str]", words: str) -> list[str]:
    """Read what a command says up to a line with these words, and return the lines."""
    assert child.stdout
    lines: list[str] = []
    for line in child.stdout:
        lines.append(line)
        if words in line:
            return lines
    raise AssertionError(f"it ended without saying {words!r}: {''.join(lines)}")


def lives(child: "subprocess.Popen[str]") -> bool:
    """Say whether a command runs, asked in a loop: a core that only looks is one that the command does not have."""
    time.sleep(0.02)
    return child.poll() is None


def started_on(state: Path) -> list[Path]:
    """Return the folders in /proc of the processes that were started on a directory."""
    own = f"FANFOLD_STATE={state}".encode()
    return [path.parent for path in Path("/proc").glob("[0-9]*/environ") if own in _read(path).split(b"\0")]


def ended(state: Path) -> bool:
    """Say whether every process that was started on a directory has ended; wait for those that are ending."""
    for process in started_on(state):
        # A process that ends closes this; one that stays lets the test time out.
        _wait(int(process.name))
    return not started_on(state)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # It has ended meanwhile.


def _wait(pid: int) -> None:
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    select.select([watched], [], [], 30)
    os.close(watched)
