"""The series of a tear sheet's charts: thinned to what a page can show, with the extremes kept."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fanfold.market.timeframes import DAY_S
from fanfold.performance.ratios import DAYS_A_YEAR

Times = NDArray[np.int64]
Values = NDArray[np.float64]
# More than a price needs on a chart, and half of what a float would print.
_DIGITS = 7
# A rolling ratio is of a quarter where there are two of them, else of a month.
_WINDOWS = (90, 30)
# Days, as columns of a chart; a longer run has its months.
_BY_DAY_MAX = 62


class ChartLine(NamedTuple):
    """Values at times, in epoch seconds."""

    at: list[int]
    values: list[float | None]


class Candles(NamedTuple):
    """Bars by columns; ``at`` has their closes in epoch seconds, ``span`` the bars that each stands for."""

    at: list[int]
    open: list[float | None]
    high: list[float | None]
    low: list[float | None]
    close: list[float | None]
    span: int


class MonthRow(NamedTuple):
    """Returns of the months of a year, None where nothing was traded, and of the year."""

    year: int
    returns: list[float | None]
    whole: float


def shown(values: Values) -> list[float | None]:
    """Return values in as many digits as a chart shows; None for what is no number."""
    return [float(f"{value:.{_DIGITS}g}") if np.isfinite(value) else None for value in values.tolist()]


def drawdown(equity: Values) -> Values:
    """Return how far equity is below its highest value so far, as a share of it: 0 or less."""
    peaks = np.maximum.accumulate(equity)
    return np.where(peaks > 0, equity / np.where(peaks > 0, peaks, 1) - 1, 0.0)


def places_to_draw(columns: Sequence[Values], buckets: int) -> NDArray[np.int64]:
    """Return the places to draw: all of them, or first, last, and the extremes of each column in each bucket."""
    count = len(columns[0])
    if count <= 2 * buckets:
        return np.arange(count)
    edges = np.linspace(0, count, buckets + 1).astype(np.int64)
    places = {0, count - 1}
    for column in columns:
        for first, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            places |= {first + int(np.argmin(column[first:end])), first + int(np.argmax(column[first:end]))}
    return np.array(sorted(places), dtype=np.int64)


def months(at: Times, equity: Values, start: float) -> list[MonthRow]:
    """Return the returns of UTC months; a close at midnight belongs to the month that ends."""
    names = (at - 1).astype("datetime64[s]").astype("datetime64[M]")
    last = np.append(np.flatnonzero(names[1:] != names[:-1]), len(names) - 1)
    ends = np.concatenate(([start], equity[last]))
    years: dict[int, dict[int, float]] = {}
    for name, value in zip(names[last].astype(int).tolist(), (ends[1:] / ends[:-1] - 1).tolist(), strict=True):
        years.setdefault(1970 + name // 12, {})[name % 12] = value
    return [
        MonthRow(
            year, [by_month.get(month) for month in range(12)], float(np.prod([1 + v for v in by_month.values()])) - 1
        )
        for year, by_month in years.items()
    ]


def rolling_sharpe(first_day: int, returns: Sequence[float]) -> tuple[ChartLine, int]:
    """Return the Sharpe ratio a year of the days before each midnight, and of how many days; empty for a short run.

    ``first_day`` is the midnight before the first of the daily returns, in epoch seconds.
    """
    days = next((days for days in _WINDOWS if len(returns) >= 2 * days), 0)
    if not days:
        return ChartLine([], []), 0
    windows = np.lib.stride_tricks.sliding_window_view(np.asarray(returns), days)
    deviation = windows.std(axis=1, ddof=1)
    ratio = np.where(deviation > 0, windows.mean(axis=1) / np.where(deviation > 0, deviation, 1), np.nan)
    at = [first_day + (days + n) * DAY_S for n in range(len(ratio))]
    return ChartLine(at, shown(ratio * np.sqrt(DAYS_A_YEAR))), days


def candles(at: Times, bars: Sequence[Values], most: int) -> Candles:
    """Return the bars (open, high, low, close), joined so that there are at most as many."""
    span = max(1, -(-len(at) // most))
    starts = np.arange(0, len(at), span)
    ends = np.minimum(starts + span, len(at)) - 1
    opened, high, low, close = bars
    return Candles(
        at[ends].tolist(),
        shown(opened[starts]),
        shown(np.maximum.reduceat(high, starts)),
        shown(np.minimum.reduceat(low, starts)),
        shown(close[ends]),
        span,
    )


def turnover(at: Times, equity: Values, start: float, traded_at: Times, notional: Values) -> tuple[ChartLine, str]:
    """Return the amount traded in each UTC month, or each day of a short run, as a share of equity before it.

    The second value is the period: day or month. ``start`` is the equity before the first bar.
    """
    unit = "day" if at[-1] - at[0] <= _BY_DAY_MAX * DAY_S else "month"
    code = f"datetime64[{unit[0].upper()}]"
    names = (at - 1).astype("datetime64[s]").astype(code)
    firsts = np.concatenate(([0], np.flatnonzero(names[1:] != names[:-1]) + 1))
    before = np.concatenate(([start], equity[firsts[1:] - 1]))
    periods = names[firsts]
    of = np.searchsorted(periods, (traded_at - 1).astype("datetime64[s]").astype(code))
    traded = np.bincount(of[of < len(periods)], weights=notional[of < len(periods)], minlength=len(periods))
    shares = np.where(before > 0, traded / np.where(before > 0, before, 1), np.nan)
    return ChartLine(periods.astype("datetime64[s]").astype(np.int64).tolist(), shown(shares)), unit
