"""Optuna searches a grid: a seed gives one search, its rows are those of a sweep, and it goes on where it stopped."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from fanfold.cli.main import main
from fanfold.errors import BadInput
from fanfold.market.recording import Recording
from fanfold.research import sweep
from fanfold.research.library import RunLibrary
from fanfold.research.sweeping import running, searching
from fanfold.research.sweeping.parts_of_sweep import SweepParts
from fanfold.research.sweeping.sweep_job import SweepJob

DESK = Path(__file__).resolve().parents[2] / "desk.toml"
GRID = {"fast": "2:20:1", "slow": "20:60:5"}
COMMAND = ["sweep", "sma_cross", "--desk", str(DESK), "--minutes", "300", "--grid", "fast=2:20:1", "--grid",
           "slow=20:60:5"]  # fmt: skip


def test_a_seed_gives_one_search_whose_rows_are_those_of_a_sweep() -> None:
    first, again, other = (
        sweep("sma_cross", desk=DESK, grid=GRID, optuna=40, seed=seed, rank="total_return", minutes=300, windows="2")
        for seed in (7, 7, 8)
    )
    assert first.table.equals(again.table)
    assert first.run == again.run != other.run
    # What Optuna asks for twice is traded once.
    assert 20 < len(first.job.configurations) < 40
    assert first.table["trial"].to_pylist() == list(range(2 * len(first.job.configurations)))
    earned = {(row["params"], row["since"]): row["equity"] for row in first.table.to_pylist()}
    for row in sweep("sma_cross", desk=DESK, grid=GRID, minutes=300, windows="2").table.to_pylist():
        assert earned.get((row["params"], row["since"]), row["equity"]) == row["equity"]


@pytest.mark.parametrize(("rank", "best"), [("total_return", max), ("drawdown", min)])
def test_later_rounds_are_nearer_to_the_best(rank: str, best: Any) -> None:
    whole = sweep("sma_cross", desk=DESK, grid=GRID, minutes=300)
    tried = sweep("sma_cross", desk=DESK, grid=GRID, optuna=96, rank=rank, minutes=300)
    known = [row[rank] for row in whole.table.to_pylist() if row[rank] is not None]
    figures = [row[rank] for row in tried.table.to_pylist() if row[rank] is not None]
    early, late = figures[:14], figures[-14:]
    towards = sum(late) / len(late) - sum(early) / len(early)
    assert towards > 0 if best is max else towards < 0
    assert abs(best(figures) - best(known)) <= 0.05 * (max(known) - min(known))


def test_a_search_that_was_stopped_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = sweep("sma_cross", desk=DESK, grid=GRID, optuna=40, rank="total_return", minutes=300)
    traded: list[int] = []
    run_job = running.run_job

    def stopping(*arguments: object) -> object:
        if len(traded) == 2:
            raise KeyboardInterrupt
        traded.append(1)
        return run_job(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(searching, "run_job", stopping)
    with pytest.raises(KeyboardInterrupt):
        sweep("sma_cross", desk=DESK, grid=GRID, optuna=40, rank="total_return", minutes=300, library=tmp_path)
    monkeypatch.undo()
    assert len(list((tmp_path / "sweeps").iterdir())) == 2
    done: list[int] = []

    def noting(job: SweepJob, bars: list[Recording], parts: SweepParts, on_trials: Callable[[int], None]) -> pa.Table:
        done.append(parts.read().num_rows)
        return run_job(job, bars, parts, on_trials)

    monkeypatch.setattr(searching, "run_job", noting)
    gone_on = sweep("sma_cross", desk=DESK, grid=GRID, optuna=40, rank="total_return", minutes=300, library=tmp_path)
    assert [rows > 0 for rows in done] == [True, True, False]
    assert gone_on.table.equals(whole.table)
    assert not list((tmp_path / "sweeps").iterdir())
    assert RunLibrary(tmp_path).rows_of(gone_on.run).num_rows == whole.table.num_rows


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--optuna", "500"], "the grid has 171 configurations, and 500 were to be chosen: try all without --optuna"),
        (["--optuna", "20"], "no trial of the first 16 has a sharpe"),
        (["--optuna", "20", "--random", "5"], "leave --random out"),
        (["--optuna", "20", "--stage", "dev"], "leave --stage out"),
        (["--optuna", "20", "--rank", "sharp"], "figure 'sharp' is unknown"),
    ],
)
def test_what_cannot_be_searched_says_why(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*COMMAND, "--library", str(tmp_path), *arguments]) == 2
    assert said in capsys.readouterr().err


def test_without_optuna_the_command_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(BadInput, match="pip install optuna"):
        sweep("sma_cross", desk=DESK, grid=GRID, optuna=20, rank="total_return", minutes=300)
