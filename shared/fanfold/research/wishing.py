"""Changes of mind: the bars at which a strategy wants another weight than before, written by its compiled step."""

from functools import cache
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from fanfold.research.columns import Floats, Integers, borrow
from fanfold.research.compiled import inlined
from fanfold.research.kept import STRATEGY, keep
from fanfold.strategy.contract import Bars
from fanfold.strategy.step_code import digest

# How many wishes there are, where one is no finite number.
NOT_FINITE = -1
# Bound anew in the copy of a fold for each strategy.
step: Any = None


class WishTape(NamedTuple):
    """The changes of a wanted weight: the bar of each, and the weight from then on."""

    at: Integers
    weight: Floats


class StepSource(NamedTuple):
    """The bars of a step: StepColumns with ``padding`` bars in front; before bar number ``since`` it is not heard."""

    params: Any
    columns: Any
    padding: int
    since: int


class StepMind(NamedTuple):
    """The state of a step, and the weight that it wanted last."""

    state: Any
    weight: float


def blank_wishes(count: int) -> WishTape:
    return WishTape(np.empty(count, np.int64), np.empty(count))


def _wished(source: StepSource, mind: StepMind, first: int, end: int, wishes: WishTape) -> tuple[StepMind, int]:
    """Write the wishes of bars from ``first`` up to ``end``; return the mind then and the number of wishes."""
    seen, since, count = source.columns, source.since, 0
    state, weight = mind.state, mind.weight
    for at in range(first, end):
        view = Bars(at + source.padding, seen.time, seen.open, seen.high, seen.low, seen.close, seen.volume)
        state, wanted = step(source.params, state, view)
        if wanted != weight and at >= since:
            if not abs(wanted) <= 1e300:
                return StepMind(state, weight), NOT_FINITE
            weight = wanted
            wishes.at[count], wishes.weight[count] = at, weight
            count += 1
    return StepMind(state, weight), count


@cache
def wished_by(step: FunctionType) -> Any:
    """Return the fold of a step over a part of its bars, to be called from compiled code."""
    fold = FunctionType(_wished.__code__, _wished.__globals__ | {"step": inlined(step)}, "wished")
    return njit(forceinline=True)(fold)


# Bound anew, too.
wished: Any = None


def _wishes(source: StepSource, state: Any, first: int, end: int, wishes: WishTape) -> int:
    _mind, count = wished(borrow(source), StepMind(state, 0.0), first, end, borrow(wishes))
    return count  # type: ignore[no-any-return]


@cache
def wishes_of(step: FunctionType) -> Any:
    """Return the compiled fold of a step over all bars, which returns how many wishes it wrote.

    It is compiled once for all params, and holds no lock of Python's.
    """
    fold = FunctionType(_wishes.__code__, _wishes.__globals__ | {"wished": wished_by(step)}, "wishes")
    return keep(njit(nogil=True)(fold), STRATEGY, digest(step))
