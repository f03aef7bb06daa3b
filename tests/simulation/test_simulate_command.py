"""``fanfold simulate``: many seeds, and one with its story."""

import json
import os
import signal
import subprocess
import sys

import pytest

from execution_service.send import Sender
from fanfold.cli.main import main
from fanfold.messages import OrderState
from fanfold.simulation.schedules import schedule
from fanfold.simulation.schedules.faults import Hit
from fanfold.simulation.schedules.schedule import run


def test_seeds_are_run_and_rare_states_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--seeds", "20", "--first-seed", "5", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["seeds"] == {"first": 5, "count": 20}
    assert document["broken"] == {}
    assert document["reached"]["a process begins cold"] == 20


def test_a_seed_tells_its_story_and_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    seed = next(seed for seed in range(100) if run(seed).reached["an order ends FILLED"])
    assert main(["simulate", "--seed", str(seed), "--explain"]) == 0
    story = capsys.readouterr().out
    assert "as FILLED" in story
    assert "every law holds" in story


def test_a_broken_law_is_told_with_the_fewest_faults(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Sender, "_look_up", lambda sender, message, record: sender._end(message, record, OrderState.STALE, "no answer")
    )
    seed = _first_failing(capsys)
    assert main(["simulate", "--seed", str(seed), "--json"]) == 1
    drawn = json.loads(capsys.readouterr().out)
    assert main(["simulate", "--seed", str(seed), "--explain", "--json"]) == 1
    shrunk = json.loads(capsys.readouterr().out)
    assert 1 <= len(shrunk["faults"]) < len(drawn["faults"])
    assert shrunk["broken"]
    assert any("FAULT" in line for line in shrunk["story"])
    of_calls = [line for line in shrunk["story"] if "FAULT lost" in line or "FAULT after" in line]
    assert of_calls
    assert all(", at " in line for line in of_calls)


def test_pairs_of_faults_are_run_by_parts(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["simulate", "--seed", "7", "--pairs", "--faults", "lost", "--part", "1/20", "--json"]
    assert main(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schedules"] > 20
    assert document["broken"] == []


def test_faults_of_two_kinds_that_are_the_first_of_their_kind_are_a_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = list[tuple[Hit, ...]]()
    monkeypatch.setattr(schedule, "run", lambda *seed, **more: listed.append(more["listed"]) or run(*seed, **more))
    first = Hit(1, "before")
    count, _ = schedule.run_in_pairs(3, first, ("before", "lost"))
    assert (first, Hit(1, "lost")) in listed
    assert count == len(listed) == len(set(listed))


def _first_failing(capsys: pytest.CaptureFixture[str]) -> int:
    assert main(["simulate", "--seeds", "200", "--json"]) == 1
    return int(next(iter(json.loads(capsys.readouterr().out)["broken"])))


@pytest.mark.parametrize("words", [["--seeds", "100000", "--processes", "2"], ["--seed", "7", "--pairs"]])
def test_ctrl_c_ends_all_processes_at_once(words: list[str]) -> None:
    command = [sys.executable, "-m", "fanfold.cli.entry", "simulate", *words]
    with subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as started:
        with pytest.raises(subprocess.TimeoutExpired):
            started.wait(4)
        os.killpg(started.pid, signal.SIGINT)
        out, _ = started.communicate(timeout=10)
    assert (started.returncode, out) == (130, b"")
    with pytest.raises(ProcessLookupError):
        os.killpg(started.pid, 0)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--faults", "rain"], "'rain' is no kind of fault"),
        (["--explain"], "name it with --seed"),
        (["--pairs"], "name it with --seed"),
        (["--seed", "3", "--part", "1/5"], "say --pairs, too"),
        (["--seed", "3", "--pairs", "--singly"], "name one of --explain, --singly and --pairs"),
        (["--seed", "3", "--seeds", "5"], "no --seeds, --first-seed or --processes"),
        (["--seed", "3", "--pairs", "--part", "9/5"], "'9/5' is no part"),
    ],
)
def test_wrong_arguments_are_named(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", *words]) == 2
    assert says in capsys.readouterr().err
