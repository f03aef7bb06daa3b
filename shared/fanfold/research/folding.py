"""A strategy over history: its step compiled into one scan that writes down what it wants at each bar.

What numba cannot compile, and what raises or wants no finite weight, runs as the live leg does, in plain Python.
"""

from collections.abc import Iterator
from functools import cache, partial
from itertools import chain
from math import inf, isfinite
from operator import countOf
from traceback import extract_tb
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
from numba import njit, types
from numba.core.errors import NumbaError
from numba.extending import overload

from fanfold.market.bars import FIGURE_MAX
from fanfold.research.columns import Floats, IntegerBars, StepColumns, borrow, step_columns
from fanfold.research.compile_cache import STRATEGY, keep, step_part
from fanfold.research.compiled import columns_read, inlined
from fanfold.research.indicators_ahead import with_indicators_ahead
from fanfold.research.plain_views import StepViews
from fanfold.signals.legs import Leg
from fanfold.strategy.bars import Bars, Universe
from fanfold.strategy.contract import Protected, Strategy
from fanfold.strategy.loading import attempted
from fanfold.strategy.step_code import fault_of

WEIGHT = 0
# Marks of what a step wants: a figure that is not finite, a protection, one that is no share of the price.
ENDLESS, PROTECTED, UNSOUND = 1, 2, 4
REFUSED_BY_NUMBA = "numba cannot compile it"
# Steps that numba refused, with its reason: to be refused takes it a second.
_refused: dict[Any, str] = {}
# Bars that the leg steps where the one before was no plain number either, as of a step with a protection.
ALONE = 64
# Bars that are stepped at most before what they gave is looked at.
AHEAD = 256
# Bars from which on to load what computes indicators ahead, or once to compile it, takes less time than it saves.
MANY = 50_000
_NUMBERS = frozenset({float, int})
# Bound anew in the copy of a scan for each strategy.
step: Any = None


class Folded(NamedTuple):
    """The target weights of a leg at each of its bars; NaN where it is silent.

    ``wanted`` has four rows: the weight, and the shares at which its position is closed: stop, profit, trail;
    ``protected`` says whether it has any of those. Where the step did not run compiled, ``why_plain`` says why.
    """

    wanted: Floats
    why_plain: str = ""
    protected: bool = False


def fold(strategy: Strategy, members: list[IntegerBars], me: int) -> Folded:
    """Fold a strategy over bars of one instrument, or over those of a universe on common times as its member ``me``."""
    count = members[0].time.size
    if not count:
        return Folded(np.full((4, 0), np.nan))
    # A live leg, which runs what numba cannot compile, goes by the time of its bars.
    columns = step_columns(members, strategy.lookback, columns_read(strategy.step) | {"time"})
    return fold_columns(strategy, columns, me, len(members), count)


def fold_columns(strategy: Strategy, columns: StepColumns, me: int, members: int, count: int) -> Folded:
    """Fold a strategy over so many bars of columns that are padded by its lookback; more may follow them."""
    wanted = np.zeros((4, count))
    why, protected = _compiled(strategy, columns, me, members, wanted)
    if why:
        wanted = _plain(strategy, columns, me, members, count)
        protected = bool(wanted[WEIGHT + 1 :].any())
    # Nothing is said before more bars than the lookback were seen.
    wanted[WEIGHT, : strategy.lookback] = np.nan
    return Folded(wanted, why, protected)


def compiles(strategy: Strategy, count: int) -> bool:
    """Return whether numba compiles a strategy's step for so many instruments; it is compiled, and kept, by asking."""
    bar = np.ones(1, np.int64)
    members = [IntegerBars(bar, bar, bar, bar, bar, bar, 0, 0)] * (count if strategy.cross_sectional else 1)
    columns = step_columns(members, strategy.lookback)
    return not _compiled(strategy, columns, 0, len(members), np.zeros((4, 1)))[0].startswith(REFUSED_BY_NUMBA)


def _compiled(strategy: Strategy, columns: StepColumns, me: int, count: int, wanted: Floats) -> tuple[str, bool]:
    """Write what a step wants; return why it could not be done, or "", and whether it asks for a protection."""
    if strategy.step in _refused:
        return _refused[strategy.step], False
    start = strategy.start(strategy.params)

    def run() -> int:
        scan = _scan_of(strategy.step, cross_sectional=strategy.cross_sectional)
        return int(scan(strategy.params, start, columns, me, count, strategy.lookback, wanted))

    marks = attempted(run)
    if isinstance(marks, BaseException) and (why := why_refused(marks)):
        _refused[strategy.step] = why
        return why, False
    if isinstance(marks, BaseException):
        # Live its leg is silent at that bar alone.
        return f"it raised: {fault_of(marks, strategy.step)}", False
    if marks & ENDLESS:
        return "it wants a weight that is no finite number", False
    # Live its leg is silent at such a bar, too.
    why = "it wants a protection that is no share of the price" if marks & UNSOUND else ""
    return why, bool(marks & PROTECTED)


def why_refused(fault: BaseException) -> str:
    """Return why numba cannot compile a step, or "" where the fault is another one."""
    # Of what it cannot compile, numba raises its own errors, or stumbles.
    stumbled = isinstance(fault, Exception) and "/numba/" in extract_tb(fault.__traceback__)[-1].filename
    return f"{REFUSED_BY_NUMBA}: {_line(fault)}" if stumbled or isinstance(fault, NumbaError) else ""


def _line(refused: BaseException) -> str:
    """Return the line of an error of numba that says what it is about."""
    lines = [line.strip() for line in str(refused).splitlines() if line.strip()]
    return next((line for line in lines if not line.startswith("Failed in")), type(refused).__name__)[:200]


@cache
def _scan_of(step: FunctionType, *, cross_sectional: bool) -> Any:
    scan = _universe_scan if cross_sectional else _bars_scan
    fold_by_step = FunctionType(scan.__code__, scan.__globals__ | {"step": inlined(step)}, "fold")
    return keep(njit(nogil=True)(fold_by_step), STRATEGY, step_part(step))


def _bars_scan(params: Any, state: Any, columns: Any, _me: int, _count: int, padding: int, wanted: Floats) -> int:
    seen, written, marks = borrow(columns), borrow(wanted), 0
    for at in range(written.shape[1]):
        view = Bars(at + padding, seen.time, seen.open, seen.high, seen.low, seen.close, seen.volume)
        state, weight = step(params, state, view)
        marks |= write(written, at, weight)
    return marks


def _universe_scan(params: Any, state: Any, columns: Any, me: int, count: int, padding: int, wanted: Floats) -> int:
    seen, written, marks = borrow(columns), borrow(wanted), 0
    for at in range(written.shape[1]):
        view = Universe(at + padding, me, count, seen.time, seen.open, seen.high, seen.low, seen.close, seen.volume)
        state, weight = step(params, state, view)
        marks |= write(written, at, weight)
    return marks


def write(wanted: Floats, at: int, weight: Any) -> int:
    """Write a weight, bare or protected, in compiled code, and return its marks."""
    raise NotImplementedError


@overload(write, jit_options={"forceinline": True})
def _write(wanted, at, weight):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, ARG001 - numba passes types
    if isinstance(weight, types.BaseNamedTuple):
        return _write_protected
    return _write_bare


def _write_protected(wanted, at, weight):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    wanted[0, at], wanted[1, at] = weight.weight, weight.stop
    wanted[2, at], wanted[3, at] = weight.take_profit, weight.trail
    farthest = max(abs(weight.stop), abs(weight.take_profit), abs(weight.trail))
    endless = not abs(weight.weight) + abs(weight.stop) + abs(weight.take_profit) + abs(weight.trail) < inf
    unsound = min(weight.stop, weight.take_profit, weight.trail) < 0.0 or max(weight.stop, weight.trail) >= 1.0
    return ENDLESS * endless + PROTECTED * (farthest != 0.0) + UNSOUND * unsound


def _write_bare(wanted, at, weight):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    number = weight * 1.0  # True is 1: compiled code makes no float of a bool otherwise.
    wanted[0, at] = number
    return 0 if abs(number) < inf else ENDLESS


def _plain(strategy: Strategy, columns: StepColumns, me: int, count: int, bars: int) -> Floats:
    """Return what the live leg wants at each bar."""
    leg = Leg("research", "research", strategy, "research", me, ("1m", ("research",)))
    views = StepViews(strategy, columns, me, count)
    step = with_indicators_ahead(strategy.step, views.columns()) if bars >= MANY else strategy.step
    state, wanted, at, most = strategy.start(strategy.params), np.zeros((4, bars)), 0, 1
    while at < bars:
        rows = range(at + strategy.lookback, min(at + most, bars) + strategy.lookback)
        states, weights = list[Any](), list[Any]()
        # What it raises, the leg meets again at that bar, and names.
        attempted(partial(_follow, step, strategy.params, state, views.over(rows), states, weights))
        done = _taken(strategy.state, states, weights)
        wanted[WEIGHT, at : at + done] = weights[:done]
        state, at, most = (states[done - 1] if done else state), at + done, min(2 * most, AHEAD)
        if done < len(rows):
            leg.state, most = state, 1
            for bar in range(at, min(at + (1 if done else ALONE), bars)):
                # A leg takes a bar only after an earlier one; times are not made for a step that reads none.
                leg.step(views.at(bar + strategy.lookback), bar + 1)
                state, wanted[:, bar] = leg.state, leg.wanted or Protected(float("nan"))
                at = bar + 1
    return wanted


def _follow(step: Any, params: Any, state: Any, views: Iterator[Any], states: list[Any], weights: list[Any]) -> None:
    """Step bars, and write the state and the weight after each."""
    for view in views:
        state, weight = step(params, state, view)
        states.append(state)
        weights.append(weight)


def _taken(kind: Any, states: list[Any], weights: list[Any]) -> int:
    """Return how many bars, from the first on, gave what a leg takes as it is: numbers as state, and a bare weight."""
    figures = [*weights, *chain.from_iterable(states)] if countOf(map(type, states), kind) == len(states) else []
    # A sum is finite only where all are. Of what is not, and of integers, each is looked at.
    if 0 < len(figures) == countOf(map(type, figures), float) and isfinite(sum(weights)):
        return len(weights)
    for bar, (state, weight) in enumerate(zip(states, weights, strict=True)):
        if type(state) is not kind or not _plain_numbers(weight, *state) or not isfinite(weight):
            return bar
    return len(weights)


def _plain_numbers(*values: Any) -> bool:
    """Return whether a leg takes values as they are: floats, and integers that fit into 64 bits."""
    return _NUMBERS.issuperset(map(type, values)) and all(abs(value) <= FIGURE_MAX for value in values)
