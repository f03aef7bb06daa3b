"""Indicators that a step in plain Python calls, computed for a block of bars at once by compiled code.

They are those of plain Python, bit for bit, in a third of the time of an average and far less of a long window's.
"""

from collections.abc import Callable, Iterable
from functools import cache
from types import FunctionType
from typing import Any

import numpy as np
from numba import njit

from fanfold.indicators import ema, excess, rolling_max, rolling_min, sma, zscore
from fanfold.research.columns import Floats, borrow
from fanfold.research.compile_cache import keep
from fanfold.research.compiled import called, inlined, reached
from fanfold.strategy import purity
from fanfold.strategy.step_code import digest

# What takes its state first and gives the next one first, and what has none.
FOLDS, WINDOWS = frozenset({excess, sma, ema}), frozenset({rolling_max, rolling_min, zscore})
# Bars of a block: the first is computed in plain Python, and one that goes on where another ended is twice as long.
SHORTEST, LONGEST = 32, 1024
MODULES = ("columns", "compiled", "indicators_ahead")
# A column as a list, beside the same as an array.
Column = tuple[list[float], Floats]
# Bound anew in the copy of a loop for each indicator.
indicator: Any = None


def with_indicators_ahead(step: Any, columns: Iterable[Column]) -> Any:
    """Return a step that looks up what indicators give of these columns; one that is not pure is left as it is."""
    # Of a copy the globals are others, which a pure step does not tell.
    if not isinstance(step, FunctionType) or any(purity.impurities(step)):
        return step
    known = {id(listed): (listed, figures) for listed, figures in columns}
    twins = {each: _fold_ahead(each, known) for each in FOLDS} | {each: _window_ahead(each, known) for each in WINDOWS}
    return _copy(step, twins) if twins.keys() & reached(step) else step


def _copy(function: FunctionType, twins: dict[Any, Any]) -> FunctionType:
    """Return a function that calls twins of what it calls, itself or through others."""
    names = dict[str, Any]()
    for name, callee in called(function).items():
        below = reached(callee)
        if callee in twins:
            names[name] = twins[callee]
        elif twins.keys() & below and callee not in below:
            names[name] = _copy(callee, twins)
    code, around = function.__code__, function.__globals__ | names
    copy = FunctionType(code, around, function.__name__, function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def _fold_ahead(function: Any, known: dict[int, Column]) -> Callable[..., Any]:
    """Return a twin of an indicator with a state. It looks up what follows the very state that it gave the bar before.

    A block is a column, its first bar, the state before each bar and after the last one, and the value at each.
    """
    # The block that was read last of each length of a window, and the newest one of each column and length.
    last, newest = dict[int, Any](), dict[tuple[int, int], Any]()

    def ahead(state: float, column: list[float], now: int, n: int) -> Any:
        try:
            of, first, states, values = last[n]
            at = now - first
            if states[at] is state and of is column and at >= 0:
                return states[at + 1], values[at]
        except (KeyError, IndexError):
            pass  # There is no block yet, or it has ended.
        return another(state, column, now, n)

    def another(state: float, column: list[float], now: int, n: int) -> Any:
        if not _in_blocks(known, column, now, n) or type(state) is not float:
            return function(state, column, now, n)
        _, first, states, values = newest.get((id(column), n), (column, now, [], []))
        at = now - first
        if not (0 <= at < len(values) and states[at] is state):
            goes_on = 0 < at == len(values) and states[at] is state
            figures = known[id(column)][1][: now + _length(values)] if goes_on else None
            states, values = (
                _alone(function, state, column, now, n)
                if figures is None
                else _folded(function, state, figures, now, n)
            )
            newest[id(column), n] = column, now, states, values
        _, first, states, values = last[n] = newest[id(column), n]
        at = now - first
        return states[at + 1], values[at]

    return ahead


def _window_ahead(function: Any, known: dict[int, Column]) -> Callable[..., Any]:
    """Return a twin of an indicator without a state. A block is a column, its first bar, and the value at each."""
    last, newest = dict[int, Any](), dict[tuple[int, int], Any]()

    def ahead(column: list[float], now: int, n: int) -> Any:
        try:
            of, first, values = last[n]
            at = now - first
            if of is column and at >= 0:
                return values[at]
        except (KeyError, IndexError):
            pass  # There is no block yet, or it has ended.
        return another(column, now, n)

    def another(column: list[float], now: int, n: int) -> Any:
        _, first, values = newest.get((id(column), n), (column, now, []))
        at = now - first
        # What looks back a little further than a block leaves it as it is.
        if at < 0 or not _in_blocks(known, column, now, n):
            return function(column, now, n)
        if at >= len(values):
            figures = known[id(column)][1][: now + _length(values)] if 0 < at == len(values) else None
            values = [function(column, now, n)] if figures is None else _scanned(function, figures, now, n)
            newest[id(column), n] = column, now, values
        _, first, values = last[n] = newest[id(column), n]
        return values[now - first]

    return ahead


def _in_blocks(known: dict[int, Column], column: Any, now: Any, n: Any) -> bool:
    """Return whether compiled code takes these arguments, and reads nothing beyond the column."""
    return id(column) in known and type(now) is type(n) is int and 1 <= n <= now + 1 <= len(column)


def _length(before: list[Any]) -> int:
    """Return the length of the block that follows another."""
    return min(max(2 * len(before), SHORTEST), LONGEST)


def _alone(function: Any, state: float, *arguments: Any) -> tuple[list[float], list[float]]:
    following, value = function(state, *arguments)
    return [state, following], [value]


def _folded(function: Any, state: float, figures: Floats, now: int, n: int) -> tuple[list[float], list[float]]:
    states, values = np.empty(figures.size - now), np.empty(figures.size - now)
    _compiled(function)(state, figures, now, n, states, values)
    return [state, *states.tolist()], values.tolist()


def _scanned(function: Any, figures: Floats, now: int, n: int) -> list[float]:
    values = np.empty(figures.size - now)
    _compiled(function)(figures, now, n, values)
    return values.tolist()


@cache
def _compiled(function: Any) -> Any:
    loop = _fold if function in FOLDS else _scan
    copy = FunctionType(
        loop.__code__, loop.__globals__ | {"indicator": inlined(function)}, f"{function.__name__}_ahead"
    )
    return keep(njit(nogil=True)(copy), MODULES, digest(function))


def _fold(state: float, figures: Floats, now: int, n: int, states: Floats, values: Floats) -> None:
    column = borrow(figures)
    for at in range(states.size):
        state, value = indicator(state, column, now + at, n)
        states[at], values[at] = state, value


def _scan(figures: Floats, now: int, n: int, values: Floats) -> None:
    column = borrow(figures)
    for at in range(values.size):
        values[at] = indicator(column, now + at, n)
