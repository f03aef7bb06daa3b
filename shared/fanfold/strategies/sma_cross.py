"""Long while the fast moving average of closes is above the slow one, else flat; an exact tie is flat."""

from typing import NamedTuple

from fanfold.indicators import excess
from fanfold.strategy.bars import Bars


class Params(NamedTuple):
    fast: int = 20
    slow: int = 100


class State(NamedTuple):
    fast: float
    slow: float


def lookback(params: Params) -> int:
    if not 1 <= params.fast < params.slow:
        raise ValueError(f"fast is {params.fast} and slow is {params.slow}; fast must be at least 1 and below slow")
    return params.slow - 1


def start(_params: Params) -> State:
    return State(0.0, 0.0)


def step(params: Params, state: State, bars: Bars) -> tuple[State, float]:
    fast_state, fast = excess(state.fast, bars.close, bars.now, params.fast)
    slow_state, slow = excess(state.slow, bars.close, bars.now, params.slow)
    # Compared as sums times the other's length: a division would round, and ties do happen.
    return State(fast_state, slow_state), 1.0 if fast * params.slow > slow * params.fast else 0.0
