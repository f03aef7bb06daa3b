"""Long above the highest high of the ``entry`` bars before, until a close below the lowest low of ``exit`` bars."""

from typing import NamedTuple

from fanfold.indicators import donchian
from fanfold.strategies import Bars


class Params(NamedTuple):
    entry: int = 20
    exit: int = 10


class State(NamedTuple):
    weight: float = 0.0


def step(params: Params, state: State, bars: Bars) -> tuple[State, float]:
    price, top, bottom = bars.close[bars.now], donchian(bars, params.entry).upper, donchian(bars, params.exit).lower
    weight = 1.0 if price > top else 0.0 if price < bottom else state.weight
    return State(weight), weight
