"""The pages of sweeps and walks: medians, the choice of params, sizes, and the numbers beside a page."""

import json
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import msgspec
import numpy as np
import pyarrow as pa
import pytest

from fanfold.cli.main import main
from fanfold.errors import BadInput
from fanfold.research import sweep, walk_forward
from fanfold.research.offline_page import PAGE_BYTES_MAX
from fanfold.research.sweeping import sheet_of_sweep, sheet_of_walk
from fanfold.research.sweeping.heat_maps import cell_medians, grouped
from fanfold.research.sweeping.sheet_of_sweep import SheetMap
from fanfold.research.sweeping.sweep_result import SweepResult
from fanfold.research.sweeping.trial_rows import params_text

ROOT = Path(__file__).resolve().parents[2]
DESK = ROOT / "desk.toml"
GRID = {"fast": [5, 10, 15], "slow": [30, 60]}


@pytest.fixture(scope="module")
def swept() -> SweepResult:
    return sweep("sma_cross", desk=DESK, grid=GRID, minutes=300, instruments="each", windows="2")


@pytest.mark.parametrize("seed", range(5))
def test_medians_are_those_of_duckdb(seed: int) -> None:
    dice = np.random.default_rng(seed)
    cells, figures = dice.integers(0, 12, 200), np.round(dice.normal(size=200), 1)
    figures[dice.random(200) < 0.3] = np.nan
    rows = pa.table({"cell": cells, "figure": figures})
    medians = duckdb.sql("SELECT cell, median(figure) FROM rows WHERE NOT isnan(figure) GROUP BY cell").fetchall()
    expected = np.full(15, np.nan)
    assert rows.num_rows == 200
    for cell, middle in medians:
        expected[cell] = middle
    np.testing.assert_array_equal(cell_medians(cells, figures, 15), expected)


def test_many_values_are_grouped_with_their_neighbours() -> None:
    column = pa.chunked_array([pa.array([*range(10, 0, -1), 3])])
    params = grouped(column, 4)
    assert params.groups == [[1, 2, 3], [4, 5, 6], [7, 8], [9, 10]]
    assert params.names == ["1 to 3", "4 to 6", "7 to 8", "9 to 10"]
    assert params.of_trial.tolist() == [3, 3, 2, 2, 1, 1, 1, 0, 0, 0, 0]
    assert grouped(pa.chunked_array([pa.array([0.1, 0.25])]), 40).names == ["0.1", "0.25"]


def test_a_cell_is_the_median_over_all_else(swept: SweepResult) -> None:
    (made,) = sheet_of_sweep.sheet_of(swept, "total_return").maps
    rows = swept.table.to_pylist()
    for down, fast in enumerate(GRID["fast"]):
        for across, slow in enumerate(GRID["slow"]):
            own = [row for row in rows if (row["param_fast"], row["param_slow"]) == (fast, slow)]
            assert made.trials[down][across] == len(own) == 8
            assert made.values["fills"][down][across] == median(row["fills"] for row in own)
            earned = median(row["total_return"] for row in own)
            assert made.values["total_return"][down][across] == pytest.approx(earned, rel=1e-6)
    assert (made.down, made.across) == ("fast", "slow")
    assert made.about == "A cell is the median over markets, windows."


def test_the_first_map_is_over_the_params_that_matter_or_those_that_are_named(swept: SweepResult) -> None:
    result = with_third(swept)
    result_maps = sheet_of_sweep.sheet_of(result, "total_return").maps
    assert {result_maps[0].down, result_maps[0].across} == {"fast", "slow"}
    assert len(result_maps) == 3
    named = sheet_of_sweep.sheet_of(result, "total_return", ["idle", "fast"]).maps
    assert (named[0].down, named[0].across) == ("idle", "fast")
    assert named[0].about == "A cell is the median over slow, markets, windows."
    with pytest.raises(BadInput, match="'slwo' is not varied"):
        sheet_of_sweep.sheet_of(result, "total_return", ["fast", "slwo"])
    with pytest.raises(BadInput, match="over two params"):
        sheet_of_sweep.sheet_of(result, "total_return", ["fast"])


def with_third(result: SweepResult, values: int = 2) -> SweepResult:
    """Return a sweep over one param more, which changes no figure."""
    job = result.job
    configurations = tuple({**own, "idle": idle} for own in job.configurations for idle in range(values))
    own = [row for row in result.table.drop_columns(["param_fast", "param_slow"]).to_pylist() for _ in range(values)]
    for number, row in enumerate(own):
        row |= {"trial": number, "params": params_text(json.loads(row["params"]) | {"idle": number % values})}
    schema = result.table.drop_columns(["param_fast", "param_slow"]).schema
    return SweepResult(
        msgspec.structs.replace(job, configurations=configurations), pa.Table.from_pylist(own, schema), "r"
    )


def test_of_one_param_there_is_one_row_and_of_none_no_map() -> None:
    single = sheet_of_sweep.sheet_of(sweep("sma_cross", desk=DESK, grid={"fast": [5, 9]}, minutes=200), "sharpe")
    assert single.figure == "total_return"
    (made,) = single.maps
    assert (made.down, made.across, made.rows, made.columns) == ("", "fast", ["median"], ["5", "9"])
    alone = sheet_of_sweep.sheet_of(sweep("sma_cross", desk=DESK, grid={"fast": [5]}, minutes=200), "total_return")
    assert (alone.maps, [table.name for table in alone.tables]) == ([], ["Best trials by total return"])


def test_a_page_of_many_trials_is_small(swept: SweepResult) -> None:
    """A hundred values of each of three params, and each figure of its own digits."""
    dice = np.random.default_rng(7)
    (first,) = swept.table.slice(0, 1).to_pylist()
    rows = [dict(first) for _ in range(5_000)]
    for number, row in enumerate(rows):
        params: dict[str, int | float] = {name: int(dice.integers(0, 100)) for name in ("fast", "slow", "third")}
        row |= {"trial": number, "params": params_text(params), **{name: float(dice.normal()) for name in FLOATS}}
    names = [name for name in swept.table.column_names if not name.startswith("param_")]
    table = pa.Table.from_pylist(
        [{name: row[name] for name in names} for row in rows], swept.table.select(names).schema
    )
    configurations = tuple(json.loads(row["params"]) for row in rows)
    job = msgspec.structs.replace(swept.job, configurations=configurations)
    sheet = sheet_of_sweep.sheet_of(SweepResult(job, table, "r"), "total_return")
    assert len(sheet_of_sweep.page(sheet).encode()) < PAGE_BYTES_MAX
    assert cells(sheet.maps[0]) == (40, 24)
    assert sheet.maps[0].about.endswith("third, markets, windows, neighbouring values.")


FLOATS = ("total_return", "sharpe", "volatility", "turnover", "expectancy", "cagr", "sortino", "calmar", "drawdown")


def cells(made: SheetMap) -> tuple[int, int]:
    return len(made.rows), len(made.columns)


def test_what_could_not_be_traded_is_in_the_page() -> None:
    result = sweep("sma_cross", desk=DESK, grid={"fast": [5, 40], "slow": [30, 60]}, minutes=200)
    sheet = sheet_of_sweep.sheet_of(result, "total_return")
    (failed,) = [table for table in sheet.tables if table.name == "Not traded"]
    assert failed.rows[0][1] == "1"
    assert [metric.text for metric in sheet.metrics[0].metrics if metric.name == "Not traded"] == ["1"]


def test_a_walk_has_its_tests_beside_their_training() -> None:
    walk = walk_forward("sma_cross", desk=DESK, grid=GRID, train="3h", test="2h", rank="total_return", minutes=600)
    sheet = sheet_of_walk.sheet_of(walk)
    assert len(sheet.tests.rows) == len(walk.folds) > 1
    assert sheet.tests.returns == [(fold.train_return, fold.test_return) for fold in walk.folds]
    assert sheet.equity.level[0] == 1
    assert sheet.equity.level[-1] == pytest.approx(1 + walk.total_return, rel=1e-6)
    assert sum(int(count) for _, count in sheet.tables[0].rows) == len(walk.folds)
    assert len(sheet_of_walk.page(sheet).encode()) < PAGE_BYTES_MAX


def ran(*words: str) -> int:
    return main([*words, "--desk", str(DESK), "--minutes", "300", "--rank", "total_return"])


SWEEP = ("sweep", "sma_cross", "--grid", "fast=5:15:5", "--grid", "slow=30,60")
WALK = ("walk-forward", "sma_cross", "--grid", "fast=5:15:5", "--train", "2h", "--test", "1h")


@pytest.mark.parametrize("words", [SWEEP, WALK])
def test_the_page_and_the_file_beside_it_have_the_same_numbers(
    words: tuple[str, ...], tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("FANFOLD_LIBRARY", str(tmp_path / "library"))
    page = tmp_path / "page.html"
    assert ran(*words, "--html", str(page)) == 0
    assert f"page          {page}" in capsys.readouterr().out
    text = page.read_text(encoding="utf-8")
    beside = json.loads((tmp_path / "page.json").read_text())
    assert json.loads(text.split('id="sheet">')[1].split("</script>")[0]) == beside
    (kept,) = (tmp_path / "library" / "sheets").glob("*.html")
    assert kept.read_text(encoding="utf-8") == text
    again = tmp_path / "again.html"
    assert ran(*words, "--html", str(again)) == 0
    assert again.read_text(encoding="utf-8") == text


def test_the_named_params_are_down_and_across(tmp_path: Path) -> None:
    assert ran(*SWEEP, "--html", str(tmp_path / "page.html"), "--heat-map", "slow,fast") == 0
    made = json.loads((tmp_path / "page.json").read_text())["maps"][0]
    assert (made["down"], made["across"], made["rows"], made["columns"]) == (
        "slow",
        "fast",
        ["30", "60"],
        ["5", "10", "15"],
    )


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (["--html", "page.json"], "name it .html"),
        (["--html", "nowhere/page.html"], "there is no folder nowhere"),
        (["--heat-map", "fast,slow"], "name its file with --html"),
        (["--html", "page.html", "--heat-map", "fast,fst"], "'fst' is not varied"),
        (["--html", "page.html", "--heat-map", "fast"], "over two params"),
        (["--html", "page.html", "--heat-map", "slow,slw", "--optuna", "2"], "'slw' is not varied"),
    ],
)
def test_a_page_that_cannot_be_is_refused(
    more: list[str], reason: str, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FANFOLD_LIBRARY", str(tmp_path / "library"))
    assert ran(*SWEEP, *more) == 2
    assert reason in capsys.readouterr().err
    # Nothing was traded for it.
    assert not (tmp_path / "library").exists()
