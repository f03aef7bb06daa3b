"""Tables of runs, short ids, and what a command line asks for that a desk cannot be asked."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from fanfold.cli import live_run, recorded_run
from fanfold.cli.argument_types import Options
from fanfold.cli.commands import runs
from fanfold.cli.output import plain
from fanfold.cli.reading import short_ids
from fanfold.errors import BadInput
from fanfold.local.directory_lock import lock_directory
from fanfold.local.run_plan import RunOptions

IDS = st.sets(st.text("0123456789abcdef", min_size=32, max_size=32), max_size=20)


@given(IDS)
def test_a_short_id_begins_one_id_alone(ids):
    for each, short in short_ids(iter(ids)).items():
        assert [other for other in ids if other.startswith(short)] == [each]
        assert len(short) >= 8


def test_ids_that_begin_alike_are_longer():
    assert set(short_ids(["a" * 31 + "b", "a" * 32]).values()) == {"a" * 31 + "b", "a" * 32}


@pytest.fixture
def state(tmp_path) -> Path:
    for folder, summary in ((tmp_path / "runs" / "1", {"total_return": "0.0125", "interrupted": True}), (tmp_path, {})):
        folder.mkdir(parents=True, exist_ok=True)
        request = {"desk": "d", "data": ["/a/very/long/way/BTCUSDT-1m-2026-03-of-a-month.csv", "/b.csv"], "format": 4}
        (folder / "request.json").write_text(json.dumps(request | {"begun": "2026-03-01T00:00:00+00:00"}))
        (folder / "progress.json").write_text('{"through": 60}')
        (folder / "desk.json").write_text("{}")
        if summary:
            (folder / "summary.json").write_text(json.dumps(summary))
    return tmp_path


def test_runs_fit_a_line_and_say_how_they_ended(state):
    answer = runs.command(options=Options(state, json=False, command="runs"))
    table = plain(answer.blocks[0])
    assert max(map(len, table.splitlines())) <= 80
    assert "1       2026-03-01 00:00" in table
    assert "+1.25%" in table
    assert [run["ended"] for run in answer.document["runs"]] == ["interrupted", "killed"]


def test_a_run_that_has_just_begun_is_not_continued(tmp_path):
    with lock_directory(tmp_path, "run"), pytest.raises(BadInput, match="a desk is running in"):
        recorded_run.trade(Options(tmp_path, json=False, command="run"), RunOptions(resume=True), Console())


@pytest.mark.parametrize("symbols", ["BTCUSDT", "BTC/USDT,eth/usdt", "BTC/"])
def test_symbols_are_checked_before_the_network_is_tried(tmp_path, symbols):
    wanted = RunOptions(live="binance", symbols=symbols, origin="http://127.0.0.1:9")
    with pytest.raises(BadInput, match="is not of the form BASE/QUOTE"):
        live_run.trade(Options(tmp_path, json=False, command="run"), wanted, Console())


@pytest.mark.parametrize(
    ("unfit", "cure"),
    [
        ({"resume": True}, "start a new one without --continue"),
        ({"data": ("BTCUSDT.csv",)}, "are for recorded bars; leave them out"),
        ({"columns": {"time": "at"}}, "are for recorded bars; leave them out"),
        ({"since": 1}, "are for recorded bars; leave them out"),
        ({"until": 1}, "are for recorded bars; leave them out"),
        ({"stay": True}, "run `fanfold serve` in a second terminal"),
        ({"speed": 5.0}, "a live market has its own pace"),
    ],
)
def test_a_live_run_refuses_what_it_cannot_honour_with_its_cure(tmp_path, unfit, cure):
    wanted = RunOptions(live="binance", symbols="BTC/USDT", origin="http://127.0.0.1:9", **unfit)
    with pytest.raises(BadInput, match=cure):
        live_run.trade(Options(tmp_path, json=False, command="run"), wanted, Console())
