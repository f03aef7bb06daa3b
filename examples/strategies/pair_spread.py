"""Bet that the first instrument's distance from its regression on the second closes again, half of each.

One leg is short, so it needs an account of kind ``margin``. ``BUNDLE`` lets both legs trade, or none.
"""

from typing import NamedTuple

from fanfold.indicators import hedge, reversal
from fanfold.strategies import Universe

INSTRUMENTS = 2
BUNDLE = True


class Params(NamedTuple):
    window: int = 100
    entry: float = 2.0
    exit: float = 0.5


class State(NamedTuple):
    side: float = 0.0


def step(params: Params, state: State, bars: Universe) -> tuple[State, float]:
    _slope, z = hedge(bars.close[0], bars.close[1], bars.now, params.window)
    side = reversal(state.side, z, params.entry, params.exit)
    return State(side), 0.5 * side if bars.me == 0 else -0.5 * side
