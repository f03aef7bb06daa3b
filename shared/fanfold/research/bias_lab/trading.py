"""The returns of what a strategy wants: filled at the next open, at a cost, and closed by its protection.

Weights are held as shares of the capital, in floats: it is the walk of a statistic, run thousands of times. The account
with its lots, limits and exact money is the back-test's.
"""

from functools import cache
from math import isnan
from typing import Any

import numpy as np
from numba import njit

from fanfold.research.bias_lab.deciding import Decisions
from fanfold.research.bias_lab.market_columns import MarketColumns
from fanfold.research.columns import Floats
from fanfold.strategy.contract import Strategy


def returns_of(strategy: Strategy, bars: MarketColumns, decisions: Decisions, cost: float) -> Floats:
    """Return the return of the whole capital in each bar; ``cost`` is the share of what is traded that it costs."""
    share = 1.0 if strategy.cross_sectional else 1.0 / len(bars.instruments)
    earned = np.zeros(bars.length)
    walk = _compiled()
    for wanted, opened, close, volume in zip(decisions.wanted, bars.open, bars.close, bars.volume, strict=True):
        walk(wanted, opened, close, volume, share, cost, earned)
    return earned


@cache
def _compiled() -> Any:
    return njit(nogil=True)(_walk)


def _walk(
    wanted: Floats, opened: Floats, close: Floats, volume: Floats, share: float, cost: float, earned: Floats
) -> None:
    weight, target, stopped, entry, best = 0.0, 0.0, 0, 0.0, 0.0
    for at in range(close.size):
        moved = weight * (opened[at] / close[at - 1] - 1) if at > 0 else 0.0
        if target != weight and volume[at] > 0:
            moved -= cost * abs(target - weight)
            if target * weight <= 0:
                entry, best = opened[at], opened[at]
            weight = target
        earned[at] += share * (moved + weight * (close[at] / opened[at] - 1))
        side = 1 if weight > 0 else -1 if weight < 0 else 0
        best = max(best, close[at]) if side > 0 else min(best, close[at])
        if not isnan(wanted[0, at]):
            target = wanted[0, at]
        if side != 0:
            gain, fallen = side * (close[at] / entry - 1), side * (close[at] / best - 1)
            stop, profit, trail = wanted[1, at], wanted[2, at], wanted[3, at]
            if (stop > 0 and gain <= -stop) or (profit > 0 and gain >= profit) or (trail > 0 and fallen <= -trail):
                stopped = side
        # Stopped out, it stays out until another side is wanted.
        if stopped * target > 0:
            target = 0.0
        else:
            stopped = 0
