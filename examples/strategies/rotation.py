"""Hold the ``top`` instruments by rate of change over ``window`` bars in equal parts; of equal ones the first named."""

from typing import NamedTuple

from fanfold.indicators import roc
from fanfold.strategies import NoState, Universe


class Params(NamedTuple):
    window: int = 24
    top: int = 1


def step(params: Params, state: NoState, bars: Universe) -> tuple[NoState, float]:
    mine, ahead = roc(bars.close[bars.me], bars.now, params.window), 0
    for other in range(bars.count):
        theirs = roc(bars.close[other], bars.now, params.window)
        ahead += 1 if theirs > mine or (theirs == mine and other < bars.me) else 0
    return state, 1.0 / params.top if ahead < params.top else 0.0
