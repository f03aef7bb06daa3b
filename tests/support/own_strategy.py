"""A strategy as a user writes it, the text of its file."""

ALWAYS_LONG = '''"""Always long."""

from typing import NamedTuple

from fanfold.strategies import Bars


class Params(NamedTuple):
    n: int = 3


class State(NamedTuple):
    seen: float


def lookback(params: Params) -> int:
    return params.n


def start(_params: Params) -> State:
    return State(0.0)


def step(params: Params, state: State, bars: Bars) -> tuple[State, float]:
    return state, 1.0
'''
