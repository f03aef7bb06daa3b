"""Long while the fast moving average of closes is above the slow one, else flat."""

from typing import NamedTuple

from fanfold.strategies import Bars


class Params(NamedTuple):
    fast: int = 20
    slow: int = 100


class State(NamedTuple):
    fast_sum: float
    slow_sum: float


def lookback(params: Params) -> int:
    return params.slow


def start(params: Params) -> State:
    return State(0.0, 0.0)


def step(params: Params, state: State, bars: Bars) -> tuple[State, float]:
    now, close = bars.now, bars.close
    fast = state.fast_sum + close[now] - close[now - params.fast]
    slow = state.slow_sum + close[now] - close[now - params.slow]
    return State(fast, slow), 1.0 if fast * params.slow > slow * params.fast else 0.0
