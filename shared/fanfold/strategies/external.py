"""The strategy ``external``: what its instances want is told from outside, by webhook, and not folded from bars."""

from math import nan
from typing import NamedTuple

from fanfold.strategy.bars import Bars


class Params(NamedTuple):
    """There are none."""


class State(NamedTuple):
    """There is none."""


def lookback(_params: Params) -> int:
    return 1


def start(_params: Params) -> State:
    return State()


def step(_params: Params, state: State, bars: Bars) -> tuple[State, float]:  # noqa: ARG001
    # A weight that is no number says nothing: bars alone never move such a leg.
    return state, nan
