"""Against the move: short when the close is far above its mean, long when far below, flat when it is back.

Far is ``entry`` standard deviations of the last ``window`` closes, back is ``exit``. ``short`` scales the short side;
for an account that cannot short it is 0.
"""

from typing import NamedTuple

from fanfold.indicators import reversal, zscore
from fanfold.strategy.bars import Bars


class Params(NamedTuple):
    window: int = 48
    entry: float = 2.0
    exit: float = 0.5
    short: float = 1.0


class State(NamedTuple):
    side: float


def lookback(params: Params) -> int:
    if params.window < 2:
        raise ValueError(f"window is {params.window}; it must be at least 2")
    if not 0 <= params.exit < params.entry:
        raise ValueError(f"exit is {params.exit} and entry is {params.entry}; exit must be at least 0 and below entry")
    if not 0 <= params.short <= 1:
        raise ValueError(f"short is {params.short}; it is a share from 0 to 1")
    return params.window - 1


def start(_params: Params) -> State:
    return State(0.0)


def step(params: Params, state: State, bars: Bars) -> tuple[State, float]:
    z = zscore(bars.close, bars.now, params.window)
    side = reversal(state.side, z, params.entry, params.exit)
    return State(side), max(side, 0.0) - max(-side, 0.0) * params.short
