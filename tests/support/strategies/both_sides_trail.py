"""Long or short over a short channel, with an ATR trail and stop, which are other shares at each bar."""

from typing import NamedTuple

from fanfold.indicators import atr, donchian
from fanfold.strategies import Bars, Protected


class Params(NamedTuple):
    enter: int = 8
    ranges: float = 1.5
    short: float = 0.0


class State(NamedTuple):
    atr: float = 0.0
    weight: float = 0.0


def step(params: Params, state: State, bars: Bars) -> tuple[State, Protected]:
    true_range = atr(state.atr, bars, 5)
    channel = donchian(bars, params.enter)
    close = bars.close[bars.now]
    weight = 1.0 if close > channel.upper else -params.short if close < channel.lower else state.weight
    share = min(0.5, params.ranges * true_range / close)
    return State(true_range, weight), Protected(weight, stop=share, trail=share * 1.5, take_profit=share * 3)
