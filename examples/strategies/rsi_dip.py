"""Long after the RSI fell below ``low``, until it is back above ``high``."""

from typing import NamedTuple

from fanfold.indicators import Rsi, relative_strength
from fanfold.strategies import Bars


class Params(NamedTuple):
    window: int = 14
    low: float = 30.0
    high: float = 50.0


class State(NamedTuple):
    rsi: Rsi = Rsi()
    weight: float = 0.0


def step(params: Params, state: State, bars: Bars) -> tuple[State, float]:
    rsi, strength = relative_strength(state.rsi, bars.close, bars.now, params.window)
    weight = 1.0 if strength < params.low else 0.0 if strength > params.high else state.weight
    return State(rsi, weight), weight
