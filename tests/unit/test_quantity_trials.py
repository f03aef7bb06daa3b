"""A trial by a fixed quantity has exactly the figures of the full scan, whose fills and equity are written down."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from statistics import fmean, stdev
from threading import Barrier
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanfold.market.recording import RECORD, Recording
from fanfold.performance import ratios
from fanfold.performance.ratios import EquityPoint
from fanfold.research.columns import integer_bars, resampled
from fanfold.research.daily_ratios import daily_ratios, daily_ratios_of, root
from fanfold.research.data_hashes import desk_hash, desk_hashes
from fanfold.research.figures import metrics_of
from fanfold.research.fixed_size import fixed_size, money_scale, scan_terms
from fanfold.research.quantity_scan import SPLIT, cached_trade
from fanfold.research.quantity_sums import CurveSum, blank_sums
from fanfold.research.step_signals import SignalTape
from fanfold.research.sweeping.quantity_trials import fixed_terms
from fanfold.research.sweeping.sweep_job import SizingTerms, SweepJob, TradedWindow, TrialBatch, batches, trial_desk
from fanfold.research.sweeping.swept_bars import PreparedBars
from fanfold.research.sweeping.trial_rows import figures_of
from fanfold.research.sweeping.trials import run_batch
from fanfold.research.tape import DONE, blank_tape
from fanfold.strategy import contract, folder
from support.backtests import START, desk_of, instance
from support.fixed_figures import fixed_figures

D = Decimal
MARKET = ("BTC/USDT",)
GRIDS: dict[str, tuple[dict[str, Any], ...]] = {
    "sma_cross": ({"fast": 2, "slow": 5}, {"fast": 5, "slow": 30}, {"fast": 10, "slow": 200}),
    "mean_reversion": (
        {"window": 10, "entry": 1.0, "exit": 0.2, "short": 1.0},
        {"window": 40, "entry": 2.0, "exit": 0.5, "short": 0.5},
    ),
    "breakout": ({"entry": 10, "exit": 5, "atr": 4, "stop": 3.0, "short": 0.5},
                 {"entry": 30, "exit": 10, "atr": 10, "stop": 2.0, "short": 1.0}),
}  # fmt: skip
# It adds to a position, and sells a part of it.
HALVES = '''"""Half long for each of two closes before that is lower, and short by a share for each that is not."""
from typing import NamedTuple

from fanfold.strategies import Bars, NoState


class Params(NamedTuple):
    near: int = 3
    far: int = 9
    short: float = 0.0


def step(params: Params, state: NoState, bars: Bars) -> tuple[NoState, float]:
    close = bars.close[bars.now]
    near = 0.5 if close > bars.close[bars.now - params.near] else -params.short
    return state, near + (0.5 if close > bars.close[bars.now - params.far] else -params.short)
'''
TIMES = ("drawdown_peak", "drawdown_low", "drawdown_recovered")


def walk(seed: int, count: int, *, holes: bool, start: int = 500_000) -> Recording:
    """A walk of minutes in ticks of a cent, some of them without volume."""
    dice = np.random.default_rng(seed)
    close = start + np.cumsum(dice.integers(-300, 301, count) * dice.integers(0, 2, count))
    opened = np.append(start, close[:-1]) + dice.integers(-20, 21, count)
    volume = np.where(dice.random(count) < (0.3 if holes else 0.0), 0, 1_000)
    rows = zip(START + 60 * np.arange(1, count + 1), opened, np.maximum(opened, close) + 50,
               np.minimum(opened, close) - 50, close, volume, strict=True)  # fmt: skip
    records = b"".join(RECORD.pack(*map(int, row)) for row in rows)
    return Recording(MARKET[0], "1m", 2, 3, START, records)


def batch_of(strategy: str, window: TradedWindow, timeframe: str = "1m", quantity: str = "0.1") -> TrialBatch:
    desk = desk_of({"a": instance(strategy, MARKET, timeframe=timeframe)}, spread_bps="2", slippage_bps="1")
    job = SweepJob(desk=desk, configurations=GRIDS.get(strategy, ({},)), markets=(MARKET,), windows=(window,),
                   terms=SizingTerms(quantity=D(quantity)))  # fmt: skip
    (batch,) = batches(job, 100)
    return batch


def reference(batch: TrialBatch, recording: Recording, configuration: dict[str, Any]) -> dict[str, Any]:
    """The figures by the scan that writes every fill and the equity at every close."""
    (own,) = batch.desk.strategies.values()
    length = int(own.timeframe[:-1]) * 60
    strategy, window = contract.bind(own.strategy, configuration, 1), batch.window
    history_from = window.since - window.since % length - (strategy.lookback + 1) * length
    bars = integer_bars(recording, history_from, window.until)
    if length != 60:
        bars = resampled(bars, own.timeframe, window.until)
    terms = fixed_terms(batch)
    result = fixed_size(strategy, bars, terms)
    warm_up = int(np.searchsorted(bars.time, window.since))
    figures = figures_of(metrics_of(fixed_figures(result, bars, terms, warm_up, length)))
    return figures | {"gross_exposure": None}


def figures_in(row: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: int(row[name].timestamp()) if name in TIMES and row[name] else row[name] for name in names}


@pytest.mark.parametrize("holes", [False, True], ids=["every bar", "holes in volume"])
@pytest.mark.parametrize("timeframe", ["1m", "5m"])
@pytest.mark.parametrize("strategy", GRIDS)
def test_figures_are_those_of_the_full_scan(strategy: str, timeframe: str, holes: bool) -> None:
    recording, fills = walk(len(strategy), 30_000, holes=holes), 0
    for since, until in ((60, 30_000 * 60), (9_000 * 60, 24_001 * 60), (1_000 * 60, 3_000 * 60)):
        batch = batch_of(strategy, TradedWindow(START + since, START + until), timeframe)
        for row, configuration in zip(run_batch(batch, [recording]).to_pylist(), GRIDS[strategy], strict=True):
            expected = reference(batch, recording, configuration)
            assert row["error"] is None
            fills += row["fills"]
            assert figures_in(row, expected) == expected
    assert fills > 300


def test_closes_that_32_bits_do_not_hold_are_traded_and_measured_alike() -> None:
    recording, window = walk(5, 6_000, holes=True, start=2**31), TradedWindow(START + 60, START + 6_000 * 60)
    batch = batch_of("sma_cross", window, quantity="0.001")
    for row, configuration in zip(run_batch(batch, [recording]).to_pylist(), GRIDS["sma_cross"], strict=True):
        expected = reference(batch, recording, configuration)
        assert row["fills"] > 20
        assert figures_in(row, expected) == expected


@pytest.fixture
def by_halves(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "by_halves.py").write_text(HALVES)
    folder.use(tmp_path)
    yield "by_halves"
    folder.use(None)


def test_figures_of_lots_that_are_closed_in_parts_are_those_of_the_full_scan(by_halves: str) -> None:
    configurations = tuple({"near": 2, "far": far, "short": short} for far in (5, 40) for short in (0.0, 0.25, 0.5))
    window, recording = TradedWindow(START + 600 * 60, START + 6_000 * 60), walk(3, 6_000, holes=True)
    batch = msgspec.structs.replace(batch_of(by_halves, window), configurations=configurations)
    for row, configuration in zip(run_batch(batch, [recording]).to_pylist(), configurations, strict=True):
        assert (row["error"], row["fills"] > 1_000) == (None, True)
        expected = reference(batch, recording, configuration)
        assert figures_in(row, expected) == expected


@pytest.mark.parametrize("seed", range(20))
def test_positions_of_whole_lots_have_the_same_sums_by_the_tape(seed: int) -> None:
    dice = np.random.default_rng(seed)
    recording = walk(seed, 3_000, holes=seed % 2 == 1)
    batch = batch_of("sma_cross", TradedWindow(START + 60, START + 3_000 * 60))
    swept = PreparedBars().of(recording, "1m", batch.window, 1)
    at = np.flatnonzero(dice.random(2_999) < dice.choice([0.3, 0.01]))
    weights = dice.choice([-1.0, 0.0, 1.0], at.size) if seed % 3 else np.resize([0.37, -1.0], at.size)
    signals = SignalTape(at, weights)
    terms = scan_terms(swept.bars, fixed_terms(batch), money_scale(swept.bars, fixed_terms(batch)))
    made = []
    for whole in (True, False):
        sums = blank_sums(swept.valued.nights.size)
        assert cached_trade()(signals, at.size, swept.valued, terms, blank_tape(3_000, 1), sums, whole=whole) == DONE
        made.append([part.tolist() for part in sums])
    assert made[0] == made[1]
    assert made[0][0][CurveSum.FILLS] > 10


def test_a_lot_that_does_not_stay_whole_is_split() -> None:
    batch = batch_of("sma_cross", TradedWindow(START + 60, START + 100 * 60))
    swept = PreparedBars().of(walk(1, 100, holes=False), "1m", batch.window, 1)
    terms = scan_terms(swept.bars, fixed_terms(batch), money_scale(swept.bars, fixed_terms(batch)))
    for weights in ([0.5, 1.0], [1.0, 0.5], [-1.0, -0.5]):
        signals, sums = SignalTape(np.array([10, 20]), np.array(weights)), blank_sums(swept.valued.nights.size)
        assert cached_trade()(signals, 2, swept.valued, terms, blank_tape(100, 1), sums, whole=True) == SPLIT


def test_batches_of_one_sweep_share_bars_and_have_the_rows_that_they_have_alone() -> None:
    recording, window = walk(2, 3_000, holes=False), TradedWindow(START + 600 * 60, START + 3_000 * 60)
    job = SweepJob(desk=batch_of("sma_cross", window).desk, configurations=GRIDS["sma_cross"], markets=(MARKET,),
                   windows=(window,), terms=SizingTerms(quantity=D("0.1")))  # fmt: skip
    prepared = PreparedBars()
    for batch in batches(job, 1):
        assert run_batch(batch, [recording], prepared) == run_batch(batch, [recording])
    begun = Barrier(2)

    def prepare(_number: int) -> int:
        begun.wait()
        return id(prepared.of(recording, "1m", window, 30).bars.close)

    with ThreadPoolExecutor(2) as threads:
        assert len({*threads.map(prepare, range(2)), id(prepared.of(recording, "1m", window, 32).bars.close)}) == 1


@pytest.mark.parametrize("params", [{}, {"slow": 70}, {"fast": 9, "slow": 70}, {"fast": 9, "slow": 2}, {"none": 1}])
def test_hashes_of_desks_that_differ_in_params_are_those_of_each_desk(params: dict[str, Any]) -> None:
    batch = batch_of("sma_cross", TradedWindow(START + 60, START + 120))
    assert desk_hashes(trial_desk(batch, {"slow": 3}), "a")(params) == desk_hash(trial_desk(batch, params))


def test_figures_that_64_bits_do_not_hold_and_universes_are_rows_with_the_reason() -> None:
    recording, window = walk(1, 3_000, holes=False), TradedWindow(START + 60, START + 3_000 * 60)
    for row in run_batch(batch_of("sma_cross", window, quantity="90000000000"), [recording]).to_pylist()[:2]:
        assert "64 bits" in row["error"]


def test_a_trial_in_a_window_without_bars_says_so_and_the_other_windows_are_traded() -> None:
    batch = batch_of("sma_cross", TradedWindow(START + 10**8, START + 10**8 + 60))
    rows = run_batch(batch, [walk(1, 100, holes=False)]).to_pylist()
    assert [row["error"] for row in rows] == ["BTC/USDT has no bar of 1m in the window"] * 3


@given(st.lists(st.integers(1, 10**13), min_size=2, max_size=60))
@settings(max_examples=200)
def test_ratios_are_those_of_performance_to_the_last_bit(levels: list[int]) -> None:
    points = [EquityPoint(86_400 * day, D(level)) for day, level in enumerate(levels)]
    returns = ratios.daily_returns(points)
    made = daily_ratios(np.array(levels))
    assert made == (len(returns), ratios.volatility(returns), ratios.sharpe(returns), ratios.sortino(returns))


@pytest.mark.parametrize("nights", [10, 11, 12, 512, 513, 514, 1_500])
def test_ratios_of_any_number_of_days_are_exact(nights: int) -> None:
    levels = np.random.default_rng(nights).integers(6 * 10**14, 10**15, nights + 1)
    returns = ratios.daily_returns([EquityPoint(86_400 * day, D(level)) for day, level in enumerate(levels.tolist())])
    made = daily_ratios(levels)
    assert made == (nights, ratios.volatility(returns), ratios.sharpe(returns), ratios.sortino(returns))


@pytest.mark.parametrize("seed", range(30))
def test_ratios_of_levels_that_move_little_are_exact(seed: int) -> None:
    dice = np.random.default_rng(seed)
    levels = np.rint(1e13 * np.exp(np.cumsum(dice.normal(0, 10.0 ** -int(dice.integers(1, 6)), 400)))).astype(np.int64)
    points = [EquityPoint(86_400 * day, D(level)) for day, level in enumerate(levels.tolist())]
    returns = ratios.daily_returns(points)
    made = daily_ratios(levels)
    assert made.volatility == stdev(returns) * 365**0.5
    assert made.sharpe == fmean(returns) / stdev(returns) * 365**0.5
    assert made.sortino == ratios.sortino(returns)


@pytest.mark.parametrize("nights", [0, 1, 10, 11, 600])
def test_ratios_of_many_trials_are_those_of_each(nights: int) -> None:
    dice = np.random.default_rng(nights)
    levels = 10**12 + np.cumsum(dice.integers(-(10**9), 10**9, (6, nights)), axis=1)
    # One that loses all, one that floats do not hold, one that falls by more than half in a day, one that rests.
    levels[1, nights // 2 :] -= 2 * 10**12
    levels[2] *= 10**5
    levels[3, nights // 2 :] //= 3
    levels[4] = 10**12
    assert daily_ratios_of(levels) == [daily_ratios(each) for each in levels]


@given(st.integers(0, 2**200), st.integers(1, 2**200))
def test_a_root_squared_surrounds_its_fraction(part: int, whole: int) -> None:
    value = root(part, whole)
    below, above = (np.nextafter(value, end) for end in (0.0, np.inf))
    low, high = ((_exact(value) + _exact(edge)) / 2 for edge in (below, above))
    assert (low**2 if value else 0) <= _fraction(part, whole) <= high**2


def _exact(value: float) -> Any:
    from fractions import Fraction

    return Fraction(float(value))


def _fraction(part: int, whole: int) -> Any:
    from fractions import Fraction

    return Fraction(part, whole)
