"""The decisions of a strategy at each bar, by its step compiled into one scan, or plain where numba cannot."""

from functools import cache
from types import FunctionType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numba.core.errors import NumbaError

from fanfold.research.compiled import compile_step
from fanfold.research.verdict.market_columns import Floats, MarketColumns, view
from fanfold.signals.legs import Leg
from fanfold.strategy import loading
from fanfold.strategy.contract import Bars, Protected, Strategy, Universe

WEIGHT = 0
# Bound for each strategy before its scan is compiled.
step: Any = None
look: Any = None
put: Any = None


class Decisions(NamedTuple):
    """Decisions by instrument, four rows (weight, stop, take-profit, trail), and bar; NaN where it is silent."""

    wanted: Floats
    compiled: bool


def decide(strategy: Strategy, bars: MarketColumns, beyond: float = 1.0) -> Decisions:
    """Step over the bars as each instrument's leg does; before more bars than the lookback were seen it is silent.

    What a step sees past the last bar is that one times ``beyond``.
    """
    wanted = np.zeros((len(bars.instruments), 4, bars.length))
    compiled = True
    for me, rows in enumerate(wanted):
        seen = view(strategy, bars, me, beyond)
        compiled = compiled and _compiled(strategy, seen, rows)
        if not compiled:
            _plain(strategy, seen, rows)
        rows[:, : strategy.lookback] = np.nan
    return Decisions(wanted, compiled)


def _compiled(strategy: Strategy, seen: Bars | Universe, wanted: Floats) -> bool:
    """Write what is wanted; return False where the step cannot be compiled, raises, or wants no finite number."""
    first = loading.attempted(lambda: strategy.step(strategy.params, strategy.start(strategy.params), seen))
    if not isinstance(first, tuple):
        return False
    protected = isinstance(first[1], Protected)
    scan = _scan_of(strategy.step, cross_sectional=strategy.cross_sectional, protected=protected)
    start = strategy.start(strategy.params)
    try:
        scan(strategy.params, start, seen, wanted)
    except (NumbaError, ArithmeticError, LookupError, ValueError, TypeError, RuntimeError, AssertionError):
        # Plain, the leg is silent at that bar alone.
        return False
    return bool(np.isfinite(wanted).all())


@cache
def _scan_of(step: FunctionType, *, cross_sectional: bool, protected: bool) -> Any:
    bound = {
        "step": compile_step(SimpleNamespace(step=step)),  # type: ignore[arg-type]
        "look": njit(forceinline=True)(_universe if cross_sectional else _bars),
        "put": njit(forceinline=True)(_put_protected if protected else _put_bare),
    }
    return njit(FunctionType(_scan.__code__, _scan.__globals__ | bound, "decide"))


def _scan(params: Any, state: Any, seen: Any, wanted: Floats) -> None:
    for at in range(wanted.shape[1]):
        state, weight = step(params, state, look(seen, seen.now + at))
        put(wanted, at, weight)


def _bars(seen: Bars, now: int) -> Bars:
    return Bars(now, seen.time, seen.open, seen.high, seen.low, seen.close, seen.volume)


def _universe(seen: Universe, now: int) -> Universe:
    return Universe(now, seen.me, seen.count, seen.time, seen.open, seen.high, seen.low, seen.close, seen.volume)


def _put_bare(wanted: Floats, at: int, weight: float) -> None:
    wanted[0, at] = weight


def _put_protected(wanted: Floats, at: int, weight: Protected) -> None:
    wanted[0, at], wanted[1, at] = weight.weight, weight.stop
    wanted[2, at], wanted[3, at] = weight.take_profit, weight.trail


def _plain(strategy: Strategy, seen: Bars | Universe, wanted: Floats) -> None:
    lists = {name: getattr(seen, name).tolist() for name in ("time", "open", "high", "low", "close", "volume")}
    me = getattr(seen, "me", 0)
    leg = Leg("verdict", "verdict", strategy, "verdict", me, ("1m", ("verdict",)))
    for at in range(wanted.shape[1]):
        leg.step(seen._replace(now=seen.now + at, **lists), lists["time"][seen.now + at])
        wanted[:, at] = leg.wanted or Protected(float("nan"))
