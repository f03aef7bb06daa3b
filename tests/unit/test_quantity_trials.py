"""A trial by a fixed quantity has exactly the figures of the full scan, whose fills and equity are written down."""

from decimal import Decimal
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanfold.market.recording import RECORD, Recording
from fanfold.performance import ratios
from fanfold.performance.ratios import EquityPoint
from fanfold.research.columns import integer_bars, resampled
from fanfold.research.daily_ratios import daily_ratios, root
from fanfold.research.figures import metrics_of
from fanfold.research.fixed_size import fixed_size
from fanfold.research.sweeping.quantity_trials import fixed_terms
from fanfold.research.sweeping.sweep_job import SizingTerms, SweepJob, TradedWindow, TrialBatch, batches
from fanfold.research.sweeping.trial_rows import figures_of
from fanfold.research.sweeping.trials import run_batch
from fanfold.strategy import contract
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
TIMES = ("drawdown_peak", "drawdown_low", "drawdown_recovered")


def walk(seed: int, count: int, *, holes: bool) -> Recording:
    """A walk of minutes in ticks of a cent, some of them without volume."""
    dice = np.random.default_rng(seed)
    close = 500_000 + np.cumsum(dice.integers(-300, 301, count) * dice.integers(0, 2, count))
    opened = np.append(500_000, close[:-1]) + dice.integers(-20, 21, count)
    volume = np.where(dice.random(count) < (0.3 if holes else 0.0), 0, 1_000)
    rows = zip(START + 60 * np.arange(1, count + 1), opened, np.maximum(opened, close) + 50,
               np.minimum(opened, close) - 50, close, volume, strict=True)  # fmt: skip
    records = b"".join(RECORD.pack(*map(int, row)) for row in rows)
    return Recording(MARKET[0], "1m", 2, 3, START, records)


def batch_of(strategy: str, window: TradedWindow, timeframe: str = "1m", quantity: str = "0.1") -> TrialBatch:
    desk = desk_of({"a": instance(strategy, MARKET, timeframe=timeframe)}, spread_bps="2", slippage_bps="1")
    job = SweepJob(desk=desk, configurations=GRIDS[strategy], markets=(MARKET,), windows=(window,),
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
            got = {name: int(row[name].timestamp()) if name in TIMES and row[name] else row[name] for name in expected}
            assert got == expected
    assert fills > 300


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
