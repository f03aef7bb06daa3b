"""`fanfold run --stay` as a process: its page, its market that goes on, its end, and the next run in its place."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from fanfold.local import state_directory
from support.command_processes import ended, fanfold, lives, until
from support.desk_fixture import ROOT, skip_without_node

WORDS = ("run", "--desk", str(ROOT / "desk.toml"), "--minutes", "2", "--stay")
PAGE = "the page is at "


@pytest.fixture
def state(deployed, tmp_path) -> Iterator[Path]:
    """A directory for a run, which begins from stacks that were deployed once for all journeys."""
    skip_without_node()
    assert deployed.is_dir()
    yield tmp_path / "state"
    assert ended(tmp_path / "state")


def page_of(lines: list[str]) -> str:
    return lines[-1].split(PAGE)[1].split()[0]


def answer(url: str) -> bytes:
    with urlopen(url, timeout=30) as response:
        assert response.status == 200
        return bytes(response.read())


def interrupted(child: "subprocess.Popen[str]") -> tuple[int, str]:
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate()
    return child.returncode, out


def test_a_run_that_stays_serves_its_page_goes_on_and_ends_and_another_takes_its_place(state: Path) -> None:
    with fanfold(state, *WORDS) as child:
        page = page_of(until(child, PAGE))
        until(child, "the desk stays up")
        assert b"Fanfold" in answer(page)
        rested_at = state_directory.traded_through(state)
        while state_directory.traded_through(state) < rested_at + 120:
            assert lives(child)
        (account,) = json.loads(answer(f"{page}status"))["accounts"]
        assert account["trading_state"] == "ACTIVE"
        code, out = interrupted(child)
        assert (code, "Traceback" in out) == (0, False)
    with fanfold(state, *WORDS) as child:
        lines = until(child, PAGE)
        assert any(f"the run before is kept in {state}/runs/1" in line for line in lines)
        assert b"Fanfold" in answer(page_of(lines))
        code, out = interrupted(child)
        assert (code, "Traceback" in out) == (130, False)
    assert not (state / "run.json").exists()
