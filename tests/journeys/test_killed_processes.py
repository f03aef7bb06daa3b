"""The process that executes is killed at random moments of its work; the exchange has each order once all the same.

``make storm`` kills 200 times. The processes are those that the embedded AWS started, killed by their ids.
"""

import os
import re
from pathlib import Path

import pytest

from fanfold.cli.main import main
from support.storm_desk import storm_desk

KILLS = int(os.environ.get("STORM_KILLS", "10"))


@pytest.fixture(autouse=True)
def _unrecorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The role of a stage with a real venue lets execution read its key; that of the local stage does not."""
    monkeypatch.setenv("RECORD_CALLS", "")


def test_each_approved_order_is_at_the_exchange_once_and_the_books_are_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--exchange", "box", "--kills", str(KILLS), "--minutes", str(12 + KILLS), "--seed", "5"]
    code = main(["run", *options, *storm_desk(tmp_path, 2), "--state", str(tmp_path / "state")])
    printed = capsys.readouterr()
    assert (code, printed.err) == (0, ""), printed.out + printed.err
    assert f"killed        {KILLS} times" in printed.out
    counted = re.search(r"exchange +(\d+) orders of (\d+) approved(?:; .*: (\d+) STALE)?$", printed.out, re.MULTILINE)
    assert counted is not None, printed.out
    there, approved, stale = (int(count or 0) for count in counted.groups())
    # What is killed again and again until the signal is too old is not sent any more.
    assert there + stale == approved > 4 * KILLS
    assert stale <= approved / 100
    assert "nothing doubled, lost or unexplained" in printed.out
    # All outcomes are known.
    assert "awaited" not in printed.out
    assert "books balance" in printed.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--kills", "3"], "--faults and --kills go with --exchange box"),
        (["--exchange", "box", "--kills", "3", "--images"], "--images has none"),
        (["--exchange", "box", "--kills", "0"], "not a whole number above zero"),
    ],
)
def test_kills_that_cannot_be_meant_are_refused(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *arguments, "--state", str(tmp_path / "state")]) == 2
    assert says in capsys.readouterr().err
