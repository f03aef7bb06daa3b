"""Folds over more than one average. Each state is a NamedTuple with defaults, which a strategy's State may hold."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from fanfold.indicators.averages import atr, ema, rma, rsi, settling, true_range
from fanfold.indicators.windows import Bands, typical
from fanfold.strategy.bars import Bars

DAY_S = 86_400


class Rsi(NamedTuple):
    """State of ``relative_strength``: the average gain and loss."""

    gain: float = 0.0
    loss: float = 0.0


class Macd(NamedTuple):
    """State of ``macd``: the distances of both averages, and the signal line."""

    fast: float = 0.0
    slow: float = 0.0
    signal: float = 0.0


class Adx(NamedTuple):
    """State of ``adx``: the average range, the average moves up and down, and their strength."""

    span: float = 0.0
    plus: float = 0.0
    minus: float = 0.0
    strength: float = 0.0


class Keltner(NamedTuple):
    """State of ``keltner``: the distance of the average, and the average true range."""

    middle: float = 0.0
    span: float = 0.0


class Supertrend(NamedTuple):
    """State of ``supertrend``: the average true range, the distances from the close to both bands, and the side."""

    span: float = 0.0
    lower: float = 0.0
    upper: float = 0.0
    side: float = 0.0


class Vwap(NamedTuple):
    """State of ``session_vwap``: the UTC day in days since 1970, its notional and its volume."""

    day: int = 0
    notional: float = 0.0
    volume: float = 0.0


def _bars_of_a_day() -> int:
    raise ValueError("session_vwap needs the bars of a day, so write lookback(params), which returns how many they are")


# As LOOKBACKS of the averages.
LOOKBACKS: dict[str, Callable[..., int]] = {
    "relative_strength": lambda n: settling(n, 1),
    "macd": lambda slow, signal: settling(slow + signal, 2),
    "adx": lambda n: settling(n, 0.75),
    "keltner": lambda n: settling(n, 1),
    "supertrend": lambda n: settling(n, 1),
    "session_vwap": _bars_of_a_day,
}


def relative_strength(state: Rsi, column: Sequence[float], now: int, n: int) -> tuple[Rsi, float]:
    """``rsi`` with its two states in one; lookback ``settling(n, 1)``."""
    gain, loss, index = rsi(state.gain, state.loss, column, now, n)
    return Rsi(gain, loss), index


def macd(
    state: Macd, column: Sequence[float], now: int, fast: int, slow: int, signal: int
) -> tuple[Macd, float, float]:
    """Difference of two exponential averages, and its signal line; lookback ``settling(slow + signal, 2)``."""
    quick, _ = ema(state.fast, column, now, fast)
    slack, _ = ema(state.slow, column, now, slow)
    # Both averages are the newest value plus a distance.
    line = quick - slack
    smoothed = state.signal + (line - state.signal) * 2.0 / (signal + 1)
    return Macd(quick, slack, smoothed), line, smoothed


def adx(state: Adx, bars: Bars, n: int) -> tuple[Adx, float, float, float]:
    """Wilder's average directional index, +DI and -DI, all from 0 to 100; lookback ``settling(n, 0.75)``."""
    now = bars.now
    up, down = bars.high[now] - bars.high[now - 1], bars.low[now - 1] - bars.low[now]
    span = rma(state.span, true_range(bars.high, bars.low, bars.close, now), n)
    plus = rma(state.plus, up if up > max(down, 0.0) else 0.0, n)
    minus = rma(state.minus, down if down > max(up, 0.0) else 0.0, n)
    moved = plus + minus
    index = rma(state.strength, 100.0 * abs(plus - minus) / moved if moved > 0.0 else 0.0, n)
    # Without any range there was no move either.
    scale = 100.0 / span if span > 0.0 else 0.0
    return Adx(span, plus, minus, index), index, plus * scale, minus * scale


def keltner(state: Keltner, bars: Bars, n: int, width: float) -> tuple[Keltner, Bands]:
    """Exponential average of closes, and ``width`` average true ranges to either side; lookback ``settling(n, 1)``."""
    behind, middle = ema(state.middle, bars.close, bars.now, n)
    span = atr(state.span, bars, n)
    return Keltner(behind, span), Bands(middle - width * span, middle, middle + width * span)


def supertrend(state: Supertrend, bars: Bars, n: int, width: float) -> tuple[Supertrend, float, float]:
    """The side, 1 above the line and -1 below, and the line; lookback ``settling(n, 1)``.

    Bands lie ``width`` average true ranges from the middle of the bar and only narrow, until a close is beyond them.
    The line is the lower band in a rise and the upper one in a fall; a close beyond it turns the side.
    """
    now, price, before = bars.now, bars.close[bars.now], bars.close[bars.now - 1]
    span = atr(state.span, bars, n)
    middle = (bars.high[now] + bars.low[now]) / 2.0
    lower, upper = middle - width * span, middle + width * span
    if state.lower < 0.0:
        lower = max(lower, before + state.lower)
    if state.upper > 0.0:
        upper = min(upper, before + state.upper)
    side = (-1.0 if price < lower else 1.0) if state.side > 0.0 else 1.0 if price > upper else -1.0
    return Supertrend(span, lower - price, upper - price, side), side, lower if side > 0.0 else upper


def session_vwap(state: Vwap, bars: Bars) -> tuple[Vwap, float]:
    """Mean typical price of the UTC day so far weighted by volume; lookback the bars of a day.

    A bar that closes at midnight is the last of its day.
    """
    now = bars.now
    day = int((bars.time[now] - 1) / DAY_S)
    price = typical(bars, now)
    notional = price * bars.volume[now] + (state.notional if day == state.day else 0.0)
    volume = bars.volume[now] + (state.volume if day == state.day else 0.0)
    return Vwap(day, notional, volume), notional / volume if volume > 0.0 else price
