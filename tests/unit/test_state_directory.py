"""A state directory keeps every run until it is told to erase one, and never touches what is not a run's."""

from pathlib import Path

import pytest

from fanfold.cli.exit_codes import Exit
from fanfold.cli.main import main
from fanfold.desk import Desk
from fanfold.errors import BadInput
from fanfold.local import state_directory
from fanfold.local.run_plan import plan
from fanfold.local.state_directory import RunRequest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def traded() -> Desk:
    return plan(ROOT / "desk.toml", [], None, {}, None, None, 2).desk


def begin(state: Path, traded: Desk, begun: str, *, overwrite: bool = False) -> Path | None:
    """Begin a run; where the one before was put."""
    request = RunRequest(desk="desk.toml", begun=begun)
    with state_directory.begin(state, traded, request, overwrite=overwrite) as (_held, kept):
        return kept


def trade(state: Path, traded: Desk, begun: str, *, overwrite: bool = False) -> Path | None:
    kept = begin(state, traded, begun, overwrite=overwrite)
    state_directory.write_progress(state, 1_767_225_660)
    return kept


def test_a_second_run_puts_the_first_aside(tmp_path: Path, traded: Desk) -> None:
    state = tmp_path / "state"
    assert trade(state, traded, "first") is None
    (state / "aws").mkdir()
    (state / "aws" / "books").write_text("of the first")
    assert trade(state, traded, "second") == state / "runs" / "1"
    assert trade(state, traded, "third") == state / "runs" / "2"
    assert (state / "runs" / "1" / "aws" / "books").read_text() == "of the first"
    assert [state_directory.read_request(path).begun for path in state_directory.kept_runs(state)] == [
        "first",
        "second",
        "third",
    ]
    assert not (state / "aws").exists()


def test_a_run_is_erased_only_where_that_is_asked_for(tmp_path: Path, traded: Desk) -> None:
    trade(tmp_path, traded, "first")
    assert trade(tmp_path, traded, "second", overwrite=True) is None
    assert [state_directory.read_request(path).begun for path in state_directory.kept_runs(tmp_path)] == ["second"]


def test_the_user_s_own_files_stay_in_place(tmp_path: Path, traded: Desk) -> None:
    trade(tmp_path, traded, "first")
    (tmp_path / "notes.txt").write_text("mine")
    trade(tmp_path, traded, "second")
    trade(tmp_path, traded, "third", overwrite=True)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_run_that_never_came_to_its_first_bar_leaves_nothing_to_keep(tmp_path: Path, traded: Desk) -> None:
    begin(tmp_path, traded, "first")
    assert begin(tmp_path, traded, "second") is None
    assert state_directory.kept_runs(tmp_path) == []
    with pytest.raises(BadInput, match="holds no run to continue"):
        state_directory.read_request(tmp_path)


def test_a_run_of_a_version_that_stored_only_the_end_is_kept_too(tmp_path: Path, traded: Desk) -> None:
    trade(tmp_path, traded, "first")
    (tmp_path / "request.json").unlink()
    (tmp_path / "progress.json").unlink()
    assert begin(tmp_path, traded, "second") == tmp_path / "runs" / "1"


def test_a_run_that_is_put_aside_keeps_its_request_under_the_earlier_name(tmp_path: Path, traded: Desk) -> None:
    trade(tmp_path, traded, "first")
    (tmp_path / "request.json").rename(tmp_path / "asked.json")
    assert trade(tmp_path, traded, "second") == tmp_path / "runs" / "1"
    assert (tmp_path / "runs" / "1" / "asked.json").exists()
    assert not (tmp_path / "asked.json").exists()


@pytest.mark.parametrize("older", ['{"desk": "desk.toml"}', '{"desk": "desk.toml", "format": 99}', None])
def test_a_run_that_is_stored_otherwise_is_not_read(tmp_path: Path, traded: Desk, capsys, older: str | None) -> None:
    trade(tmp_path, traded, "first")
    (tmp_path / "aws").mkdir()
    state_directory.check_format(tmp_path)
    (tmp_path / "request.json").unlink() if older is None else (tmp_path / "request.json").write_text(older)
    for words in (["status"], ["orders"], *([["run", "--continue"]] if older else [])):
        assert main([*words, "--state", str(tmp_path)]) == Exit.WRONG_INPUT
        assert "stored by another version of fanfold" in capsys.readouterr().err
    assert trade(tmp_path, traded, "second") == tmp_path / "runs" / "1"


def test_a_directory_of_somebody_else_and_a_file_are_refused(tmp_path: Path, traded: Desk) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(BadInput, match="not empty and not a state directory"):
        begin(tmp_path, traded, "first")
    for path in (tmp_path / "letter.txt", tmp_path / "letter.txt" / "deeper"):
        with pytest.raises(BadInput, match="is a file, or lies in one"):
            begin(path, traded, "first")
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("name", ["progress.json", "request.json"])
@pytest.mark.parametrize("garbage", [b"", b"\xff\xfe", b"[1, 2", b'{"through": "soon"}', b"7"])
def test_a_damaged_note_is_named_and_the_run_is_kept(tmp_path: Path, traded: Desk, name: str, garbage: bytes) -> None:
    trade(tmp_path, traded, "first")
    (tmp_path / name).write_bytes(garbage)
    read = {"request.json": state_directory.read_request, "progress.json": state_directory.traded_through}[name]
    with pytest.raises(BadInput, match=rf"{name} is damaged .* keeps this one"):
        read(tmp_path)
    assert trade(tmp_path, traded, "second") == tmp_path / "runs" / "1"


def test_the_runs_are_listed_with_what_they_came_to(tmp_path: Path, traded: Desk, capsys) -> None:
    trade(tmp_path, traded, "2026-03-01T00:00:00+00:00")
    (tmp_path / "summary.json").write_text('{"total_return": "0.0125"}')
    trade(tmp_path, traded, "2026-03-02T00:00:00+00:00")
    (tmp_path / "desk.json").write_bytes(b"garbage")
    assert main(["runs", "--state", str(tmp_path)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[1].split() == ["1", "2026-03-01", "00:00", "seeded", "market", "channel", "+4", "+1.25%", "complete"]
    assert printed[2].split() == ["newest", "2026-03-02", "00:00", "seeded", "market", "killed"]
    assert f"`--state {tmp_path}/runs/N`" in printed[3]


def test_without_runs_the_list_is_empty(tmp_path: Path, capsys) -> None:
    assert main(["runs", "--state", str(tmp_path / "none")]) == 3
    assert "start one with `fanfold run`" in capsys.readouterr().err
