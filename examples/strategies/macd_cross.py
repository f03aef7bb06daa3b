"""Long while the MACD is above its signal line."""

from typing import NamedTuple

from fanfold.indicators import Macd, macd
from fanfold.strategies import Bars


class Params(NamedTuple):
    fast: int = 12
    slow: int = 26
    signal: int = 9


def step(params: Params, state: Macd, bars: Bars) -> tuple[Macd, float]:
    state, line, signal = macd(state, bars.close, bars.now, params.fast, params.slow, params.signal)
    return state, 1.0 if line > signal else 0.0
