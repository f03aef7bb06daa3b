"""Two cointegrated instruments: bet that the first's distance from its regression on the second closes again.

The hedge ratio is the least-squares slope of the closes over ``window``. The legs are opposite, sized by the hedge
ratio and together gross 1. Where the slope is not above zero there is no hedge and nothing is held.
"""

from typing import NamedTuple

from fanfold.indicators import hedge, reversal
from fanfold.strategy.bars import Universe

INSTRUMENTS = 2
BUNDLE = True


class Params(NamedTuple):
    window: int = 168
    entry: float = 2.0
    exit: float = 0.5


class State(NamedTuple):
    side: float


def lookback(params: Params) -> int:
    if params.window < 3:
        raise ValueError(f"window is {params.window}; it must be at least 3")
    if not 0 <= params.exit < params.entry:
        raise ValueError(f"exit is {params.exit} and entry is {params.entry}; exit must be at least 0 and below entry")
    return params.window - 1


def start(_params: Params) -> State:
    return State(0.0)


def step(params: Params, state: State, bars: Universe) -> tuple[State, float]:
    slope, z = hedge(bars.close[0], bars.close[1], bars.now, params.window)
    side = reversal(state.side, z, params.entry, params.exit) if slope > 0.0 else 0.0
    first = bars.close[0][bars.now]
    second = max(slope, 0.0) * bars.close[1][bars.now]
    share = first / (first + second)
    return State(side), side * share if bars.me == 0 else side * share - side
