"""Donchian breakout with an ATR stop: long on a close above the highest high of the ``entry`` bars before it.

Out on a close below the lowest low of the ``exit`` bars before it, or ``stop`` average true ranges below the best close
since entry. ``short`` scales the mirrored short side; 0, as shipped, never shorts.
"""

from typing import NamedTuple

from fanfold.indicators import atr, rolling_max, rolling_min, settling
from fanfold.strategy.bars import Bars


class Params(NamedTuple):
    entry: int = 20
    exit: int = 10
    atr: int = 14
    stop: float = 3.0
    short: float = 0.0


class State(NamedTuple):
    side: float
    best: float
    atr: float


def lookback(params: Params) -> int:
    if not 1 <= params.exit <= params.entry:
        raise ValueError(f"exit is {params.exit} and entry is {params.entry}; exit must be at least 1, at most entry")
    if params.atr < 1 or params.stop <= 0:
        raise ValueError(f"atr is {params.atr} and stop is {params.stop}; atr must be at least 1, stop above 0")
    if not 0 <= params.short <= 1:
        raise ValueError(f"short is {params.short}; it is a share from 0 to 1")
    return max(params.entry, settling(params.atr, 1))


def start(_params: Params) -> State:
    return State(0.0, 0.0, 0.0)


def step(params: Params, state: State, bars: Bars) -> tuple[State, float]:
    now, price, side = bars.now, bars.close[bars.now], state.side
    span = atr(state.atr, bars, params.atr)
    # The best close so far in the side's own direction; flat, it is the newest.
    best = max(side * state.best, side * price) * side if side != 0.0 else price
    stopped = side * (best - price) > params.stop * span
    low, high = rolling_min(bars.low, now - 1, params.exit), rolling_max(bars.high, now - 1, params.exit)
    back = price < low if side > 0.0 else price > high
    if price > rolling_max(bars.high, now - 1, params.entry):
        side = 1.0
    elif price < rolling_min(bars.low, now - 1, params.entry):
        side = -1.0
    elif stopped or back:
        side = 0.0
    best = best if side == state.side else price
    return State(side, best, span), max(side, 0.0) - max(-side, 0.0) * params.short
