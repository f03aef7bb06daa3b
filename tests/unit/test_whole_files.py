"""A file that a user names is written whole, or what was there stays as it was."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fanfold.accounting.csv_rows import CsvRow
from fanfold.cli import main, tax_files, tear_sheet_files
from fanfold.cli.whole_files import replacing
from fanfold.errors import BadInput


def write_half(path: Path, fault: BaseException) -> None:
    with replacing(path) as file:
        file.write(b"half")
        raise fault


def test_an_interrupt_and_a_full_disk_leave_the_file_before(tmp_path: Path) -> None:
    path = tmp_path / "tax.csv"
    path.write_text("of last year")
    for fault in (KeyboardInterrupt(), OSError(28, "No space left on device")):
        with pytest.raises(type(fault)):
            write_half(path, fault)
    assert path.read_text() == "of last year"
    assert [each.name for each in tmp_path.iterdir()] == ["tax.csv"]


def test_a_file_that_a_killed_process_left_is_removed_and_that_of_a_live_one_is_not(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    names = [f".tax.csv.{ended.pid}", f".tax.csv.{os.getppid()}", ".tax.csv.mine", f".other.csv.{ended.pid}"]
    for name in names:
        (tmp_path / name).write_text("half")
    tax_files.write_csv(tmp_path / "tax.csv", [["coin"]])
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(["tax.csv", *names[1:]])


def test_a_file_keeps_its_mode_and_a_link_stays_one(tmp_path: Path) -> None:
    path, link = tmp_path / "tax.csv", tmp_path / "link.csv"
    path.write_text("of last year")
    path.chmod(0o600)
    link.symlink_to(path)
    tax_files.write_csv(link, [["coin"], ["BTC"]])
    assert (path.read_text(), path.stat().st_mode & 0o777, link.is_symlink()) == ("coin\nBTC\n", 0o600, True)
    tax_files.write_csv(Path("/dev/null"), [["coin"]])
    assert Path("/dev/null").is_char_device()


def test_a_tear_sheet_that_cannot_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "sheet.html"
    path.write_text("the sheet before")
    with pytest.raises(UnicodeEncodeError):
        tear_sheet_files.write_page(path, "new \ud800", b"{}")
    assert path.read_text() == "the sheet before"


def test_too_little_memory_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    def large(_words: list[str]) -> int:
        raise MemoryError

    monkeypatch.setattr(main, "_run", large)
    assert main.main(["data", "check", "bomb.zip"]) == 2
    assert (
        capsys.readouterr().err
        == "fanfold: the memory is not enough for it; end other programs, or give it less data\n"
    )


@pytest.mark.parametrize("written", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_movement_at_the_end_of_the_calendar_is_refused(written: str) -> None:
    with pytest.raises(BadInput, match=r"not a time from 1900 to 9998"):
        CsvRow("movements.csv", 2, {"at": written}).at()
