"""Averages as folds. A fold takes its state first and gives the next one first; every state starts at zero."""

from collections.abc import Callable, Sequence

from fanfold.strategy.bars import Bars

# A float of this size has no digits behind the point: adding and taking it away again rounds to a whole number.
_WHOLE = 1.5 * 2.0**52
# Sums of whole numbers are exact up to here and a little further.
_EXACT = 2.0**52
# A state is carried forward below this: what is added to it is exact, too.
_FORWARD = 2.0**51


def settling(n: int, weight: float) -> int:
    """Bars until a recursive average, in which a value counts ``weight / n`` at first, has forgotten where it started.

    After 14 time constants the start counts for less than e**-14, a millionth. Weight is 2 for ema, 1 for rma.
    """
    return int(14 * n / weight) + 1


# The bars before now that a recursive indicator needs, of its arguments by name.
LOOKBACKS: dict[str, Callable[..., int]] = {
    "ema": lambda n: settling(n, 2),
    "rma": lambda n: settling(n, 1),
    "atr": lambda n: settling(n, 1),
    "rsi": lambda n: settling(n, 1),
}


def steps(price: float) -> float:
    """Steps to the unit in which a price has 12 or 13 digits: a power of ten, from 1 to 1e22.

    >>> steps(64_000.0), steps(1.2e-9)
    (100000000.0, 1e+20)
    """
    # Most prices are told by two comparisons: compiled, steps take half the time of an average.
    if price < 10.0:
        return 1e12 if price >= 0.1 else _steps_of_any(price)
    if price < 1e3:
        return 1e10
    return 1e8 if price < 1e5 else _steps_of_any(price)


def _steps_of_any(price: float) -> float:
    steps = 1e10
    if price * steps < 1e11:
        for _ in range(6):
            steps *= 100.0 if price * steps < 1e11 else 1.0
    elif price * steps >= 1e13:
        for _ in range(5):
            steps /= 100.0 if price * steps >= 1e13 else 1.0
    return steps


def whole(price: float, unit: float) -> float:
    """A price in whole steps, ``unit`` of them to 1: exact for a decimal price that has no more digits than that."""
    return price * unit + _WHOLE - _WHOLE


def excess(state: float, column: Sequence[float], now: int, n: int) -> tuple[float, float]:
    """Return the sum of the last n values less n times the newest, in steps of the newest; it never drifts.

    So a tie is a tie, whatever the size of the prices. Reads n - 1 bars before now, and at least one.
    """
    price = column[now]
    unit = steps(price)
    # As ``whole`` does it: in plain Python its three calls take a tenth of a step's time.
    newest, before = price * unit + _WHOLE - _WHOLE, column[now - 1] * unit
    oldest, moved = column[now - n + 1] * unit + _WHOLE - _WHOLE, (n - 1) * (before + _WHOLE - _WHOLE - newest)
    if -_FORWARD < state < _FORWARD and -_EXACT < moved < _EXACT and 1e11 <= before < 1e13:
        # The state takes one addition, which the next bar waits for; the rest is ready before.
        return state + (moved + (newest - oldest)), state + moved
    # In other steps than before, or beyond what is exact: counted anew.
    total = 0.0
    for i in range(now - n + 1, now):
        total += whole(column[i], unit) - newest
    return (total + (newest - oldest) if abs(total) < _EXACT else total), total


def sma(state: float, column: Sequence[float], now: int, n: int) -> tuple[float, float]:
    """Simple moving average."""
    following, total = excess(state, column, now, n)
    return following, column[now] + total / n / steps(column[now])


def ema(state: float, column: Sequence[float], now: int, n: int) -> tuple[float, float]:
    """Exponential moving average with weight 2 / (n + 1), started at the first value; see settling."""
    behind = (state + column[now - 1] - column[now]) * (n - 1) / (n + 1)
    return behind, column[now] + behind


def rma(state: float, value: float, n: int) -> float:
    """Wilder's average with weight 1 / n, which is its own state and starts at 0; see settling."""
    return state + (value - state) / n


def true_range(high: Sequence[float], low: Sequence[float], close: Sequence[float], now: int) -> float:
    """The bar's range, stretched to the close before it."""
    return max(high[now], close[now - 1]) - min(low[now], close[now - 1])


def atr(state: float, bars: Bars, n: int) -> float:
    """Wilder's average true range, which is its own state; see settling."""
    return rma(state, true_range(bars.high, bars.low, bars.close, bars.now), n)


def rsi(gain: float, loss: float, column: Sequence[float], now: int, n: int) -> tuple[float, float, float]:
    """Wilder's relative strength index, 0 to 100 and 50 where nothing moved, behind its two states; see settling."""
    change = column[now] - column[now - 1]
    gain = rma(gain, max(change, 0.0), n)
    loss = rma(loss, max(-change, 0.0), n)
    return gain, loss, 100.0 * gain / (gain + loss) if gain + loss > 0.0 else 50.0
