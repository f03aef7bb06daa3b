"""Long after %K rises above %D below ``low``, until %K is above ``high``."""

from typing import NamedTuple

from fanfold.indicators import stochastic
from fanfold.strategies import Bars


class Params(NamedTuple):
    window: int = 14
    low: float = 20.0
    high: float = 80.0


class State(NamedTuple):
    weight: float = 0.0


def step(params: Params, state: State, bars: Bars) -> tuple[State, float]:
    k, d = stochastic(bars, params.window, 3, 3)
    weight = 1.0 if d < k < params.low else 0.0 if k > params.high else state.weight
    return State(weight), weight
