"""Long after a close ``below`` (a share) under the volume-weighted price of the window, until it is reached again."""

from typing import NamedTuple

from fanfold.indicators import vwap
from fanfold.strategies import Bars


class Params(NamedTuple):
    window: int = 60
    below: float = 0.005


class State(NamedTuple):
    weight: float = 0.0


def step(params: Params, state: State, bars: Bars) -> tuple[State, float]:
    price, fair = bars.close[bars.now], vwap(bars, params.window)
    weight = 1.0 if price < fair * (1.0 - params.below) else 0.0 if price > fair else state.weight
    return State(weight), weight
