"""The first seconds of a run: what it looks at before it starts, and what is said while it is not up yet."""

import shutil
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from fanfold.cli import reading_progress, recorded_run
from fanfold.cli.main import main
from fanfold.local import container_tool, state_directory
from fanfold.local.directory_lock import lock_directory
from fanfold.local.state_directory import RunRequest, read_request, write_request

ROOT = Path(__file__).resolve().parents[2]
START = 1_767_225_600


def begun(state: Path) -> Path:
    """A state directory with the request of a run, of which nothing was traded yet."""
    state.mkdir()
    (state / state_directory.MARKER).touch()
    write_request(state, RunRequest(desk="desk.toml", begun="2026-01-01"))
    return state


@pytest.mark.parametrize("command", ["status", "orders", "positions"])
def test_a_command_in_the_first_seconds_of_a_run_says_that_the_desk_is_being_deployed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    state = begun(tmp_path / "state")
    with lock_directory(state, "run"):
        assert main([command, "--state", str(state)]) == 4
    assert "is being deployed, or ends; ask again in a moment" in " ".join(capsys.readouterr().err.split())
    assert main([command, "--state", str(state)]) == 3


@pytest.mark.parametrize(
    ("tool", "reason"), [("docker", "are not built: run `make images`"), ("", "there is no `buildah`")]
)
def test_images_are_looked_for_before_anything_is_deployed_or_put_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tool: str, reason: str
) -> None:
    monkeypatch.setattr(container_tool, "docker_answers", lambda: bool(tool))
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(container_tool, "_try", lambda *_words: SimpleNamespace(returncode=1, stdout="", stderr=""))
    state = begun(tmp_path / "state")
    state_directory.write_progress(state, START)
    words = ["run", "--images", "--minutes", "2", "--desk", str(ROOT / "desk.toml"), "--state", str(state)]
    assert main(words) == 2
    assert reason in " ".join(capsys.readouterr().err.split())
    assert read_request(state).begun == "2026-01-01"
    assert state_directory.kept_runs(state) == [state]


def replayed(tmp_path: Path, *, terminal: bool) -> str:
    """Print what a run of three bars prints while it trades."""

    def replay(closes: range, _pause_s: float, traded: Any, _stop: Any) -> int:
        for close in closes:
            traded(close)
        return len(closes)

    run: Any = SimpleNamespace(call=None, stage="local", state=tmp_path, replay=replay, alerts=False)
    stop: Any = None
    desk: Any = None
    printed = StringIO()
    out = Console(file=printed, force_terminal=terminal, width=80)
    recorded_run._replay(run, desk, range(START, START + 180, 60), 0.0, stop, out)
    return printed.getvalue()


def test_a_run_without_a_terminal_says_how_far_it_got(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert recorded_run.LINE_EVERY_S == 30
    assert "of 3 bars" not in replayed(tmp_path, terminal=False)
    monkeypatch.setattr(recorded_run, "LINE_EVERY_S", 0)
    lines = [line for line in replayed(tmp_path, terminal=False).splitlines() if "of 3 bars" in line]
    assert [line.partition(" bars")[0] for line in lines] == ["1 of 3", "2 of 3", "3 of 3"]
    assert lines[-1].endswith("2026-01-01 00:02")
    assert "of 3 bars" not in replayed(tmp_path, terminal=True)


@pytest.mark.parametrize(("count", "shares"), [(4, ["25%", "50%", "75%", "100%"]), (1, [])])
def test_the_share_of_several_big_files_that_is_read_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, shares: list[str]
) -> None:
    printed = StringIO()
    terminal = Console(file=printed, force_terminal=True, width=80, color_system=None)
    monkeypatch.setattr(reading_progress, "_BIG", 0)
    monkeypatch.setattr("rich.console.Console", lambda **_options: terminal)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    files = [tmp_path / f"{number}.csv" for number in range(count)]
    for file in files:
        file.write_text("time")
    with reading_progress.progress_of_reading([str(file) for file in files]) as on_read:
        for file in files:
            on_read(file)
    assert all(share in printed.getvalue() for share in shares)
    assert ("%" in printed.getvalue()) == bool(shares)
