"""Ratios of an equity series in a market of 365 days, with a risk-free rate of 0; docs/report.md has the formulas."""

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import pairwise
from statistics import fmean, stdev

import msgspec

from fanfold.market.timeframes import DAY_S
from fanfold.money import ZERO, ratio

DAYS_A_YEAR = 365
RETURNS_MIN = 10
CAGR_DAYS_MIN = 30


class EquityPoint(msgspec.Struct, frozen=True):
    """The value of the accounts at a time, in epoch seconds."""

    at: int
    equity: Decimal


class Drawdown(msgspec.Struct, frozen=True, kw_only=True):
    """The deepest fall from a peak, as a share of it; ``recovered`` is None while equity is below that peak."""

    share: Decimal
    peak: int
    low: int
    recovered: int | None


def daily_returns(points: Sequence[EquityPoint]) -> list[float]:
    """Return the returns of whole UTC days, from midnight to midnight; a day without a point returned 0."""
    if not points:
        return []
    midnights = range(-(-points[0].at // DAY_S) * DAY_S, points[-1].at + 1, DAY_S)
    levels, place = [], 0
    for midnight in midnights:
        while place + 1 < len(points) and points[place + 1].at <= midnight:
            place += 1
        levels.append(points[place].equity)
    return [float(ratio(now, before)) - 1 for before, now in pairwise(levels) if before > 0]


def sharpe(returns: Sequence[float]) -> float | None:
    """Return the annualised Sharpe ratio of daily returns; None where there are too few, or they do not differ."""
    if len(returns) < RETURNS_MIN or not (deviation := stdev(returns)):
        return None
    return fmean(returns) / deviation * math.sqrt(DAYS_A_YEAR)


def sortino(returns: Sequence[float]) -> float | None:
    """Return the annualised Sortino ratio of daily returns; None where there are too few, or none is below 0."""
    if len(returns) < RETURNS_MIN or not (downside := math.sqrt(fmean(min(value, 0.0) ** 2 for value in returns))):
        return None
    return fmean(returns) / downside * math.sqrt(DAYS_A_YEAR)


def volatility(returns: Sequence[float]) -> float | None:
    """Return the annualised sample deviation of daily returns; None where there are too few."""
    return stdev(returns) * math.sqrt(DAYS_A_YEAR) if len(returns) >= RETURNS_MIN else None


def calmar(growth: float | None, fall: "Drawdown | None") -> float | None:
    """Return the growth of a year over the deepest fall; None where either is missing."""
    return None if growth is None or fall is None else growth / float(fall.share)


def cagr(points: Sequence[EquityPoint]) -> float | None:
    """Return the compound annual growth rate; None below CAGR_DAYS_MIN days, or where nothing was left to grow."""
    days = (points[-1].at - points[0].at) / DAY_S if points else 0.0
    if days < CAGR_DAYS_MIN or points[0].equity <= 0 or points[-1].equity <= 0:
        return None
    growth = DAYS_A_YEAR / days * math.log(float(ratio(points[-1].equity, points[0].equity)))
    # A rate that no float holds says nothing.
    return math.expm1(growth) if growth < math.log(1e12) else None


def max_drawdown(points: Iterable[EquityPoint]) -> Drawdown | None:
    """Return the deepest fall from a peak; None where equity never fell."""
    peak: EquityPoint | None = None
    deepest: Drawdown | None = None
    level = ZERO
    for point in points:
        if deepest and deepest.recovered is None and point.equity >= level:
            deepest = msgspec.structs.replace(deepest, recovered=point.at)
        if peak is None or point.equity >= peak.equity:
            peak = point
        elif peak.equity > 0:
            share = ratio(peak.equity - point.equity, peak.equity)
            if deepest is None or share > deepest.share:
                deepest, level = Drawdown(share=share, peak=peak.at, low=point.at, recovered=None), peak.equity
    return deepest
