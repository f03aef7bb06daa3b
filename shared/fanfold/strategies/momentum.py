"""Hold the ``top`` instruments by return over ``window`` bars in equal parts, chosen anew every ``every`` bars.

Of two that did equally well the one named first goes first. On hourly bars the defaults rank by the week, once a day.
"""

from typing import NamedTuple

from fanfold.strategy.bars import Universe


class Params(NamedTuple):
    window: int = 168
    top: int = 3
    every: int = 24


class State(NamedTuple):
    wait: int
    weight: float


def lookback(params: Params) -> int:
    for name, value in zip(params._fields, params, strict=True):
        if value < 1:
            raise ValueError(f"{name} is {value}; it must be at least 1")
    # What is held at the first bar that counts may be as old as every - 1 bars, and must not rank padding.
    return params.window + params.every - 1


def start(_params: Params) -> State:
    return State(0, 0.0)


def step(params: Params, state: State, bars: Universe) -> tuple[State, float]:
    if state.wait > 0:
        return State(state.wait - 1, state.weight), state.weight
    now, before = bars.now, bars.now - params.window
    mine = bars.close[bars.me][now] / bars.close[bars.me][before]
    ahead = 0
    for other in range(bars.count):
        theirs = bars.close[other][now] / bars.close[other][before]
        if theirs > mine or (theirs == mine and other < bars.me):
            ahead += 1
    weight = 1.0 / params.top if ahead < params.top else 0.0
    return State(params.every - 1, weight), weight
