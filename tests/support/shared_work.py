"""Work that is done once a session, also where several workers run it side by side."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def once(temporary: pytest.TempPathFactory, name: str, work: Callable[[Path], Path]) -> Path:
    """The result of ``work`` in a folder of the session; the first worker makes it, the others wait for it."""
    session = temporary.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        session = session.parent
    folder, done = session / name, session / f"{name}.done"
    with (session / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            folder.mkdir()
            done.write_text(str(work(folder)))
    return Path(done.read_text())
