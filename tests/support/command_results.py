"""Commands that a test runs in its own process."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fanfold.cli.main import main


class Said(NamedTuple):
    """The result of a command: its exit code and both streams."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        assert "\x1b" not in self.out
        return json.loads(self.out)


Fanfold = Callable[..., Said]


def say(capsys: pytest.CaptureFixture[str], state: Path, *words: str) -> Said:
    """Run a command on a state directory."""
    code = main(["--state", str(state), *words])
    return Said(code, *capsys.readouterr())
