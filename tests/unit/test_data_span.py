"""A run that begins late reads of its files what it trades and what warms its strategies up."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.errors import BadInput
from fanfold.importers import data_files, joining, spans
from fanfold.importers.spans import Need
from fanfold.local import run_plan, warm_up
from fanfold.market.timeframes import DAY_S
from fanfold.venues.replay import ReplayVenue, write

ROOT = Path(__file__).resolve().parents[2]
START = 1_767_225_600  # 2026-01-01, midnight UTC
DAYS = 12
MINUTES = DAYS * 1_440
# The ninth day begins; a day before it is read besides.
SINCE = START + 8 * DAY_S + 60
FIRST = START + 7 * DAY_S


def rows(minutes: range) -> list[str]:
    return [f"{START + n * 60},{100 + n % 9}.25,{120 + n % 7}.0,{90 - n % 5}.5,{100 + n % 11}.75,{n % 31}.125"
            for n in minutes]  # fmt: skip


def written(path: Path, lines: list[str], head: str = "time,open,high,low,close,volume") -> str:
    path.write_text("\n".join([head, *lines]) + "\n")
    return str(path)


@pytest.mark.parametrize("order", ["ascending", "descending", "shuffled"])
def test_the_bars_from_a_close_on_are_those_of_the_whole_file(tmp_path: Path, order: str) -> None:
    lines = rows(range(MINUTES))
    if order == "descending":
        lines.reverse()
    if order == "shuffled":
        random.Random(3).shuffle(lines)
    path = written(tmp_path / "BTCUSDT.csv", lines)
    whole, late = data_files.read(path).recording, data_files.read(path, need=Need(SINCE)).recording
    assert list(late.bars()) == [bar for bar in whole.bars() if bar.closes_at_s >= FIRST]
    assert late.after == FIRST - 60
    assert late.series(SINCE, SINCE + 600) == whole.series(SINCE, SINCE + 600)


def test_rows_left_out_are_counted_and_the_rules_follow_the_others(tmp_path: Path) -> None:
    fine = [f"{START},100.123,101.0,99.0,100.5,1.5", *rows(range(1, MINUTES))]
    path = written(tmp_path / "BTCUSDT.csv", fine)
    late = data_files.read(path, need=Need(SINCE))
    assert (late.recording.price_scale, data_files.read(path).recording.price_scale) == (2, 3)
    assert late.notes == (
        "10,079 bars before 2026-01-08 00:00 are left out: the run begins later; tick and lot are those of the others",
    )
    assert data_files.read(path, need=Need(START + DAY_S)).notes == ()


def test_rows_are_counted_from_the_beginning_of_the_file(tmp_path: Path) -> None:
    lines = rows(range(MINUTES))
    lines[MINUTES - 2] = lines[MINUTES - 2].replace(".25,", ".25x,")
    lines.insert(5, "# a comment")
    path = written(tmp_path / "BTCUSDT.csv", lines)
    for need in (None, Need(SINCE)):
        with pytest.raises(BadInput, match=rf"row {MINUTES + 1}, column open: '[\d.]+x' is not a number"):
            data_files.read(path, need=need)


def test_times_are_checked_in_every_row_and_figures_in_those_that_are_read(tmp_path: Path) -> None:
    lines = rows(range(MINUTES))
    lines[3] = f"{START + 180},1.0,0.5,2.0,1.0,1.0"
    path = written(tmp_path / "BTCUSDT.csv", lines)
    assert data_files.read(path, need=Need(SINCE)).recording.count == 5 * 1_440 + 1
    with pytest.raises(BadInput, match="row 5, column high"):
        data_files.read(path)
    lines[3] = "17,1.0,2.0,0.5,1.0,1.0"
    with pytest.raises(BadInput, match="row 5, column time: 17 is not a time"):
        data_files.read(written(tmp_path / "BTCUSDT.csv", lines), need=Need(SINCE))


def test_months_that_end_earlier_are_left_out_and_the_last_close_of_them_is_known(tmp_path: Path) -> None:
    names = [
        written(tmp_path / f"BTCUSDT-{part}.csv", rows(range(part * 1_440, (part + 4) * 1_440))) for part in (0, 4, 8)
    ]
    (whole,) = joining.read_all(names)
    (late,) = joining.read_all(list(reversed(names)), need=Need(START + 10 * DAY_S))
    assert "BTCUSDT-0.csv: left out, for it ends 2026-01-05 00:00" in late.notes
    kept = list(late.recording.bars())
    assert kept == list(whole.recording.bars())[-len(kept) :]
    assert late.recording.after == kept[0].closes_at_s - 60
    (early,) = joining.read_all(names, need=Need(START + 60))
    assert early.recording == whole.recording


def test_a_file_that_ends_before_still_tells_its_instrument_and_its_end(tmp_path: Path) -> None:
    path = written(tmp_path / "BTCUSDT.csv", rows(range(MINUTES)))
    late = START + 40 * DAY_S
    assert data_files.read(path, need=Need(late)).recording.instrument == "BTC/USDT"
    with pytest.raises(BadInput, match=r"nothing is left to trade: the data ends 2026-01-13T00:00\+00:00, and"):
        planned(path, late)


@given(
    closes=st.lists(st.integers(0, 50_000), min_size=1, max_size=60, unique=True),
    since=st.integers(0, 60_000),
    bars=st.integers(0, 2_000),
)
def test_a_cut_keeps_every_bar_that_is_needed(closes: list[int], since: int, bars: int) -> None:
    times = np.array([START + minute * 60 for minute in closes], dtype=np.int64)
    cut = spans.cut(times, 60, Need(START + since * 60, seconds=600, bars=bars))
    needed = min(START + since * 60 - max(600, bars * 60), int(times.max()))
    assert set(times[times >= needed]) <= set(times[cut.rows])
    assert cut.left_out == int((times < cut.first).sum())
    assert cut.after == max((int(time) for time in times if time < cut.first), default=0)


def planned(path: str, since: int | None, *params: str) -> run_plan.RunPlan:
    chosen = run_plan.params(params)
    return run_plan.plan(ROOT / "desk.toml", [path], "sma_cross", chosen, since, None, 30)


def test_a_run_reads_as_far_back_as_its_strategy_looks(tmp_path: Path) -> None:
    path = written(tmp_path / "BTCUSDT.csv", rows(range(MINUTES)))
    short, long = planned(path, SINCE, "fast=5", "slow=20"), planned(path, SINCE, "fast=50", "slow=4000")
    assert short.recordings[0].closes_at_s(0) == FIRST - DAY_S
    assert long.recordings[0].closes_at_s(0) == START + 4 * DAY_S
    assert short.start == long.start == SINCE


def test_the_bars_that_warm_a_strategy_up_are_those_of_the_whole_file(tmp_path: Path) -> None:
    path = written(tmp_path / "BTCUSDT.csv", rows(range(MINUTES)))
    stores = []
    for name, since in (("whole", None), ("late", SINCE)):
        write(tmp_path / name, planned(path, since, "fast=3", "slow=1500").recordings)
        stores.append(ReplayVenue(tmp_path / name))
    whole, late = (store.bars("BTC/USDT", "1m", SINCE - 1_502 * 60, SINCE + 600) for store in stores)
    assert whole == late
    hourly = [store.bars("BTC/USDT", "1h", SINCE - 25 * 3_600, SINCE + 3_600) for store in stores]
    assert hourly[0] == hourly[1]


def test_the_longest_look_back_of_all_strategies_counts() -> None:
    instances: dict[str, dict[str, Any]] = {
        "fast": {"strategy": "sma_cross", "params": {"fast": 2, "slow": 5}, "instruments": ["BTC/USDT"]},
        "slow": {"strategy": "sma_cross", "params": {"fast": 2, "slow": 9}, "timeframe": "1h"},
        "unknown": {"strategy": "nobody_wrote_it"},
    }
    alone = warm_up.need(SINCE, {"fast": instances["fast"]}, 1)
    every = warm_up.need(SINCE, instances, 1)
    assert (alone.seconds, every.seconds) == (alone.bars * 60, every.bars * 3_600)
    assert every.bars > alone.bars
