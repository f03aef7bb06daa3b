"""Indicators: pure functions to call from a strategy's step, compiled or not with equal results.

A fold takes its state first and gives the next one first; every state starts at zero. That is right because states hold
distances to the newest value and columns are padded in front with the first bar, so at the first bar the distance is 0.
What needs no state scans its window. The window of n bars ends at ``now``, so it reads n - 1 bars before now.
"""

from fanfold.indicators.averages import atr, ema, excess, rma, rsi, settling, sma, steps, true_range, whole
from fanfold.indicators.trends import (
    Adx,
    Keltner,
    Macd,
    Rsi,
    Supertrend,
    Vwap,
    adx,
    keltner,
    macd,
    relative_strength,
    session_vwap,
    supertrend,
)
from fanfold.indicators.windows import (
    Bands,
    bollinger,
    cci,
    donchian,
    hedge,
    obv,
    reversal,
    roc,
    rolling_max,
    rolling_min,
    stochastic,
    typical,
    vwap,
    williams,
    zscore,
)

__all__ = [
    "Adx",
    "Bands",
    "Keltner",
    "Macd",
    "Rsi",
    "Supertrend",
    "Vwap",
    "adx",
    "atr",
    "bollinger",
    "cci",
    "donchian",
    "ema",
    "excess",
    "hedge",
    "keltner",
    "macd",
    "obv",
    "relative_strength",
    "reversal",
    "rma",
    "roc",
    "rolling_max",
    "rolling_min",
    "rsi",
    "session_vwap",
    "settling",
    "sma",
    "steps",
    "stochastic",
    "supertrend",
    "true_range",
    "typical",
    "vwap",
    "whole",
    "williams",
    "zscore",
]
