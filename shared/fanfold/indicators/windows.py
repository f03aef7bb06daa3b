"""Indicators that scan their window. A window of n bars ends at ``now``, so it reads n - 1 bars before now."""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

from fanfold.strategy.bars import Bars


class Bands(NamedTuple):
    """A channel of prices."""

    lower: float
    middle: float
    upper: float


def zscore(column: Sequence[float], now: int, n: int) -> float:
    """Standard deviations (of the population) from the mean of the last n values to the newest; 0 where none moved."""
    total, squares, newest = 0.0, 0.0, column[now]
    # Seen from the newest value a flat window is exactly zero, and nothing large cancels.
    for i in range(now - n + 1, now):
        away = column[i] - newest
        total += away
        squares += away * away
    variance = (squares - total * total / n) / n
    return -total / n / sqrt(variance) if variance > 0.0 else 0.0


def hedge(y: Sequence[float], x: Sequence[float], now: int, n: int) -> tuple[float, float]:
    """Slope of the least-squares line of y on x over the last n bars, and today's residual in standard deviations.

    Both are 0 where x did not move; the residual is 0 where the line is exact.
    """
    sx, sy, sxx, sxy, syy = 0.0, 0.0, 0.0, 0.0, 0.0
    newest_x, newest_y = x[now], y[now]
    for i in range(now - n + 1, now):
        dx, dy = x[i] - newest_x, y[i] - newest_y
        sx += dx
        sy += dy
        sxx += dx * dx
        sxy += dx * dy
        syy += dy * dy
    vx, vy, vxy = sxx - sx * sx / n, syy - sy * sy / n, sxy - sx * sy / n
    slope = vxy / vx if vx > 0.0 else 0.0
    unexplained = vy - slope * vxy
    # What is left of an exact line is rounding, not a spread.
    return slope, (slope * sx - sy) / n / sqrt(unexplained / n) if unexplained > 1e-12 * vy else 0.0


def reversal(side: float, z: float, entry: float, leave: float) -> float:
    """The side (-1, 0, 1) of a bet that z returns to 0: taken beyond ``entry``, left at ``leave`` on the way in."""
    if z > entry:
        return -1.0
    if z < -entry:
        return 1.0
    return 0.0 if side * z > -leave else side


def rolling_max(column: Sequence[float], now: int, n: int) -> float:
    """Highest of the last n values."""
    top = column[now]
    for i in range(now - n + 1, now):
        value = column[i]
        if value > top:  # noqa: PLR1730 - max would take four times as long
            top = value
    return top


def rolling_min(column: Sequence[float], now: int, n: int) -> float:
    """Lowest of the last n values."""
    bottom = column[now]
    for i in range(now - n + 1, now):
        value = column[i]
        if value < bottom:  # noqa: PLR1730 - min would take four times as long
            bottom = value
    return bottom


def bollinger(column: Sequence[float], now: int, n: int, width: float) -> Bands:
    """Mean of the last n values, and ``width`` standard deviations (of the population) to either side."""
    total, squares = 0.0, 0.0
    for i in range(now - n + 1, now):
        away = column[i] - column[now]
        total += away
        squares += away * away
    middle, deviation = column[now] + total / n, sqrt(max(squares - total * total / n, 0.0) / n)
    return Bands(middle - width * deviation, middle, middle + width * deviation)


def donchian(bars: Bars, n: int) -> Bands:
    """Lowest low and highest high of the n bars before now: a close can be beyond them. Reads n bars before now."""
    lower, upper = rolling_min(bars.low, bars.now - 1, n), rolling_max(bars.high, bars.now - 1, n)
    return Bands(lower, (lower + upper) / 2, upper)


def roc(column: Sequence[float], now: int, n: int) -> float:
    """Rate of change over n bars, in percent. Reads n bars before now."""
    return 100.0 * (column[now] - column[now - n]) / column[now - n]


def stochastic(bars: Bars, n: int, smooth: int, signal: int) -> tuple[float, float]:
    """%K, the mean of ``smooth`` raw values over n bars, and %D, the mean of ``signal`` values of %K; 0 to 100.

    Reads n + smooth + signal - 3 bars before now.
    """
    k, d = 0.0, 0.0
    for back in range(smooth + signal - 1):
        raw = 100.0 + williams(bars, bars.now - back, n)
        k += raw if back < smooth else 0.0
        d += raw * min(back + 1, smooth, signal, smooth + signal - 1 - back)
    return k / smooth, d / smooth / signal


def williams(bars: Bars, now: int, n: int) -> float:
    """Williams %R of the n bars up to ``now``: -100 at their low, 0 at their high, -50 where they stood still."""
    low, high = rolling_min(bars.low, now, n), rolling_max(bars.high, now, n)
    return -100.0 * (high - bars.close[now]) / (high - low) if high > low else -50.0


def typical(bars: Bars, now: int) -> float:
    """Mean of high, low and close."""
    return (bars.high[now] + bars.low[now] + bars.close[now]) / 3.0


def cci(bars: Bars, n: int) -> float:
    """Commodity channel index of typical prices; 0 where they stood still."""
    newest = typical(bars, bars.now)
    total = 0.0
    for i in range(bars.now - n + 1, bars.now):
        total += typical(bars, i) - newest
    mean, deviation = total / n, 0.0
    for i in range(bars.now - n + 1, bars.now + 1):
        deviation += abs(typical(bars, i) - newest - mean)
    return -mean * n / (0.015 * deviation) if deviation > 0.0 else 0.0


def vwap(bars: Bars, n: int) -> float:
    """Mean typical price of the last n bars weighted by volume; the newest one where nothing was traded."""
    newest = typical(bars, bars.now)
    total, volume = 0.0, bars.volume[bars.now]
    for i in range(bars.now - n + 1, bars.now):
        total += (typical(bars, i) - newest) * bars.volume[i]
        volume += bars.volume[i]
    return newest + total / volume if volume > 0.0 else newest


def obv(bars: Bars, n: int) -> float:
    """Change of the on-balance volume over the last n bars: volume of rises less that of falls. Reads n bars before."""
    total = 0.0
    for i in range(bars.now - n + 1, bars.now + 1):
        change = bars.close[i] - bars.close[i - 1]
        total += bars.volume[i] if change > 0.0 else -bars.volume[i] if change < 0.0 else 0.0
    return total
