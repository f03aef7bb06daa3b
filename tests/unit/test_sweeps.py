"""A sweep tries each configuration of a grid, goes on where it stopped, and leaves no process behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fanfold.cli.main import main
from fanfold.errors import BadInput
from fanfold.research import account_scan, backtest, folding, one_leg_scan, sweep
from fanfold.research.library import RunLibrary, write_table
from fanfold.research.sweeping import running
from fanfold.research.sweeping.configurations import axes_of, drawn, grid_of
from fanfold.research.sweeping.parts_of_sweep import SweepParts
from fanfold.research.sweeping.planning import grid_texts
from fanfold.research.sweeping.sweep_job import TradedWindow
from fanfold.research.sweeping.trial_rows import figures_of, table_of
from fanfold.research.sweeping.trials import run_batch
from fanfold.research.sweeping.windows_of_span import windows_of
from fanfold.strategy import contract

ROOT = Path(__file__).resolve().parents[2]
DESK = ROOT / "desk.toml"
GRID = {"fast": "5:20:5", "slow": "20:40:10"}
SWEEP = ["sweep", "sma_cross", "--desk", str(DESK), "--minutes", "300", "--grid", "fast=5:20:5",
         "--grid", "slow=20:40:10", "--rank", "total_return"]  # fmt: skip
DAY = 86_400


def test_a_sweep_earns_what_back_tests_earn() -> None:
    result = sweep("sma_cross", desk=DESK, grid=GRID, minutes=300)
    assert result.table.num_rows == 12
    assert result.varied == ["fast", "slow"]
    for row in result.ranked("total_return").to_pylist():
        params = {"fast": row["param_fast"], "slow": row["param_slow"]}
        alone = backtest("sma_cross", desk=DESK, params=params, minutes=300)
        figures = figures_of(alone.account.metrics)
        assert (row["equity"], row["sharpe"], row["fills"]) == (figures["equity"], None, figures["fills"])
        assert row["data"] == alone.provenance.data
        assert row["code"] == alone.provenance.code["sma_cross"]
        assert row["desk"] == alone.provenance.desk
    (refused,) = result.failed().to_pylist()
    assert refused["params"] == '{"fast":20,"slow":20}'


def test_trials_that_their_drawdown_stopped_are_counted(tmp_path: Path) -> None:
    falls = sorted(
        row["drawdown"]
        for row in sweep("sma_cross", desk=DESK, grid=GRID, minutes=300).ranked("total_return").to_pylist()
    )
    tight = tmp_path / "desk.toml"
    tight.write_text(re.sub(r"drawdown_max = [0-9.]+", f"drawdown_max = {falls[5]:.6f}", DESK.read_text()))
    result = sweep("sma_cross", desk=tight, grid=GRID, minutes=300)
    stopped = 0
    for row in result.ranked("total_return").to_pylist():
        params = {"fast": row["param_fast"], "slow": row["param_slow"]}
        refusals = backtest("sma_cross", desk=tight, params=params, minutes=300).account.refusals
        stopped += "DRAWDOWN" in refusals["code"].cast(pa.string()).to_pylist()
    assert stopped > 0
    # One of them wanted nothing more.
    assert result.notes[-1].startswith(f"{stopped + 1} of 12 trials fell by drawdown_max = {falls[5]:.6f} or more")


def test_ranks_and_heat_maps_are_of_the_rows() -> None:
    result = sweep("sma_cross", desk=DESK, grid=GRID, minutes=300, instruments="each", windows="2")
    assert result.table.num_rows == 12 * 4 * 2
    best = result.ranked("total_return", 5)["total_return"].to_pylist()
    assert best == sorted(result.ranked("total_return")["total_return"].to_pylist(), reverse=True)[:5]
    falls = result.ranked("drawdown")["drawdown"].to_pylist()
    assert falls == sorted(falls)
    heat = result.heat_map("fast", "slow", "total_return")
    cells: dict[tuple[Any, Any], list[float]] = {}
    for row in result.table.to_pylist():
        if row["error"] is None:
            cells.setdefault((row["param_fast"], row["param_slow"]), []).append(row["total_return"])
    medians = {place: median(values) for place, values in cells.items()}
    seen = {(fast, slow): heat.values[down, across] for down, fast in enumerate(heat.rows)
            for across, slow in enumerate(heat.columns) if (fast, slow) != (20, 20)}  # fmt: skip
    assert seen == pytest.approx(medians)
    with pytest.raises(BadInput, match="`sharpe`"):
        result.ranked("sharp")
    with pytest.raises(BadInput, match="'stop' is not varied"):
        result.heat_map("fast", "stop")


@pytest.mark.parametrize(
    ("grid", "reason"),
    [
        ({"fst": "5:10:1"}, "did you mean `fast`"),
        ({"fast": "50:10:5"}, "begins above its end"),
        ({"fast": "5:10:0"}, "neither FROM:THROUGH:STEP"),
        ({"fast": "5:x:1"}, "neither FROM:THROUGH:STEP"),
        ({"fast": "5:10:nan"}, "neither FROM:THROUGH:STEP"),
        ({"fast": "5:10:inf"}, "neither FROM:THROUGH:STEP"),
        ({"fast": 5}, r"write several values, or \[5\]"),
        ({"fast": "5:10:0.5"}, "must be a finite int"),
        ({"fast": ","}, "no value of fast"),
        ({"fast": []}, "no value of fast"),
        ({"fast": "1:9000000:1"}, "take larger steps"),
        ({"fast": [10**20]}, "which no 64 bits hold"),
    ],
)
def test_a_grid_that_cannot_be_tried_says_why(grid: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        axes_of("sma_cross", grid)


def test_a_grid_is_every_combination_and_a_draw_a_part_of_it() -> None:
    axes = axes_of("mean_reversion", {"window": "20:40:10", "entry": "0.5:1.5:0.25", "exit": "0,0.1"})
    whole = grid_of(axes, {"short": 1.0})
    assert len(whole) == len({tuple(each.items()) for each in whole}) == 3 * 5 * 2
    assert whole[1] == {"short": 1.0, "window": 20, "entry": 0.5, "exit": 0.1}
    part = drawn(axes, {"short": 1.0}, 10, 3)
    assert part == drawn(axes, {"short": 1.0}, 10, 3) != drawn(axes, {"short": 1.0}, 10, 4)
    assert [each for each in whole if each in part] == list(part)
    with pytest.raises(BadInput, match="try all without --random"):
        drawn(axes, {}, 30, 3)
    with pytest.raises(BadInput, match="at most"):
        grid_of(axes_of("breakout", {"entry": "1:2000:1", "exit": "1:2000:1"}), {})
    with pytest.raises(BadInput, match="given twice"):
        grid_texts(["fast=1", "fast=2"])
    with pytest.raises(BadInput, match="of the form"):
        grid_texts(["fast"])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"instruments": "some"}, "must be one of each, all"),
        ({"draw": 2, "optuna": 2}, "leave draw out"),
        ({"draw": 2.5}, "draw is 2.5"),
        ({"draw": 2, "seed": -1}, "seed is -1"),
        ({"windows": 0}, "0 windows"),
        ({"windows": 300}, "trades nothing"),
    ],
)
def test_an_option_that_means_nothing_says_what_it_may_be(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        sweep("sma_cross", grid={"fast": [5, 10, 15]}, minutes=300, **options)


def test_windows_are_a_number_or_a_text() -> None:
    swept = (sweep("sma_cross", grid={"fast": [5]}, minutes=300, windows=windows) for windows in (3, "3", "100m"))
    tables = [result.table for result in swept]
    assert tables[0].num_rows == 3
    assert tables[0].equals(tables[1])
    assert tables[0].equals(tables[2])


def test_windows_follow_each_other_within_the_span() -> None:
    span = TradedWindow(60, 10 * DAY)
    assert windows_of("3", span, 60) == (
        TradedWindow(60, 4_800 * 60), TradedWindow(4_801 * 60, 9_600 * 60), TradedWindow(9_601 * 60, 10 * DAY)
    )  # fmt: skip
    assert windows_of("4d", span, 60) == (TradedWindow(60, 4 * DAY), TradedWindow(4 * DAY + 60, 8 * DAY))
    for text in ("0", "11d", "20000", "3x", "d", "90s"):
        with pytest.raises(BadInput):
            windows_of(text, span, 60)


def test_a_sweep_that_was_stopped_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    traded: list[int] = []

    def fails_late(batch: Any, recordings: Any, prepared: Any) -> pa.Table:
        if len(traded) == 5:
            raise KeyboardInterrupt
        traded.append(batch.first)
        return run_batch(batch, recordings, prepared)

    wanted: dict[str, Any] = {"desk": DESK, "grid": GRID, "minutes": 300, "library": tmp_path}
    monkeypatch.setattr(running, "TRIALS_MAX", 1)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    monkeypatch.setattr(running, "run_batch", fails_late)
    with pytest.raises(KeyboardInterrupt):
        sweep("sma_cross", **wanted)
    assert len(list(tmp_path.glob("sweeps/*/*.parquet"))) == 5

    def counted(batch: Any, recordings: Any, prepared: Any) -> pa.Table:
        traded.append(batch.first)
        return run_batch(batch, recordings, prepared)

    monkeypatch.setattr(running, "run_batch", counted)
    result = sweep("sma_cross", **wanted)
    assert len(traded) == 12
    assert list(tmp_path.glob("sweeps/*")) == []
    assert result.table.equals(sweep("sma_cross", **{**wanted, "library": None}).table)
    assert RunLibrary(tmp_path).rows_of(result.run).num_rows == 12


@pytest.mark.parametrize(
    ("strategy", "grid", "sizes"),
    [("sma_cross", {"fast": "2,3", "slow": "5:9:1"}, [10]), ("mean_reversion", {"window": "10:19:1"}, [1] * 10)],
)
def test_trials_that_are_stepped_come_in_smaller_batches(
    monkeypatch: pytest.MonkeyPatch, strategy: str, grid: dict[str, str], sizes: list[int]
) -> None:
    traded: list[int] = []

    def counted(batch: Any, recordings: Any, prepared: Any) -> pa.Table:
        traded.append(len(batch.configurations))
        return run_batch(batch, recordings, prepared)

    monkeypatch.setattr(running, "COMPILED_BARS", 1)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    monkeypatch.setattr(running, "run_batch", counted)
    assert sweep(strategy, desk=DESK, grid=grid, minutes=300, instruments="each").table.num_rows >= len(sizes)
    assert traded[: len(sizes)] == sizes


def test_a_batch_whose_file_is_damaged_is_traded_again(tmp_path: Path) -> None:
    parts = SweepParts(tmp_path)
    for first in (0, 1):
        write_table(tmp_path / f"{first}-1.parquet", table_of([{"trial": first}]))
    (tmp_path / "1-1.parquet").write_bytes(b"")
    assert parts.read()["trial"].to_pylist() == [0]


def test_a_sweep_is_whole_though_another_with_the_same_ends_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended_elsewhere(batch: Any, recordings: Any, prepared: Any) -> pa.Table:
        if batch.first == 6:
            SweepParts(next(tmp_path.glob("sweeps/*"))).remove()
        return run_batch(batch, recordings, prepared)

    wanted: dict[str, Any] = {"desk": DESK, "grid": GRID, "minutes": 300, "library": tmp_path}
    monkeypatch.setattr(running, "TRIALS_MAX", 1)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    monkeypatch.setattr(running, "run_batch", ended_elsewhere)
    result = sweep("sma_cross", **wanted)
    assert result.table["trial"].to_pylist() == list(range(12))
    assert RunLibrary(tmp_path).rows_of(result.run).num_rows == 12


def test_what_numba_cannot_compile_is_swept_in_processes(tmp_path: Path) -> None:
    source = (ROOT / "shared" / "fanfold" / "strategies" / "sma_cross.py").read_text()
    plain = source.replace("    fast_state, fast", "    {}.get(now := bars.now, [str(now)])\n    fast_state, fast")
    (tmp_path / "plain_cross.py").write_text(plain)
    expected = sweep("sma_cross", desk=DESK, grid=GRID, minutes=200)
    result = sweep("plain_cross", desk=DESK, grid=GRID, minutes=200, strategies=tmp_path)
    assert result.table["equity"].equals(expected.table["equity"])


SHARE = '''"""Hold a share of what there is."""
from typing import NamedTuple
from fanfold.strategy.bars import Bars
class Params(NamedTuple):
    parts: float = 1.0
class State(NamedTuple):
    none: float = 0.0
def step(params: Params, state: State, bars: Bars) -> tuple[State, float]:
    return state, 1.0 / params.parts if bars.close[bars.now] > 0.0 else 0.0
def lookback(params: Params) -> int:
    return 1
'''


@pytest.mark.parametrize("sizes", [{}, {"quantity": 1, "instruments": "each"}], ids=["the desk's", "a fixed one"])
def test_a_trial_that_a_back_test_refuses_is_not_traded_and_says_why(tmp_path: Path, sizes: dict[str, Any]) -> None:
    (tmp_path / "part.py").write_text(SHARE)
    wanted: dict[str, Any] = {"desk": DESK, "minutes": 200, "strategies": tmp_path}
    grid = {"parts": [0.0, 0.8, 1.0, -2.0]}
    rows = {row["param_parts"]: row for row in sweep("part", grid=grid, **wanted, **sizes).table.to_pylist()}
    for parts, reason in ((0.0, "ZeroDivisionError"), (0.8, "the weight is 1.25; it must be from -1 to 1")):
        with pytest.raises(BadInput, match=reason):
            backtest("part", params={"parts": parts}, **wanted)
        assert reason in rows[parts]["error"]
        assert rows[parts]["total_return"] is None
    assert [rows[parts]["error"] for parts in (1.0, -2.0)] == [None, None]
    assert rows[1.0]["fills"] > 0


SLOW = '''"""Hold while the minute is even; slow on purpose."""
from typing import NamedTuple
from fanfold.strategy.bars import Bars
class Params(NamedTuple):
    every: int = 2
class State(NamedTuple):
    count: float
def step(params: Params, state: State, bars: Bars) -> tuple[State, float]:
    text = str({n: str(n) for n in range(300)})
    return State(state.count + 1), 1.0 if int(state.count) % params.every == 0 and text else 0.0
def lookback(params: Params) -> int:
    return 1
'''


def test_ctrl_c_leaves_no_process_and_keeps_what_is_done(tmp_path: Path) -> None:
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "crawl.py").write_text(SLOW)
    words = ["sweep", "crawl", "--desk", str(DESK), "--minutes", "400", "--grid", "every=2:30:1"]
    environment = {**os.environ, "FANFOLD_LIBRARY": str(tmp_path / "library")}
    swept = subprocess.Popen([sys.executable, "-m", "fanfold.cli.main", *words], cwd=tmp_path, env=environment,
                             start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    try:
        _until(lambda: bool(list(tmp_path.glob("library/sweeps/*/*.parquet"))) or swept.poll() is not None)
        os.killpg(swept.pid, signal.SIGINT)
        assert swept.wait(60) == 130, swept.communicate()
        _until(lambda: not _group(swept.pid))
    finally:
        if _group(swept.pid):
            os.killpg(swept.pid, signal.SIGKILL)
        swept.communicate()
    assert list(tmp_path.glob("library/sweeps/*/*.parquet"))


def _until(holds: Any) -> None:
    for _ in range(3_000):
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come true in a minute")


def _group(leader: int) -> bool:
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_command_ranks_writes_and_keeps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "trials.parquet"
    kept = ["--library", str(tmp_path / "library"), "--tag", "first"]
    assert main([*SWEEP, "--out", str(out), *kept, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    returns = [trial["total_return"] for trial in document["trials"]]
    assert returns[:-1] == sorted(returns[:-1], reverse=True)
    assert returns[-1] is None
    assert document["heat_maps"][0]["rows"] == [5, 10, 15, 20]
    table = pq.read_table(out)
    assert table.num_rows == 12
    # It was written beside it first, and put in its place whole.
    assert [file.name for file in out.parent.iterdir() if out.name in file.name] == [out.name]
    assert main([*SWEEP, *kept]) == 0
    text = capsys.readouterr().out
    assert "best 10 by total return" in text
    assert "1 not traded: sma_cross: fast is 20" in text
    assert "median total return by fast and slow" in text


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--rank", "sharp"], "`sharpe`"),
        (["--timeframe", "7s"], "7s"),
        (["--windows", "400d"], "no longer than the data"),
        (["--random", "12"], "without --random"),
        (["--quantity", "1"], "traded together"),
        (["--quantity", "0.00001", "--instruments", "each"], "no multiple of the lot of ETH/USDT"),
        (["--quantity", "1", "--instruments", "each", "--latency", "60"], "leave --latency out"),
        (["--grid", "slow=1"], "given twice"),
        (["--tag", "a b"], "'a b' is no tag"),
        (["--out", "nowhere/trials.parquet"], "there is no folder nowhere"),
        (["--out", "sweep.json", "--html", "sweep.html"], "sweep.json is of --html already"),
    ],
)
def test_wrong_words_say_what_to_write(
    words: list[str], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*SWEEP, "--library", str(tmp_path), *words]) == 2
    assert reason in capsys.readouterr().err
    # Nothing was traded before it was said.
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [SWEEP, ["backtest", "sma_cross", "--minutes", "60"], ["verdict", "sma_cross"]])
def test_a_library_that_cannot_be_written_is_named_before_anything_is_traded(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main([*words, "--library", str(tmp_path / "file" / "runs")]) == 2
    assert f"{tmp_path}/file is no folder that can be written; name another with --library" in capsys.readouterr().err


def test_threads_of_a_sweep_hold_no_lock_while_they_trade() -> None:
    strategy = contract.bind("sma_cross", {}, 1)
    accounts = [account_scan.cached_scan(one_leg=one_leg) for one_leg in (True, False)]
    scans = [folding._scan_of(strategy.step, cross_sectional=False), one_leg_scan.cached_scan(), *accounts]
    assert [scan.targetoptions.get("nogil") for scan in scans] == [True, True, True, True]
