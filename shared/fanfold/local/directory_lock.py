"""The lock of a state directory: one command at a time, until the embedded AWS that it started has ended too."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from fanfold.errors import BadInput
from fanfold.local.error_output import print_error

LOCK = "session.lock"
# What trades or serves does not end by itself; every other command does.
LASTING = {"run", "serve"}
# Long enough for who only looks whether the lock is free.
PATIENCE_S = 0.3
ENDING_S = 45.0


class Holder(NamedTuple):
    """The command that holds a directory, and its process."""

    command: str
    pid: int

    @property
    def alive(self) -> bool:
        return is_running(self.pid)

    def __str__(self) -> str:
        return f"`fanfold {self.command}` (process {self.pid})"


def is_running(pid: int) -> bool:
    """Return whether there is a process of an id; False for 0, which is of none."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return pid > 0


@contextmanager
def lock_directory(state: Path, command: str) -> Iterator[int]:
    """Lock the directory and return the lock's descriptor; a process that inherits it holds the directory too.

    Two emulators on one state would overwrite each other. Raises BadInput, which names the holder; for a command that
    ends by itself it waits, and says so.
    """
    with (state / LOCK).open("a+") as lock:
        _take(lock, state)
        lock.seek(0)
        lock.truncate()
        lock.write(json.dumps({"command": command, "pid": os.getpid()}))
        lock.flush()
        yield lock.fileno()


def holder(state: Path) -> Holder | None:
    """Return the command that holds a directory now."""
    try:
        with (state / LOCK).open("a+") as lock:
            return None if _locked(lock) else _named(lock)
    except OSError:
        # Nobody holds what cannot be opened.
        return None


def _take(lock: IO[str], state: Path) -> None:
    began, announced = time.monotonic(), False
    while not _locked(lock):
        holding, waited = _named(lock), time.monotonic() - began
        if waited > (PATIENCE_S if holding.command in LASTING and holding.alive else ENDING_S):
            raise BadInput(f"{holding} holds {state}: end it first, or name another directory with --state")
        if waited > PATIENCE_S and not announced:
            print_error(f"waits for {holding}, which holds {state}")
            announced = True
        time.sleep(0.05)


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _named(lock: IO[str]) -> Holder:
    lock.seek(0)
    try:
        document = json.loads(lock.read())
        return Holder(str(document["command"]), int(document["pid"]))
    except (ValueError, KeyError, TypeError):
        return Holder("another command", 0)  # It has just taken the lock, and not yet said who it is.
