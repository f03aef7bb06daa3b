"""The commands about a stage say what they say of the same desk on this machine, by AWS's own variables alone."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from fanfold.deployment import STAGE
from fanfold.local.launcher import REGION
from support.command_results import Fanfold, say
from support.trading import Desk, planned, replayed, trade

MINUTES = 40
ACCOUNT = "000000000000"
SQL = "SELECT instrument, count(*) AS fills, sum(fee) AS fees FROM trades GROUP BY instrument ORDER BY instrument"


@pytest.fixture(scope="module")
def desk(deployed, tmp_path_factory) -> Iterator[Desk]:
    """A desk that has traded and is still up."""
    traded, ready, over = list[Desk](), Event(), Event()

    def act(desk: Desk) -> None:
        replayed(desk)
        desk.run.finish()
        traded.append(desk)
        ready.set()
        over.wait()

    state = tmp_path_factory.mktemp("desk") / "state"
    trading = Thread(target=trade, args=(state, deployed, planned(MINUTES), act))
    trading.start()
    try:
        while not ready.wait(0.1):
            assert trading.is_alive(), "the desk did not trade"
        yield traded[0]
    finally:
        over.set()
        trading.join()


@pytest.fixture
def fanfold(desk, capsys, monkeypatch, tmp_path_factory) -> Fanfold:
    """Runs a command, to which the embedded AWS is an account like any other."""
    account = {
        "AWS_ENDPOINT_URL": desk.cloud.endpoint,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "secret",
        "XDG_CACHE_HOME": str(tmp_path_factory.getbasetemp() / "cache"),
    }
    for name, value in account.items():
        monkeypatch.setenv(name, value)
    return lambda *words: say(capsys, desk.state, *words)


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["positions"],
        ["orders", "--last", "0"],
        ["trades"],
        ["signals"],
        ["audit", "verify"],
        ["dead-letters", "list"],
        ["query", SQL],
        ["portfolio"],
        ["tax", "--year", "2026"],
    ],
    ids=lambda words: words[0],
)
def test_a_command_prints_the_same_of_a_stage_as_of_the_local_desk(fanfold: Fanfold, words: list[str]) -> None:
    here, there = fanfold(*words, "--json"), fanfold(*words, "--json", "--stage", STAGE)
    assert (there.code, json.loads(there.out)) == (here.code, json.loads(here.out))
    assert json.loads(there.out)


def test_why_goes_back_to_the_bar_in_a_stage_too(fanfold: Fanfold) -> None:
    order = json.loads(fanfold("orders", "--json", "--stage", STAGE).out)["orders"][0]["order_id"]
    assert fanfold("why", order, "--stage", STAGE).out == fanfold("why", order).out


def test_an_account_that_is_open_stays_as_it_is(fanfold: Fanfold) -> None:
    cash = _status(fanfold)["cash"]
    assert fanfold("open", "--stage", STAGE, "--reason", "again").out == "account main: was open\n"
    assert _status(fanfold)["cash"] == cash


def test_one_person_halts_a_stage_and_resumes_it_after_the_delay(fanfold: Fanfold, desk: Desk) -> None:
    halted = fanfold("halt", "HALTED", "--stage", STAGE, "--reason", "a drill")
    assert halted.out.startswith("account main: HALTED (a drill, by arn:aws:")
    assert _status(fanfold)["trading_state"] == "HALTED"
    said = fanfold("resume", "--stage", STAGE, "--reason", "over")
    (code,) = re.findall(r"--confirmation ([0-9a-f]{32})", said.out)
    confirming = ("resume", "--stage", STAGE, "--account", "main", "--reason", "over", "--confirmation", code)
    early = fanfold(*confirming)
    assert (early.code, early.out) == (2, "")
    assert "another principal may confirm now" in early.err
    desk.run.set_clock((datetime.fromtimestamp(desk.plan.until, UTC) + timedelta(minutes=16)).timestamp())
    assert fanfold(*confirming).out == "account main: ACTIVE (over)\n"
    assert _status(fanfold)["trading_state"] == "ACTIVE"


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (["status", "--stage", "prod"], 3, "there is no stack fanfold-platform-prod"),
        (["halt", "HALTED", "--stage", STAGE, "--reason", "x", "--account", "spare"], 2, "'spare' is not in the desk"),
        (["resume", "--stage", STAGE, "--reason", "x", "--account", "main"], 2, "trades already"),
        (["resume", "--stage", STAGE, "--reason", "x", "--confirmation", "0" * 32], 2, "name both"),
        (["halt", "HALTED", "--stage", STAGE, "--reason", " "], 2, "--reason is empty"),
    ],
)
def test_a_refusal_of_a_stage_is_named(fanfold: Fanfold, words: list[str], code: int, named: str) -> None:
    said = fanfold(*words)
    assert (said.code, said.out) == (code, "")
    assert named in said.err


def test_missing_credentials_are_reported_with_the_way_to_set_them(
    fanfold: Fanfold, monkeypatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    said = fanfold("status", "--stage", STAGE)
    assert (said.code, said.out) == (2, "")
    assert "AWS_PROFILE" in said.err


def _status(fanfold: Fanfold) -> dict[str, Any]:
    (account,) = json.loads(fanfold("status", "--json", "--stage", STAGE).out)["accounts"]
    status: dict[str, Any] = account
    return status
