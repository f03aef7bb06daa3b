"""One command at a time holds a state directory, and who it is can be told."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest

from fanfold.errors import BadInput
from fanfold.local import directory_lock
from fanfold.local.directory_lock import Holder

SHARED = Path(__file__).resolve().parents[2] / "shared"
HOLD = """
import subprocess, sys
from pathlib import Path
from fanfold.local.directory_lock import lock_directory
with lock_directory(Path(sys.argv[1]), sys.argv[2]) as held:
    heir = subprocess.Popen(["sleep", "60"], pass_fds=(held,), stdout=subprocess.DEVNULL) if sys.argv[3:] else None
    print(heir.pid if heir else 0, flush=True)
    sys.stdin.read()
"""


@contextmanager
def held(state: Path, command: str, *heir: str) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """A process that holds a directory until its input ends, and the process that inherited the lock."""
    words = [sys.executable, "-c", HOLD, str(state), command, *heir]
    environ = os.environ | {"PYTHONPATH": str(SHARED)}
    with subprocess.Popen(words, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        yield child, int(child.stdout.readline())


def test_a_missing_or_free_directory_is_not_held(tmp_path: Path) -> None:
    assert directory_lock.holder(tmp_path / "none") is None
    with directory_lock.lock_directory(tmp_path, "run"):
        pass
    assert directory_lock.holder(tmp_path) is None


@pytest.mark.parametrize("command", ["run", "serve"])
def test_a_long_running_holder_is_named_at_once(tmp_path: Path, command: str) -> None:
    with held(tmp_path, command) as (child, _):
        assert directory_lock.holder(tmp_path) == (command, child.pid)
        named = rf"`fanfold {command}` \(process {child.pid}\) holds {tmp_path}: end it first"
        with pytest.raises(BadInput, match=named), directory_lock.lock_directory(tmp_path, "status"):
            pass


class Told(StringIO):
    """A standard error at whose first line a process is let end."""

    def __init__(self, child: "subprocess.Popen[str]") -> None:
        super().__init__()
        self._child = child

    def write(self, text: str) -> int:
        assert self._child.stdin
        self._child.stdin.close()
        return super().write(text)


def test_a_short_holder_is_waited_for_with_a_notice(tmp_path: Path, monkeypatch) -> None:
    with held(tmp_path, "status") as (child, _):
        notices = Told(child)
        monkeypatch.setattr(sys, "stderr", notices)
        with directory_lock.lock_directory(tmp_path, "orders"):
            assert notices.getvalue() == f"fanfold: waits for {Holder('status', child.pid)}, which holds {tmp_path}\n"


def test_what_a_killed_command_had_started_holds_the_directory_until_it_ends(tmp_path: Path) -> None:
    with held(tmp_path, "run", "heir") as (child, heir):
        child.kill()
        child.wait()
        holder = directory_lock.holder(tmp_path)
        assert holder == ("run", child.pid)
        assert not holder.alive
        os.kill(heir, 9)
        with directory_lock.lock_directory(tmp_path, "run"):
            pass


def test_a_lock_that_says_nothing_names_another_command(tmp_path: Path) -> None:
    with held(tmp_path, "run"):
        (tmp_path / directory_lock.LOCK).write_text("?")
        assert directory_lock.holder(tmp_path) == ("another command", 0)
