"""The runtime that an environment describes."""

from pathlib import Path

import pytest

from fanfold import desk
from fanfold.aws.function.runtime import runtime
from support.bundle_desk import live_desk

PLACES = {
    "FAULTS_TABLE": "faults",
    "DEAD_LETTERS": "dead",
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "k",
    "AWS_SECRET_ACCESS_KEY": "s",
}


@pytest.mark.parametrize(("venue", "mode"), [({}, "paper"), ({"LIVE_VENUE": "v"}, "live")])
def test_accounts_are_live_only_where_the_stage_names_a_venue(venue: dict[str, str], mode: str, tmp_path: Path) -> None:
    (tmp_path / "desk.json").write_bytes(desk.dump(live_desk("market")))
    traded = runtime(PLACES | venue | {"DESK": str(tmp_path / "desk.json")}).desk
    assert {account.mode for account in traded.accounts.values()} == {mode}
