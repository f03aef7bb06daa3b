"""``fanfold run --exchange box``: real orders through the deployed desk, while the exchange fails in known ways."""

from pathlib import Path

import pytest

from fanfold.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
RUN = ["run", "--exchange", "box", "--desk", str(ROOT / "desk.toml"), "--minutes", "12"]


@pytest.fixture(autouse=True)
def _unrecorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The role of a stage with a real venue lets execution read its key; that of the local stage does not."""
    monkeypatch.setenv("RECORD_CALLS", "")


@pytest.mark.parametrize("plan", ["storm", "reply_lost_after"])
def test_every_order_is_at_the_exchange_at_most_once_and_the_books_are_its_own(
    plan: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main([*RUN, "--faults", plan, "--seed", "3", "--state", str(tmp_path / "state")])
    captured = capsys.readouterr()
    assert code == 0, captured.out + captured.err
    assert "books balance" in captured.out
    assert "nothing doubled, lost or unexplained" in captured.out
    assert "VIOLATION" not in captured.out
    assert " 0 orders of" not in captured.out
    # The exchange is gone by then.
    assert main(["reconcile", "--state", str(tmp_path / "state")]) == 0
    assert "nothing doubled, lost or unexplained" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--faults", "strom"], "there is no fault plan 'strom'"),
        (["--exchange", "kraken"], "the simulated one that runs here is `box`"),
        (["--live", "binance"], "leave out --live"),
        (["--continue"], "always starts anew"),
        (["--stay"], "leave them out with --exchange box"),
    ],
)
def test_invalid_options_are_refused(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*RUN, *arguments, "--state", str(tmp_path / "state")]) == 2
    assert says in capsys.readouterr().err
