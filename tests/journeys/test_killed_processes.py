"""The process that executes is killed at random moments of its work; the exchange has each order once all the same.

``make storm`` kills 200 times. The processes are those that the embedded AWS started, killed by their ids.
"""

import os
import time
from pathlib import Path

import pytest

from fanfold.cli import box_checks
from fanfold.cli.main import main
from fanfold.messages import OrderState
from support import storm_figures
from support.storm_desk import storm_desk

KILLS = int(os.environ.get("STORM_KILLS", "10"))
SEED = 5


@pytest.fixture(autouse=True)
def _unrecorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The role of a stage with a real venue lets execution read its key; that of the local stage does not."""
    monkeypatch.setenv("RECORD_CALLS", "")


def test_each_approved_order_is_at_the_exchange_once_and_the_books_are_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state"
    options = ["--exchange", "box", "--kills", str(KILLS), "--minutes", str(12 + KILLS), "--seed", str(SEED)]
    began = time.monotonic()
    code = main(["run", *options, *storm_desk(tmp_path, 2), "--state", str(state)])
    printed = capsys.readouterr()
    assert (code, printed.err) == (0, ""), printed.out + printed.err
    assert f"killed        {KILLS} times" in printed.out
    compared = box_checks.stored(state)
    assert compared is not None
    storm_figures.write(storm_figures.KILLS, "none", SEED, compared, time.monotonic() - began, kills=KILLS)
    assert compared.violations == []
    # What is killed again and again until the signal is too old is not sent any more.
    stale = compared.absent.get(str(OrderState.STALE), 0)
    assert compared.at_exchange + stale == compared.approved > 4 * KILLS
    assert stale <= compared.approved / 100
    # All outcomes are known.
    assert compared.awaited == []
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
