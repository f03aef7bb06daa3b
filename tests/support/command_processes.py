"""Commands of the console as processes of their own."""

import os
import subprocess
import sys
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
