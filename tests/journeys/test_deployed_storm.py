"""Many intents through the deployed desk while the exchange in the box fails; the smaller runs are in test_box_runs.

``make storm`` sends 10,000 under the storm, and a fiftieth of that under each fault.
"""

import os
import re
from pathlib import Path

import pytest

from fanfold.cli.main import main
from fanfold.exchange.faults import FAULTS
from support.storm_desk import storm_desk

INTENTS = int(os.environ.get("DEPLOYED_INTENTS", "120"))
INSTANCES = 10
# Intents of a bar, at the least: some instances wait for others, or for an outcome.
A_BAR = 11
PLANS = ["storm", *(FAULTS if "DEPLOYED_INTENTS" in os.environ else [])]


@pytest.fixture(autouse=True)
def _unrecorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The role of a stage with a real venue lets execution read its key; that of the local stage does not."""
    monkeypatch.setenv("RECORD_CALLS", "")


@pytest.mark.parametrize("plan", PLANS)
def test_each_intent_is_at_the_exchange_at_most_once_and_the_books_are_its_own(
    plan: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    intents = INTENTS if plan == "storm" else INTENTS // 50
    options = ["--exchange", "box", "--faults", plan, "--seed", "13", "--minutes", str(10 + intents // A_BAR)]
    code = main(["run", *options, *storm_desk(tmp_path, INSTANCES), "--state", str(tmp_path / "state")])
    printed = capsys.readouterr()
    counted = re.search(r"exchange +(\d+) orders of (\d+) approved", printed.out)
    assert counted is not None, printed.out + printed.err
    assert "VIOLATION" not in printed.out
    assert "nothing doubled, lost or unexplained" in printed.out
    assert "books balance" in printed.out
    assert int(counted[2]) >= intents
    assert code == 0, printed.out
