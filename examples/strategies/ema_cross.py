"""Long while the fast exponential average is above the slow one."""

from typing import NamedTuple

from fanfold.indicators import ema
from fanfold.strategies import Bars


class Params(NamedTuple):
    fast: int = 12
    slow: int = 50


class State(NamedTuple):
    fast: float = 0.0
    slow: float = 0.0


def step(params: Params, state: State, bars: Bars) -> tuple[State, float]:
    fast, quick = ema(state.fast, bars.close, bars.now, params.fast)
    slow, slack = ema(state.slow, bars.close, bars.now, params.slow)
    return State(fast, slow), 1.0 if quick > slack else 0.0
