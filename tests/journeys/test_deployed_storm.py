"""Many intents through the deployed desk while the simulated exchange fails; the smaller runs are in test_box_runs.

``make storm`` sends 10,000 under the storm, and a hundredth of that under each fault.
"""

import os
import time
from pathlib import Path

import pytest

from fanfold.cli import box_checks
from fanfold.cli.main import main
from fanfold.exchange.faults import FAULTS
from support import storm_figures
from support.storm_desk import storm_desk

INTENTS = int(os.environ.get("DEPLOYED_INTENTS", "120"))
INSTANCES = 10
# Intents of a bar, at the least: some instances wait for others, or for an outcome.
A_BAR = 15
SEED = 13
# A request that comes late, and fills that are told after the cancel of an order that rests.
SHORT = ("storm", "late_arrival", "fill_after_cancel")
PLANS = ["storm", *FAULTS] if "DEPLOYED_INTENTS" in os.environ else SHORT


@pytest.fixture(autouse=True)
def _unrecorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The role of a stage with a real venue lets execution read its key; that of the local stage does not."""
    monkeypatch.setenv("RECORD_CALLS", "")


@pytest.mark.parametrize("plan", PLANS)
def test_each_intent_is_at_the_exchange_at_most_once_and_the_books_are_its_own(
    plan: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    intents, state = INTENTS if plan == "storm" else max(INTENTS // 100, 40), tmp_path / "state"
    options = ["--exchange", "box", "--faults", plan, "--seed", str(SEED), "--minutes", str(10 + intents // A_BAR)]
    began = time.monotonic()
    code = main(["run", *options, *storm_desk(tmp_path, INSTANCES), "--state", str(state)])
    printed = capsys.readouterr()
    compared = box_checks.stored(state)
    assert compared is not None, printed.out + printed.err
    storm_figures.write(storm_figures.DEPLOYED, plan, SEED, compared, time.monotonic() - began)
    assert compared.violations == []
    assert code == 0, printed.out
    assert "books balance" in printed.out
    assert compared.approved >= intents
    met = set(compared.faults)
    assert len(met) >= 5 if plan == "storm" else met == {plan}
