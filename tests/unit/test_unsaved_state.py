"""A run of which a part could not be written is told to be lost, and a full disk loses none."""

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from fanfold.errors import NotReachable
from fanfold.local import emulator, session
from fanfold.local.launcher import UNSAVED


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def saving_all_but(refused: str, services: Path) -> Any:
    """Return ministack's save_all as on a disk that has no room for one file: it goes on, and says nothing."""

    def save_all(states: dict[str, Any]) -> None:
        for name, state in states.items():
            held = state()
            if held is not None and name != refused:
                (services / f"{name}.json").write_text(json.dumps(held))

    return SimpleNamespace(save_all=save_all)


@pytest.fixture
def services(tmp_path: Path) -> Path:
    folder = tmp_path / "aws" / "services"
    folder.mkdir(parents=True)
    (folder / "dynamodb.json").write_text('"the run before"')
    # Before any clock that the test reads.
    for path in folder.iterdir():
        stat = path.stat()
        os.utime(path, (stat.st_atime - 60, stat.st_mtime - 60))
    return folder


@pytest.mark.parametrize(("refused", "lost"), [("dynamodb", True), ("sqs", True), ("", False)])
def test_each_service_has_to_be_written(services: Path, refused: str, lost: bool) -> None:
    state = services.parent.parent
    app = saving_all_but(refused, services)
    emulator._saving(app, state)
    app.save_all({"sqs": lambda: {"queues": 6}, "dynamodb": lambda: {"state": "HALTED"}, "lex": lambda: None})
    assert (state / UNSAVED).exists() == lost


def test_a_full_disk_is_told_before_the_run_is_touched(services: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = services.parent.parent
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(1 << 30, 1 << 30, 500))
    with pytest.raises(NotReachable, match=r"is full: 500 bytes are free, .* may write 1,048,592 .* as it was"):
        session._check_room(state)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(1 << 30, 0, 1 << 30))
    session._check_room(state)
