"""Runs as processes: killed, interrupted at any moment, two at once; nothing is lost and nothing stays behind."""

import json
import os
import random
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from fanfold.local import state_directory
from support.command_processes import ended, fanfold, lives, said, started_on, until
from support.desk_fixture import ROOT, skip_without_node

MOMENTS = 4
# A setting that no stack was ever deployed with.
NO_STORED_STACKS = ("FANFOLD_TRIED_BY", "test_runs")


def run(*words: str) -> tuple[str, ...]:
    return ("run", "--desk", str(ROOT / "desk.toml"), *words)


@pytest.fixture
def state(tmp_path) -> Iterator[Path]:
    skip_without_node()
    yield tmp_path / "state"
    assert ended(tmp_path / "state")


@pytest.fixture(scope="module")
def traded(deployed, tmp_path_factory) -> Path:
    """The state of a run of some minutes of the seeded market, from stacks that were deployed once for all journeys."""
    assert deployed.is_dir()
    state = tmp_path_factory.mktemp("runs") / "state"
    code, out = said(state, *run("--minutes", "4"))
    assert (code, "starts clean in" in out) == (0, True), out
    return state


@pytest.fixture
def again(traded, tmp_path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(traded, tmp_path / "state"))


def test_a_killed_run_goes_on_and_its_books_balance(again):
    with fanfold(again, *run("--continue", "--minutes", "600")) as child:
        until(child, "continues in")
        begun = state_directory.traded_through(again)
        while state_directory.traded_through(again) < begun + 5 * 60:
            assert lives(child)
        child.kill()
    code, out = said(again, "status", "--json")
    assert (code, json.loads(out[out.index("{") :])["running"]) == (0, False)
    got_to = state_directory.traded_through(again)
    code, out = said(again, *run("--continue", "--minutes", "3", "--json"))
    summary = json.loads(out[out.index('{"') :])
    assert (code, summary["minutes"], summary["books_balance"], summary["audit_verified"]) == (0, 3, True, True)
    assert state_directory.traded_through(again) == got_to + 3 * 60


def test_continue_trades_the_minutes_that_an_interrupted_run_left(again):
    with fanfold(again, *run("--continue", "--minutes", "600")) as child:
        until(child, "continues in")
        begun = state_directory.traded_through(again)
        while state_directory.traded_through(again) == begun:
            assert lives(child)
        child.send_signal(signal.SIGINT)
        child.communicate()
    assert child.returncode == 130
    assert state_directory.read_request(again).until == begun + 600 * 60


def test_a_second_run_keeps_the_first_and_any_command_can_look_at_it(again):
    code, out = said(again, *run("--minutes", "1"))
    assert (code, f"the run before is kept in {again}/runs/1" in out) == (0, True)
    assert said(again / "runs" / "1", "audit", "verify")[0] == 0
    code, out = said(again, "runs", "--json")
    assert [run_row["run"] for run_row in json.loads(out)["runs"]] == [f"{again}/runs/1", str(again)]


def test_of_two_runs_at_once_in_a_new_directory_one_is_refused_and_names_the_other(state):
    with fanfold(state, *run("--minutes", "2")) as first, fanfold(state, *run("--minutes", "2")) as other:
        outputs = [first.communicate()[0], other.communicate()[0]]
    assert sorted([first.returncode, other.returncode]) == [0, 2]
    refused, winner = (outputs[0], other) if first.returncode == 2 else (outputs[1], first)
    assert f"`fanfold run` (process {winner.pid}) holds {state}" in refused
    assert "starts clean" not in refused


def test_a_desk_that_is_served_is_asked_and_a_run_is_told_who_holds_it(again):
    with fanfold(again, "serve", "--port", "0") as serving:
        until(serving, "http://127.0.0.1:")
        assert said(again, "status")[0] == 0
        code, out = said(again, *run("--continue", "--minutes", "1"))
        assert (code, f"`fanfold serve` (process {serving.pid}) holds" in out) == (2, True)
        serving.send_signal(signal.SIGINT)
        serving.wait()
    assert serving.returncode == 130
    assert ended(again)


def test_ctrl_c_while_stacks_deploy_interrupts(state, monkeypatch):
    monkeypatch.setenv(*NO_STORED_STACKS)
    with fanfold(state, *run("--minutes", "2")) as child:
        until(child, "starts clean in")
        while not list((state / "aws" / "s3").rglob("*deployment*")):
            assert lives(child)
        os.killpg(child.pid, signal.SIGINT)
        out, _ = child.communicate()
    assert (child.returncode, "interrupted; what was started is stopped" in out) == (130, True)
    assert "traded" not in out


def test_a_run_that_is_ended_at_any_moment_leaves_nothing_that_runs(state):
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    for _ in range(MOMENTS):
        # Half of the runs deploy, the others start from stacks that were deployed before.
        environ = dict([NO_STORED_STACKS]) if dice.random() < 0.5 else {}
        ending = dice.choice([signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
        with fanfold(state, *run("--minutes", "1"), environ=environ) as child:
            assert child.stdout
            # A moment is after so many characters and processes, not after so many seconds.
            child.stdout.read(dice.randrange(40))
            started = dice.randrange(3)
            while len(started_on(state)) < started and lives(child):
                continue
            child.send_signal(ending)
            out, _ = child.communicate()
        assert "Traceback" not in out, f"seed {seed}"
        assert "not empty and not a state directory" not in out, f"seed {seed}"
        assert child.returncode in {0, 130, -ending}, f"seed {seed}"
        assert ended(state), f"seed {seed}"
