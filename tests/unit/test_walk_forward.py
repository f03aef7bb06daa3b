"""A walk forward is what plain loops over back-tests come to, and its splits are those of a list of closes."""

import json
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fanfold.cli.main import main
from fanfold.errors import BadInput
from fanfold.research import backtest, walk_forward
from fanfold.research.library import RunLibrary
from fanfold.research.sweeping.splits import LookBack, Split, purged_folds, rolling
from fanfold.research.sweeping.sweep_job import TradedWindow
from fanfold.research.sweeping.walking import joined_curve

ROOT = Path(__file__).resolve().parents[2]
DESK = ROOT / "desk.toml"
GRID = {"fast": [5, 10], "slow": [20, 40]}
HOUR, DAY = 3_600, 86_400
WALK: dict[str, Any] = {"desk": DESK, "grid": GRID, "minutes": 600, "rank": "total_return"}


def earned(pair: tuple[int, ...], window: TradedWindow) -> Any:
    params = dict(zip(GRID, pair, strict=True))
    return backtest("sma_cross", desk=DESK, params=params, since=window.since, until=window.until,
                    minutes=(window.until - window.since) // 60 + 1).account  # fmt: skip


@pytest.mark.parametrize("anchored", [False, True])
def test_a_walk_is_what_plain_loops_over_back_tests_come_to(anchored: bool) -> None:
    result = walk_forward("sma_cross", train="3h", test="2h", anchored=anchored, **WALK)
    span = backtest("sma_cross", desk=DESK, minutes=600)
    level, tests = 1.0, 0
    for fold in result.folds:
        begins = span.start + 3 * HOUR + tests * 2 * HOUR
        train = TradedWindow(span.start if anchored else begins - 3 * HOUR, begins - 60)
        test = TradedWindow(begins, begins + 2 * HOUR - 60)
        assert (fold.train, fold.test) == ((train,), test)
        returns = {pair: float(earned(pair, train).metrics.total_return) for pair in product(*GRID.values())}
        best = max(returns, key=returns.__getitem__)
        assert (fold.params["fast"], fold.params["slow"]) == best
        assert fold.train_return == pytest.approx(returns[best], rel=1e-12)
        out = earned(best, test)
        assert fold.test_return == float(out.metrics.total_return)
        ratio = (fold.test_return / (test.until - test.since)) / (returns[best] / (train.until - train.since))
        assert fold.efficiency == (pytest.approx(ratio) if returns[best] > 0 else None)
        tests += 1
        level *= float(out.metrics.equity / out.metrics.start)
    assert tests == (10 - 3) // 2
    assert result.equity["level"][-1].as_py() == pytest.approx(level)
    assert result.total_return == pytest.approx(level - 1)
    assert result.equity.num_rows == tests * 120 + 1
    times = result.equity["at"].to_pylist()
    assert all(before < after for before, after in pairwise(times))


def test_a_purged_fold_trains_on_no_bar_that_its_test_reads() -> None:
    span, reach, embargo = TradedWindow(60, 6_000), 7 * 60, 11 * 60
    for folds in (2, 3, 5):
        parted = purged_folds(span, 60, folds, LookBack(7, [np.arange(60, 6_060, 60)]), embargo)
        tested = [close for split in parted for close in closes(split.test)]
        assert tested == list(closes(span))
        for split in parted:
            read = {at for close in closes(split.test) for at in range(close - reach, close + 1, 60)}
            kept = [close for window in split.train for close in closes(window)]
            expected = [
                close for close in closes(span)
                if not read & set(range(close - reach, close + 1, 60))
                and not split.test.until < close - reach <= split.test.until + embargo
            ]  # fmt: skip
            assert kept == expected


@pytest.mark.parametrize("seed", range(20))
def test_a_purged_fold_over_holes_and_longer_bars_reads_no_bar_of_its_test(seed: int) -> None:
    dice = np.random.default_rng(seed)
    minutes, length = np.arange(60, 18_060, 60), int(dice.choice([60, 300]))
    # Two legs, each with holes of its own; a decision is made at each close of a longer bar that there is.
    legs = [np.unique(-(-minutes[dice.random(minutes.size) < 0.6] // length) * length) for _ in range(2)]
    lookback = int(dice.integers(1, 6))
    span, folds = TradedWindow(60, 18_000), int(dice.integers(2, 6))
    for split in purged_folds(span, 60, folds, LookBack(lookback, legs, length - 60), 0):
        assert not any(window.since <= split.test.until and split.test.since <= window.until for window in split.train)
        for leg in legs:
            read = minutes_read(leg, lookback, length, split.test)
            assert not read & set[int]().union(*(minutes_read(leg, lookback, length, each) for each in split.train))
            # What training earns comes from no minute that the test reads, nor the other way round.
            assert not read & {close for window in split.train for close in closes(window)}
            for window in split.train:
                assert not minutes_read(leg, lookback, length, window) & set(closes(split.test))


def minutes_read(leg: Any, lookback: int, length: int, window: TradedWindow) -> set[int]:
    """Return the closes of the minutes that decisions of a leg in a window read.

    The first of them is made when the window begins, on the newest bar that there is.
    """
    places = [place for place, close in enumerate(leg.tolist()) if window.since <= close <= window.until]
    places += [max(int(np.searchsorted(leg, window.since, side="right")) - 1, 0)]
    read = {int(leg[at]) for place in places for at in range(max(place - lookback, 0), place + 1)}
    return {minute for close in read for minute in range(close - length + 60, close + 1, 60)}


def test_a_purged_fold_of_longer_bars_trains_on_no_minute_of_its_test() -> None:
    walk = walk_forward("sma_cross", folds=3, **{**WALK, "grid": {"fast": [1, 2], "slow": [3, 4]}}, timeframe="15m")
    first = walk.folds[0]
    # The first test has nothing before it to train on, not even the bar that it begins in.
    assert len(first.train) == 1
    assert first.train[0].since > first.test.until
    for fold in walk.folds:
        begins = fold.test.since - fold.test.since % 900
        before = [window for window in fold.train if window.until < fold.test.since]
        # The newest bar when the test begins, the three before it, and what these are made of.
        assert [window.until for window in before] in ([], [begins - 4 * 900])


def test_a_test_that_lost_all_ends_the_joined_curve() -> None:
    day = np.arange(30) * DAY
    falls = np.append(np.linspace(1.0, 0.4, 15), np.linspace(-0.2, 0.5, 15))
    joined = joined_curve([(day, falls), (day + 30 * DAY, np.full(30, -2.0))])
    levels = joined["level"].to_numpy()
    assert levels[:15] == pytest.approx(falls[:15])
    assert set(levels[15:].tolist()) == {0.0}


def test_a_walk_by_another_figure_is_another_run(tmp_path: Path) -> None:
    walks = [
        walk_forward("sma_cross", train="3h", test="2h", library=tmp_path, **{**WALK, "rank": rank})
        for rank in ("total_return", "fees")
    ]
    assert walks[0].run != walks[1].run
    library = RunLibrary(tmp_path)
    assert [library.rows_of(walk.run).num_rows for walk in walks] == [3, 3]
    # All that was trained counts as tried, and not what was chosen alone.
    assert len(library.tried("sma_cross", ["BTC/USDT"], 0, 2**40)) == 4
    assert not list((tmp_path / "sweeps").iterdir())


def closes(window: TradedWindow) -> range:
    return range(window.since, window.until + 60, 60)


@pytest.mark.parametrize("anchored", [False, True])
def test_rolling_splits_are_those_of_a_list_of_closes(anchored: bool) -> None:
    span = TradedWindow(60, 103 * 60)
    everything, expected, first = list(closes(span)), [], 20
    while first + 15 <= len(everything):
        train = everything[0 if anchored else first - 20 : first]
        test = everything[first : first + 15]
        expected.append(Split((TradedWindow(train[0], train[-1]),), TradedWindow(test[0], test[-1])))
        first += 15
    assert rolling(span, 60, 1_200, 900, anchored=anchored) == expected


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"train": "9h", "test": "2h"}, "whole bars of 1 minute,"),
        ({"train": "3h"}, "name the windows"),
        ({"folds": 1}, "from 2 to"),
        ({"train": "3h", "test": "1m"}, "one bar of 1 minute trades nothing"),
        ({"train": "1m", "test": "2h"}, "trades nothing"),
        ({"folds": 600}, "trades nothing"),
        ({"folds": 2, "embargo": "9h"}, None),
        ({"folds": 3, "embargo": "x"}, "is not a number of"),
        ({"train": "3h", "test": "2h", "rank": "sharpe"}, "no configuration has a sharpe"),
        ({"train": "3h", "test": "2h", "rank": "sharp"}, "`sharpe`"),
        (
            {"train": "3h", "test": "2h", "grid": {"fast": [100, 200]}},
            "no configuration of the grid can be traded: sma_cross: fast is 100",
        ),
        ({"folds": 3, "train": "3h"}, "leave --train, --test and --anchored out"),
        ({"folds": 3, "anchored": True}, "leave --train, --test and --anchored out"),
        ({"train": "3h", "test": "2h", "embargo": "1h"}, "name --purged-k-fold"),
    ],
)
def test_windows_that_cannot_be_walked_say_why(options: dict[str, Any], reason: str | None) -> None:
    if reason is None:
        reason = "has nothing to train on"
    with pytest.raises(BadInput, match=reason):
        walk_forward("sma_cross", **{**WALK, **options})


def test_the_command_prints_writes_and_keeps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["walk-forward", "sma_cross", "--desk", str(DESK), "--minutes", "600", "--grid", "fast=5,10",
             "--grid", "slow=20,40", "--rank", "total_return", "--library", str(tmp_path)]  # fmt: skip
    assert main([*words, "--purged-k-fold", "3", "--embargo", "10m", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [len(fold["train"]) for fold in document["folds"]] == [1, 2, 1]
    assert RunLibrary(tmp_path).rows_of(document["run"]).num_rows == 3
    out = tmp_path / "tests.parquet"
    assert main([*words, "--train", "3h", "--test", "2h", "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "3 tests of sma_cross" in text
    assert "out of sample" in text
    assert out.exists()
    assert main([*words]) == 2
    assert "--train 180d --test 30d" in capsys.readouterr().err
