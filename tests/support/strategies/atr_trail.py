"""Long over a high, with a trail and a stop of some average true ranges, which are other shares at each bar."""

from typing import NamedTuple

from fanfold.indicators import atr, donchian
from fanfold.strategies import Bars, Protected


class Params(NamedTuple):
    window: int = 10
    ranges: float = 2.0


class State(NamedTuple):
    atr: float = 0.0
    weight: float = 0.0


def step(params: Params, state: State, bars: Bars) -> tuple[State, Protected]:
    true_range, channel = atr(state.atr, bars, 5), donchian(bars, params.window)
    close = bars.close[bars.now]
    weight = 1.0 if close > channel.upper else 0.0 if close < channel.lower else state.weight
    # The stop in between is left out.
    return State(true_range, weight), Protected(weight, trail=min(params.ranges * true_range / close, 0.5))
