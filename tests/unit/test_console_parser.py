"""The command line as far as it needs no desk."""

import json
import os
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from fanfold.cli.app import command_files, parse
from fanfold.cli.commands.doctor import node_finding
from fanfold.cli.exit_codes import FAILURES, MEANINGS, Exit
from fanfold.cli.main import main
from fanfold.local.session import run_file, running_cloud
from fanfold.strategy import contract

ROOT = Path(__file__).resolve().parents[2]
DESK = ROOT / "desk.toml"


def test_every_exit_code_has_a_meaning():
    assert set(MEANINGS) == set(Exit)


def test_every_command_that_may_fail_says_when():
    exits = {" ".join(file.words): getattr(import_module(file.module), "EXITS", ()) for file in command_files()}
    assert {words for words, codes in exits.items() if Exit.FAILED in codes} == FAILURES.keys()


COMMANDS = [file for file in command_files() if file.examples]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command.words))
def test_every_command_shows_its_examples_in_its_help(command, capsys):
    assert main([*command.words, "--help"]) == 0
    shown = capsys.readouterr().out
    assert [example for example in command.examples if f"Example: {example}\n" not in shown] == []
    assert "--json" in shown


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command.words))
def test_every_example_is_of_its_command_and_parses(command):
    for example in command.examples:
        words = shlex.split(example.partition(" > ")[0])
        assert tuple(words[: len(command.words) + 1]) == ("fanfold", *command.words)
        parse(words[1:])


def test_a_summary_fits_a_line_of_the_list_of_commands():
    assert [file.words for file in command_files() if len(file.about.partition("\n")[0]) > 80] == []


@pytest.mark.parametrize("words", [["--json", "--state", "x", "status"], ["status", "--state", "x", "--json"]])
def test_shared_options_stand_before_or_after_the_command(words):
    assert parse(words).options == (Path("x"), True, "status")


def test_the_state_directory_is_named_by_the_environment_unless_it_is_named_outright(monkeypatch):
    monkeypatch.setenv("FANFOLD_STATE", "there")
    assert parse(["status"]).options.state == Path("there")
    assert parse(["status", "--state", "here"]).options.state == Path("here")
    monkeypatch.setenv("FANFOLD_STATE", "")
    assert parse(["status"]).options.state == Path(".fanfold")


@pytest.mark.parametrize("words", [["--help"], ["status"], ["status", "--help"], ["halt", "HALTED", "--reason", "x"]])
def test_a_command_loads_nothing_that_only_another_needs(words):
    script = f"import sys\nfrom fanfold.cli.app import parse\nparse({words!r})\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", script], env=os.environ | {"PYTHONPATH": str(ROOT / "shared")},
                          capture_output=True, text=True, check=True)  # fmt: skip
    heavy = {"ccxt", "duckdb", "sqlglot", "numpy", "pyarrow", "boto3", "fanfold.cli.commands.run"}
    assert heavy.intersection(done.stdout.splitlines()) == set()


def test_strategies_are_listed_with_params_and_lookback(capsys):
    assert main(["strategies", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["strategies"]}
    assert list(rows) == contract.names()
    assert rows["sma_cross"]["params"] == {"fast": 20, "slow": 100}
    assert rows["sma_cross"]["lookback"] == 99
    assert rows["pairs"]["instruments"] == 2


def test_desk_check_tells_what_would_trade(capsys):
    assert main(["desk", "check", str(DESK), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {strategy["instance"] for strategy in document["strategies"]} >= {"trend", "reversion", "rotation"}
    assert document["accounts"]["main"]["cash"] == "100000"


def test_desk_check_shows_orders_where_one_is_not_at_market(tmp_path, capsys):
    sliced = tmp_path / "desk.toml"
    sliced.write_text(
        DESK.read_text().replace("[strategies.trend]", "[strategies.trend]\nslices = 5\nslices_over_s = 60", 1)
    )
    assert main(["desk", "check", str(sliced)]) == 0
    assert "market, 5 slices" in capsys.readouterr().out
    assert main(["desk", "check", str(DESK)]) == 0
    assert "market, " not in capsys.readouterr().out


def test_desk_check_names_the_wrong_key(tmp_path, capsys):
    wrong = tmp_path / "desk.toml"
    wrong.write_text(DESK.read_text().replace('strategy = "sma_cross"', 'strategy = "sma_crss"'))
    assert main(["desk", "check", str(wrong)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "[strategies.trend] strategy 'sma_crss' is unknown" in said.err


def test_a_desk_file_that_is_not_there_is_named(tmp_path, capsys):
    assert main(["desk", "check", str(tmp_path / "none.toml")]) == 2
    assert "none.toml" in capsys.readouterr().err


@pytest.mark.parametrize("said", ["", "v18.19.1", "v20.18.3", "nothing"])
def test_doctor_says_which_node_it_wants(said):
    finding = node_finding(said)
    assert finding.fix
    assert "20.19 or newer" in finding.found


@pytest.mark.parametrize("said", ["v20.19.0", "v22.1.0", "v24.0.0"])
def test_doctor_accepts_a_node_that_is_new_enough(said):
    assert not node_finding(said).fix


def test_doctor_tells_of_a_killed_run_and_how_to_go_on(tmp_path, capsys):
    (tmp_path / "run.json").write_text(json.dumps({"port": 1, "control_port": 1, "pid": 1}))
    assert main(["doctor", "--state", str(tmp_path), "--desk", str(DESK), "--json"]) == 0
    findings = {finding["name"]: finding for finding in json.loads(capsys.readouterr().out)["findings"]}
    assert "`fanfold run --continue` goes on" in findings["run.json"]["found"]
    assert findings["desk"]["ok"]
    assert findings["state"]["ok"]


@pytest.mark.parametrize("text", ['{"port": 12', "[1]", "{}", "null", '{"port": "x", "control_port": 1, "pid": 1}', ""])
def test_a_run_file_that_was_cut_off_names_no_desk(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    assert run_file(tmp_path) is None
    assert running_cloud(tmp_path) is None


@pytest.mark.parametrize("words", [["status"], ["audit", "verify"], ["query", "SELECT 1"], ["why", "abc"]])
def test_doctor_reports_nothing_without_a_run(words, tmp_path, capsys):
    assert main(["--state", str(tmp_path / "none"), *words]) == 3
    assert "fanfold run" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
