"""The command line as far as it needs no desk."""

import json
from pathlib import Path

import pytest

from fanfold.cli.commands.doctor import node_finding
from fanfold.cli.commands.registry import COMMANDS
from fanfold.cli.exit_codes import MEANINGS, Exit
from fanfold.cli.main import main, parser
from fanfold.local.session import run_file, running_cloud
from fanfold.strategy import contract
from fanfold_dev.documents import commands

ROOT = Path(__file__).resolve().parents[2]
DESK = ROOT / "desk.toml"


def test_docs_commands_md_is_current():
    written = (ROOT / commands.PATH).read_text()
    assert written == commands.commands_markdown(), "run `python -m fanfold_dev.documents.commands`"


def test_every_exit_code_has_a_meaning():
    assert set(MEANINGS) == set(Exit)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command.words))
def test_every_command_shows_its_example_in_its_help(command, capsys):
    with pytest.raises(SystemExit) as left:
        main([*command.words, "--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    assert "example: fanfold " in said
    assert "--json" in said


@pytest.mark.parametrize("words", [["--json", "--state", "x", "status"], ["status", "--state", "x", "--json"]])
def test_shared_options_stand_before_or_after_the_command(words):
    arguments = parser({}, with_run=False).parse_args(words)
    assert (arguments.state, arguments.json) == (Path("x"), True)


def test_the_state_directory_is_named_by_the_environment_unless_it_is_named_outright():
    line = parser({"FANFOLD_STATE": "there"}, with_run=False)
    assert line.parse_args(["status"]).state == Path("there")
    assert line.parse_args(["status", "--state", "here"]).state == Path("here")
    assert parser({}, with_run=False).parse_args(["status"]).state == Path(".fanfold")


def test_run_brings_its_own_arguments():
    line = parser({}, with_run=True)
    assert callable(line.parse_args(["run"]).start)


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
    assert {one["instance"] for one in document["strategies"]} >= {"trend", "reversion", "rotation"}
    assert document["accounts"]["main"]["cash"] == "100000"


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
def test_doctor_takes_a_node_that_is_new_enough(said):
    assert not node_finding(said).fix


def test_doctor_tells_of_a_killed_run_and_how_to_go_on(tmp_path, capsys):
    (tmp_path / "run.json").write_text(json.dumps({"port": 1, "control_port": 1, "pid": 1}))
    assert main(["doctor", "--state", str(tmp_path), "--desk", str(DESK), "--json"]) == 0
    found = {one["name"]: one for one in json.loads(capsys.readouterr().out)["findings"]}
    assert "`fanfold run --continue` goes on" in found["run.json"]["found"]
    assert found["desk"]["ok"]
    assert found["state"]["ok"]


@pytest.mark.parametrize("text", ['{"port": 12', "[1]", "{}", "null", '{"port": "x", "control_port": 1, "pid": 1}', ""])
def test_a_run_file_that_was_cut_off_names_no_desk(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    assert run_file(tmp_path) is None
    assert running_cloud(tmp_path) is None


@pytest.mark.parametrize("words", [["status"], ["audit", "verify"], ["query", "SELECT 1"], ["why", "abc"]])
def test_without_a_run_there_is_nothing_to_tell(words, tmp_path, capsys):
    assert main(["--state", str(tmp_path / "none"), *words]) == 3
    assert "fanfold run" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
