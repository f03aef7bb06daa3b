"""Warm-up: an indicator that has not forgotten where it started when the strategy first speaks.

The states of a leg that starts with just its lookback are compared with those of one that has run for much longer. A
state that changes at most bars is an indicator; what changes seldom remembers a position, and may differ.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fanfold.research.bias_lab.finding import Finding, failed, passed, unmeasured
from fanfold.research.bias_lab.market_columns import MarketColumns, columns_of
from fanfold.research.columns import Floats, Integers
from fanfold.signals.legs import Leg
from fanfold.strategy import states
from fanfold.strategy.bars import Bars, Universe
from fanfold.strategy.contract import Strategy

NAME = "warm-up"
STARTS, LONGER = 8, 10
# Bars after the first decision that are compared, where there are five times as many.
AFTER_MIN, AFTER_MAX = 240, 1_500
# Reads of a check in plain Python, where each step reads as far back as its lookback.
READS_MAX = 20_000_000
# In standard deviations of the state.
UNSETTLED, SETTLED = 0.01, 0.001
OFTEN = 0.5


class Spans(NamedTuple):
    """Bars of a comparison: before its first decision of a fresh and of a long run, and from there on."""

    fresh: int
    long: int
    after: int

    @property
    def whole(self) -> int:
        return self.long + self.after


def check(strategy: Strategy, bars: MarketColumns) -> Finding:
    """Return whether a longer warm-up changes what the strategy knows and wants at its first bars."""
    spans = _spans(strategy.lookback, bars.length)
    if bars.length < spans.whole + STARTS:
        needed = spans.whole + STARTS
        return unmeasured(NAME, f"{bars.length:,} bars do not hold a longer warm-up", f"Give {needed:,} bars.")
    firsts = np.linspace(spans.long, bars.length - spans.after, STARTS).astype(int).tolist()
    longs = np.stack([_run(strategy, bars.part(at - spans.long, at + spans.after)) for at in firsts])
    fresh = np.stack([_run(strategy, bars.part(at - spans.fresh, at + spans.after)) for at in firsts])
    late, early = longs[:, spans.long :], fresh[:, spans.fresh :]
    differ = int((late[:, :, -1] != early[:, :, -1]).any(axis=1).sum())
    deviations = longs.std(axis=1, keepdims=True)
    # By bar and state, of the typical start.
    off = np.median(np.abs(late - early) / np.where(deviations > 0, deviations, np.inf), axis=0)
    names = _names(strategy)
    counts = _counts(longs) & (late != early).all(axis=(0, 1))
    if counts.any() and differ:
        return _counting([name for name, rises in zip(names, counts, strict=True) if rises], differ)
    fixed = (longs == longs[:, -1:]).all(axis=(0, 1)) & (late != early).all(axis=(0, 1))
    if fixed.any() and differ:
        return _anchored([name for name, still in zip(names, fixed, strict=True) if still], differ)
    unsettled = np.flatnonzero(_moves(longs) & (off[0] > UNSETTLED))
    if not unsettled.size or not differ:
        return passed(NAME, "a much longer warm-up leaves each indicator as it is")
    return _unsettled(strategy, names, off, unsettled, differ)


def _spans(lookback: int, bars: int) -> Spans:
    after = min(max(AFTER_MIN, bars // 5), AFTER_MAX)
    affordable = READS_MAX // (2 * STARTS * (lookback + 1)) - after
    return Spans(lookback, lookback + max(min(LONGER * lookback + after, affordable), AFTER_MIN), after)


def _moves(longs: Floats) -> NDArray[np.bool_]:
    """Return which states change at most bars, other than in whole steps, as counters do."""
    often = (np.diff(longs, axis=1) != 0).mean(axis=(0, 1)) > OFTEN
    moves: NDArray[np.bool_] = often & (longs != np.round(longs)).any(axis=(0, 1))
    return moves


def _counts(longs: Floats) -> NDArray[np.bool_]:
    """Return which states rise or fall by the same whole step at every bar."""
    steps = np.diff(longs, axis=1)
    counts: NDArray[np.bool_] = ((steps == steps[:, :1]) & (steps != 0) & (steps == np.round(steps))).all(axis=(0, 1))
    return counts


def _counting(names: list[str], differ: int) -> Finding:
    measured = (
        f"{', '.join(names)} of State counts from the first bar, whichever that is, and {differ} of {STARTS} starts "
        "decide differently"
    )
    return failed(NAME, measured, "Take the place in a cycle from bars.time, which is the same for every start.")


def _anchored(names: list[str], differ: int) -> Finding:
    measured = (
        f"{', '.join(names)} of State keeps what it was at the first bar, whichever that is, and {differ} of {STARTS} "
        "starts decide differently"
    )
    return failed(NAME, measured, "Measure from a bar that moves along, such as bars.close[bars.now - n].")


def _unsettled(strategy: Strategy, names: list[str], off: Floats, unsettled: Integers, differ: int) -> Finding:
    worst = int(unsettled[off[0, unsettled].argmax()])
    last = max(int(np.flatnonzero(off[:, place] > SETTLED)[-1]) + 1 for place in unsettled)
    wanted = strategy.lookback + last
    measured = (
        f"{names[worst]} is {off[0, worst]:.2g} standard deviations off where the lookback of {strategy.lookback:,} "
        f"ends, and {differ} of {STARTS} starts decide differently"
    )
    many = f"{wanted:,}" if last < len(off) else f"more than {wanted:,}"
    change = f"Let lookback(params) return {many}."
    return failed(NAME, measured, change, off=float(off[0, worst]), lookback_min=wanted)


def _names(strategy: Strategy) -> list[str]:
    """Return the names of the numbers of a state, and of the weight behind them."""
    names = [name for name, _ in states.shape(strategy.state)]
    leaves = [name for name in names if not any(other.startswith(f"{name}.") for other in names)]
    return [*leaves, "the weight"]


def _run(strategy: Strategy, bars: MarketColumns) -> Floats:
    """Return the numbers of the first instrument's state after each bar, the weight behind them."""
    columns = columns_of(strategy, bars, 0)
    times, *lists = (column.tolist() for column in columns)
    view = partial(Universe, me=0, count=len(bars.instruments)) if strategy.cross_sectional else Bars
    prices = dict(zip(columns._fields[1:], lists, strict=True))
    leg = Leg("verdict", "verdict", strategy, "verdict", 0, ("1m", ("verdict",)))
    rows = []
    for now in range(strategy.lookback, strategy.lookback + bars.length):
        leg.step(view(now=now, time=times, **prices), times[now])
        state = strategy.start(strategy.params) if leg.state is None else leg.state
        rows.append([*states.numbers(state), leg.wanted.weight if leg.wanted else 0.0])
    return np.array(rows, dtype=float)
