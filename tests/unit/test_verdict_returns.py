"""The returns that a verdict judges are those of a plain walk over what the strategy wants, with its costs."""

from collections.abc import Iterator
from math import isnan
from pathlib import Path

import numpy as np
import pytest

from fanfold.research.bias_lab.decisions import Decisions, decide
from fanfold.research.bias_lab.market_columns import MarketColumns, market_columns
from fanfold.research.bias_lab.trading import returns_of
from fanfold.strategy import contract, folder
from support.planted_biases import recorded, walk

COST = 0.0015
PROTECTED = '''"""Long, and closed by its protection."""

from typing import NamedTuple

from fanfold.strategy.bars import Bars
from fanfold.strategy.contract import Protected


class Params(NamedTuple):
    stop: float = 0.004


class State(NamedTuple):
    wait: float = 0.0


def lookback(params: Params) -> int:
    return 3


def step(params: Params, state: State, bars: Bars) -> tuple[State, Protected]:
    wait = state.wait + 1.0 if state.wait < 40.0 else 0.0
    weight = 0.0 if wait == 0.0 else 1.0 if bars.close[bars.now] > bars.close[bars.now - 3] else 0.5
    return State(wait), Protected(weight, stop=params.stop, take_profit=0.006, trail=0.005)
'''


@pytest.fixture(autouse=True)
def strategies(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "protected_long.py").write_text(PROTECTED)
    (tmp_path / "odd_long.py").write_text(
        PROTECTED.replace("wait = state.wait + 1.0", "wait = float(str(state.wait + 1.0))")
    )
    folder.use(tmp_path)
    yield
    folder.use(None)


def market(count: int = 1) -> MarketColumns:
    names = ("BTC/USDT", "ETH/USDT", "SOL/USDT")[:count]
    return market_columns([recorded(walk(1_500, 5 + n, 0.002), name, seed=n + 1) for n, name in enumerate(names)])


def plain_returns(bars: MarketColumns, wanted: np.ndarray, cost: float) -> list[float]:
    """The walk of one instrument, in plain Python, an event at a time."""
    position = target = entry = best = 0.0
    out = 0
    earned = []
    for at in range(bars.length):
        opened, close = bars.open[0, at], bars.close[0, at]
        result = position * (opened / bars.close[0, at - 1] - 1) if at else 0.0
        if target != position:
            result -= abs(target - position) * cost
            if position * target <= 0:
                entry = best = opened
            position = target
        result += position * (close / opened - 1)
        earned.append(result)
        best = max(best, close) if position > 0 else min(best, close) if position < 0 else best
        weight, stop, profit, trail = wanted[:, at].tolist()
        target = target if isnan(weight) else weight
        sign = (position > 0) - (position < 0)
        if sign:
            gain, fallen = sign * (close / entry - 1), sign * (close / best - 1)
            reasons = [stop > 0 and gain <= -stop, profit > 0 and gain >= profit, trail > 0 and fallen <= -trail]
            out = sign if any(reasons) else out
        if out and out * target > 0:
            target = 0.0
        else:
            out = 0
    return earned


@pytest.mark.parametrize(
    ("name", "params"),
    [("sma_cross", {}), ("mean_reversion", {"window": 12}), ("protected_long", {}), ("odd_long", {})],
)
def test_returns_are_those_of_a_plain_walk(name: str, params: dict[str, float]):
    bars, strategy = market(), contract.bind(name, params, 1)
    decisions = decide(strategy, bars)
    assert decisions.compiled == (name != "odd_long")
    returns = returns_of(strategy, bars, decisions, COST)
    assert returns == pytest.approx(plain_returns(bars, decisions.wanted[0], COST), abs=1e-15)
    assert np.count_nonzero(returns) > 100


def test_a_protection_closes_positions():
    bars = market()
    often, never = (contract.bind("protected_long", {"stop": stop}, 1) for stop in (0.001, 0.9))
    first, second = (returns_of(strategy, bars, decide(strategy, bars), 0.0) for strategy in (often, never))
    assert np.count_nonzero(first) < np.count_nonzero(second)


@pytest.mark.parametrize("name", ["sma_cross", "mean_reversion", "breakout", "momentum", "pairs"])
def test_compiled_decisions_are_those_of_the_live_leg(name: str, monkeypatch: pytest.MonkeyPatch):
    from fanfold.research import folding

    count = {"momentum": 3, "pairs": 2}.get(name, 1)
    bars, strategy = market(count), contract.bind(name, {}, count)
    fast = decide(strategy, bars)
    assert fast.compiled
    monkeypatch.setattr(folding, "_compiled", lambda *_: ("it is not to be", False))
    plain = decide(strategy, bars)
    assert not plain.compiled
    assert np.array_equal(fast.wanted, plain.wanted, equal_nan=True)
    assert np.isnan(fast.wanted[:, 0, : strategy.lookback]).all()


def test_instruments_of_one_strategy_have_equal_shares_of_the_capital():
    bars, strategy = market(2), contract.bind("sma_cross", {}, 2)
    both = returns_of(strategy, bars, decide(strategy, bars), COST)
    alone = contract.bind("sma_cross", {}, 1)
    each = [returns_of(alone, bars.member(n), decide(alone, bars.member(n)), COST) for n in range(2)]
    assert both == pytest.approx((each[0] + each[1]) / 2, abs=1e-15)


def test_bars_without_volume_fill_nothing():
    bars = market()
    quiet = bars._replace(volume=np.zeros_like(bars.volume))
    strategy = contract.bind("sma_cross", {}, 1)
    decisions = Decisions(decide(strategy, bars).wanted, "")
    assert np.count_nonzero(returns_of(strategy, quiet, decisions, COST)) == 0


def test_bars_in_common_are_taken_in_the_order_of_time():
    whole = recorded(walk(100, 1))
    later = recorded(walk(100, 2), "ETH/USDT")
    shifted = type(later)("ETH/USDT", "1m", 2, 3, 0, bytes(later.records)[10 * 48 :])
    bars = market_columns([whole, shifted])
    assert bars.length == 90
    assert bars.close[0, 0] == pytest.approx(float(whole.price(next(whole.bars(10)).close)))
