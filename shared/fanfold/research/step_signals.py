"""Signals of a strategy: the bars at which it wants another weight than before, written by its compiled step."""

from functools import cache
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from fanfold.research.columns import Floats, Integers, borrow
from fanfold.research.compile_cache import STRATEGY, keep, step_part
from fanfold.research.compiled import inlined, part
from fanfold.strategy.bars import Bars

# How many signals there are, where one is no finite number.
NOT_FINITE = -1
# Bound anew in the copy of a fold for each strategy.
step: Any = None


class SignalTape(NamedTuple):
    """The changes of a wanted weight: the bar of each, and the weight from then on."""

    at: Integers
    weight: Floats


class StepSource(NamedTuple):
    """The bars of a step: StepColumns with ``padding`` bars in front; signals before bar ``since`` do not count."""

    params: Any
    columns: Any
    padding: int
    since: int


class StepProgress(NamedTuple):
    """The state of a step, and the weight that it wanted last."""

    state: Any
    weight: float


def blank_signals(count: int) -> SignalTape:
    return SignalTape(np.empty(count, np.int64), np.empty(count))


def _signalled(
    source: StepSource, progress: StepProgress, first: int, end: int, signals: SignalTape
) -> tuple[StepProgress, int]:
    """Write the signals of bars from ``first`` up to ``end``; return the progress then and the number of signals."""
    seen, since, count = source.columns, source.since, 0
    state, weight = progress.state, progress.weight
    for at in range(first, end):
        view = Bars(at + source.padding, seen.time, seen.open, seen.high, seen.low, seen.close, seen.volume)
        state, wanted = step(source.params, state, view)
        if wanted != weight and at >= since:
            if not abs(wanted) <= 1e300:
                return StepProgress(state, weight), NOT_FINITE
            weight = wanted
            signals.at[count], signals.weight[count] = at, weight
            count += 1
    return StepProgress(state, weight), count


@cache
def signalled_by(step: FunctionType) -> Any:
    """Return the fold of a step over a part of its bars, to be called from compiled code."""
    fold = FunctionType(_signalled.__code__, _signalled.__globals__ | {"step": inlined(step)}, "signalled")
    return part()(fold)


# Bound anew, too.
signalled: Any = None


def _signals(source: StepSource, state: Any, first: int, end: int, signals: SignalTape) -> int:
    _progress, count = signalled(borrow(source), StepProgress(state, 0.0), first, end, borrow(signals))
    return count  # type: ignore[no-any-return]


@cache
def signals_by(step: FunctionType) -> Any:
    """Return the compiled fold of a step over all bars, which returns how many signals it wrote.

    It is compiled once for all params, and holds no lock of Python's.
    """
    fold = FunctionType(_signals.__code__, _signals.__globals__ | {"signalled": signalled_by(step)}, "signals")
    return keep(njit(nogil=True)(fold), STRATEGY, step_part(step))
