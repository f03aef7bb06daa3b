"""Long after a close below the lower Bollinger band, until a close above the middle."""

from typing import NamedTuple

from fanfold.indicators import bollinger
from fanfold.strategies import Bars


class Params(NamedTuple):
    window: int = 20
    width: float = 2.0


class State(NamedTuple):
    weight: float = 0.0


def step(params: Params, state: State, bars: Bars) -> tuple[State, float]:
    price, bands = bars.close[bars.now], bollinger(bars.close, bars.now, params.window, params.width)
    weight = 1.0 if price < bands.lower else 0.0 if price > bands.middle else state.weight
    return State(weight), weight
