"""Long while the close is above the Supertrend line."""

from typing import NamedTuple

from fanfold.indicators import Supertrend, supertrend
from fanfold.strategies import Bars


class Params(NamedTuple):
    window: int = 10
    width: float = 3.0


def step(params: Params, state: Supertrend, bars: Bars) -> tuple[Supertrend, float]:
    state, side, _line = supertrend(state, bars, params.window, params.width)
    return state, max(side, 0.0)
