"""The command line as scripts rely on it: for each list of arguments the exit code, the stream and its first line."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWS = [json.loads(line) for line in (Path(__file__).parent / "command_lines.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def ran() -> dict[str, Any]:
    """The result of every row of the table, by its words."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("FANFOLD_", "AWS_"))}
    command = [sys.executable, str(Path(__file__).parent / "command_line_forks.py")]
    done = subprocess.run(command, input=json.dumps([words for words, *_ in ROWS]), capture_output=True, text=True,
                          cwd=ROOT, env=environ | {"PYTHONPATH": str(ROOT / "shared"), "COLUMNS": "100"},
                          check=True)  # fmt: skip
    return {json.dumps(row[0]): left for row, left in zip(ROWS, json.loads(done.stdout), strict=True)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: " ".join(row[0]) or "nothing")
def test_a_command_line_ends_with_its_code_and_its_words(row: Any, ran: dict[str, Any]) -> None:
    words, code, stream, first = row
    left, out, err = ran[json.dumps(words)]
    text = out if stream == "out" else err
    assert (left, text.partition("\n")[0].replace(str(ROOT), "ROOT")) == (code, first), (out, err)
    assert (err if stream == "out" else out) == ""
    assert "Traceback" not in err
    if stream == "err":
        assert err.count("\n") == 1
