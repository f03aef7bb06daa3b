"""A file in the working directory that is named like a module of Python is not taken for it."""

import fcntl
import os
import subprocess
from pathlib import Path

import pytest

from fanfold.local import launcher
from fanfold.local.runtime_api import in_interpreter

NAMES = ("http", "random", "queue", "signal")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory; the working directory has a user's own files."""
    folder = tmp_path / "desk"
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name}.py").write_text('raise RuntimeError("this is my own file")\n')
    monkeypatch.chdir(folder)
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


def test_the_embedded_aws_starts_beside_them(state: Path) -> None:
    with (state / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        cloud = launcher.start(state, {"DESK": str(state / "desk.json")}, lock.fileno())
        cloud.stop()
    assert "my own file" not in (state / "emulator.log").read_text()


@pytest.mark.usefixtures("state")
def test_a_function_starts_beside_them() -> None:
    config = {"ImageConfigResponse": {"ImageConfig": {"Command": ["none.at_all"]}}}
    words, environment = in_interpreter(config, {"PATH": os.environ["PATH"], "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"})
    ended = subprocess.run(words, env=dict(environment), capture_output=True, text=True, timeout=60, check=False)
    assert "my own file" not in ended.stderr
    assert "none" in ended.stderr or "refused" in ended.stderr
