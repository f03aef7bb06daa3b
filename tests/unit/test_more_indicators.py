"""Bands, oscillators and trends against TA-Lib, or against the plain formula where it has none; pure and finite."""

import inspect
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.feather
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from numpy.typing import NDArray

from fanfold import indicators
from fanfold.indicators import Adx, Keltner, Macd, Rsi, Supertrend, Vwap
from fanfold.research import compiled
from fanfold.strategy.bars import Bars

Column = NDArray[np.float64]
ROOT = Path(__file__).resolve().parents[2]
RECORDED = ROOT.parent / "shared/data/candles_1h/binance_ETHUSDT_1h_2024-01_2024-09.feather"
PAD = 90
N = 14
COUNT = 1500
FIELDS = ("open", "high", "low", "close", "volume")
Series = dict[str, Column]

# Each as a step over bars: its state before the first bar, the function, and the bars that it needs before now.
FOLDS: dict[str, tuple[Any, Callable[[Any, Bars], tuple[Any, ...]], int]] = {
    "macd": (Macd(), lambda s, b: indicators.macd(s, b.close, b.now, 12, 26, 9), indicators.settling(35, 2)),
    "adx": (Adx(), lambda s, b: indicators.adx(s, b, N), indicators.settling(N, 0.75)),
    "keltner": (Keltner(), lambda s, b: indicators.keltner(s, b, N, 2.0), indicators.settling(N, 1)),
    "relative_strength": (
        Rsi(), lambda s, b: indicators.relative_strength(s, b.close, b.now, N), indicators.settling(N, 1)
    ),
    "supertrend": (Supertrend(), lambda s, b: indicators.supertrend(s, b, 10, 3.0), indicators.settling(10, 1)),
    "session_vwap": (Vwap(), indicators.session_vwap, 24),
}  # fmt: skip
WINDOWS: dict[str, tuple[Callable[[Bars], Any], int]] = {
    "bollinger": (lambda b: indicators.bollinger(b.close, b.now, N, 2.0), N - 1),
    "donchian": (lambda b: indicators.donchian(b, N), N),
    "roc": (lambda b: indicators.roc(b.close, b.now, N), N),
    "stochastic": (lambda b: indicators.stochastic(b, N, 3, 5), N + 3 + 5 - 3),
    "williams": (lambda b: indicators.williams(b, b.now, N), N - 1),
    "cci": (lambda b: indicators.cci(b, N), N - 1),
    "vwap": (lambda b: indicators.vwap(b, N), N - 1),
    "obv": (lambda b: indicators.obv(b, N), N),
}


def walk() -> Series:
    chance = np.random.default_rng(21)
    close = np.round(100 * np.exp(np.cumsum(chance.normal(0, 0.01, COUNT))), 2)
    up, down = chance.uniform(0, 0.5, (2, COUNT))
    high, low = np.round(close + up, 2), np.round(close - down, 2)
    return dict(zip(FIELDS, (close, high, low, close, chance.uniform(1, 9, COUNT)), strict=True))


def recorded() -> Series:
    if not RECORDED.exists():
        pytest.skip("the recorded bars are not beside the repository")
    table = pyarrow.feather.read_table(RECORDED, memory_map=False)
    return {name: table[name].to_numpy()[:COUNT] for name in FIELDS}


@pytest.fixture(params=[walk, recorded], ids=["walk", "recorded"])
def series(request: pytest.FixtureRequest) -> Series:
    columns: Series = request.param()
    return columns


def padded(series: Series) -> Bars:
    columns = [[float(series[name][0])] * PAD + series[name].tolist() for name in FIELDS]
    times = [3600] * PAD + [3600 * (at + 1) for at in range(len(series["close"]))]
    return Bars(PAD, times, *columns)


def folded(name: str, bars: Bars) -> Column:
    state, work, _ = FOLDS[name]
    rows = []
    for now in range(PAD, len(bars.close)):
        state, *values = work(state, bars._replace(now=now))
        rows.append(np.hstack(values))
    return np.array(rows)


def scanned(name: str, bars: Bars) -> Column:
    work, _ = WINDOWS[name]
    return np.array([np.hstack([work(bars._replace(now=now))]).ravel() for now in range(PAD, len(bars.close))])


def agree(ours: Column, theirs: Sequence[Column], since: int, tolerance: float) -> None:
    expected = np.array(theirs).T[since:]
    np.testing.assert_allclose(ours[since:], expected, atol=tolerance * np.abs(expected).max())


def test_macd_equals_ta_lib_once_settled(series: Series) -> None:
    line, signal, _ = talib.MACD(series["close"], 12, 26, 9)
    agree(folded("macd", padded(series)), [line, signal], FOLDS["macd"][2], 1e-5)


def test_adx_equals_ta_lib_once_settled(series: Series) -> None:
    bars = series["high"], series["low"], series["close"]
    theirs = [talib.ADX(*bars, N), talib.PLUS_DI(*bars, N), talib.MINUS_DI(*bars, N)]
    agree(folded("adx", padded(series)), theirs, FOLDS["adx"][2], 1e-4)
    agree(folded("adx", padded(series)), theirs, 600, 1e-9)


def test_keltner_equals_ta_libs_average_and_range(series: Series) -> None:
    middle, span = talib.EMA(series["close"], N), talib.ATR(series["high"], series["low"], series["close"], N)
    theirs = [middle - 2 * span, middle, middle + 2 * span]
    agree(folded("keltner", padded(series)), theirs, FOLDS["keltner"][2], 1e-6)


def test_relative_strength_equals_ta_lib(series: Series) -> None:
    theirs = talib.RSI(series["close"], N)
    agree(folded("relative_strength", padded(series)), [theirs], FOLDS["relative_strength"][2], 1e-5)


def test_bollinger_equals_ta_lib(series: Series) -> None:
    upper, middle, lower = talib.BBANDS(series["close"], N, 2.0, 2.0)
    agree(scanned("bollinger", padded(series)), [lower, middle, upper], N - 1, 1e-9)


def test_stochastic_equals_ta_lib(series: Series) -> None:
    bars = series["high"], series["low"], series["close"]
    theirs = talib.STOCH(*bars, fastk_period=N, slowk_period=3, slowd_period=5)
    agree(scanned("stochastic", padded(series)), theirs, WINDOWS["stochastic"][1], 1e-9)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("roc", lambda s: talib.ROC(s["close"], N)),
        ("williams", lambda s: talib.WILLR(s["high"], s["low"], s["close"], N)),
        ("cci", lambda s: talib.CCI(s["high"], s["low"], s["close"], N)),
        ("obv", lambda s: np.diff(talib.OBV(s["close"], s["volume"]), n=1, prepend=0).cumsum() - np.concatenate(
            [np.zeros(N), talib.OBV(s["close"], s["volume"])[:-N]])),
    ],
)  # fmt: skip
def test_a_window_equals_ta_lib(series: Series, name: str, theirs: Callable[[Series], Column]) -> None:
    agree(scanned(name, padded(series)), [theirs(series)], N, 1e-9)


def test_vwap_is_notional_over_volume(series: Series) -> None:
    notional = talib.SUM(talib.TYPPRICE(series["high"], series["low"], series["close"]) * series["volume"], N)
    agree(scanned("vwap", padded(series)), [notional / talib.SUM(series["volume"], N)], N - 1, 1e-9)


def test_the_vwap_of_a_session_starts_anew_after_midnight(series: Series) -> None:
    prices = talib.TYPPRICE(series["high"], series["low"], series["close"])
    theirs = []
    for at in range(len(prices)):
        day = slice(at - at % 24, at + 1)  # Hourly bars: the one that closes at midnight is the 24th.
        theirs.append((prices[day] * series["volume"][day]).sum() / series["volume"][day].sum())
    agree(folded("session_vwap", padded(series)), [np.array(theirs)], 0, 1e-9)


def test_donchian_is_the_range_of_the_bars_before(series: Series) -> None:
    low, high = talib.MIN(series["low"], N), talib.MAX(series["high"], N)
    theirs = [np.roll(low, 1), np.roll((low + high) / 2, 1), np.roll(high, 1)]
    agree(scanned("donchian", padded(series)), theirs, N, 1e-12)


def test_supertrend_is_the_textbooks(series: Series) -> None:
    close, span = series["close"], talib.ATR(series["high"], series["low"], series["close"], 10)
    middle = (series["high"] + series["low"]) / 2
    lower, upper, side = middle[10] - 3 * span[10], middle[10] + 3 * span[10], -1.0
    rows = []
    for at in range(11, len(close)):
        low, high = middle[at] - 3 * span[at], middle[at] + 3 * span[at]
        lower = max(low, lower) if close[at - 1] > lower else low
        upper = min(high, upper) if close[at - 1] < upper else high
        side = (-1.0 if close[at] < lower else 1.0) if side > 0 else 1.0 if close[at] > upper else -1.0
        rows.append([side, lower if side > 0 else upper])
    assert len({row[0] for row in rows}) == 2
    np.testing.assert_allclose(folded("supertrend", padded(series))[300:], np.array(rows)[289:], rtol=1e-6)


def prices() -> st.SearchStrategy[list[float]]:
    return st.lists(st.floats(1e-6, 1e9), min_size=60, max_size=80)


@settings(max_examples=60, deadline=None)
@given(prices(), st.sampled_from([*FOLDS, *WINDOWS]))
def test_every_indicator_is_finite_and_repeatable(column: list[float], name: str) -> None:
    series = dict(zip(FIELDS, np.array([column, [2 * price for price in column], column, column, column]), strict=True))
    bars = padded(series)
    once, again = ((folded if name in FOLDS else scanned)(name, bars) for _ in range(2))
    assert np.isfinite(once).all()
    assert np.array_equal(once, again)


@settings(max_examples=60, deadline=None)
@given(st.floats(1e-6, 1e9), st.sampled_from([*FOLDS, *WINDOWS]))
def test_bars_that_stand_still_without_volume_have_finite_values(price: float, name: str) -> None:
    still = dict(zip(FIELDS, np.array([[price] * 60] * 4 + [[0.0] * 60]), strict=True))
    rows = (folded if name in FOLDS else scanned)(name, padded(still))
    assert np.isfinite(rows).all()
    assert all(np.allclose(first, second, rtol=1e-12, atol=1e-12) for first, second in pairwise(rows))


@pytest.mark.parametrize("name", WINDOWS)
def test_a_window_reads_exactly_as_far_back_as_it_says(name: str) -> None:
    bars, (work, back) = padded(walk()), WINDOWS[name]
    for reach, same in ((back, True), (back - 1, False)):
        kept = slice(701 - reach, 702)
        columns = [np.full(len(bars.close), -1e9 if field == "low" else 1e9) for field in FIELDS]
        for column, field in zip(columns, FIELDS, strict=True):
            column[kept] = getattr(bars, field)[kept]
        blind = Bars(701, bars.time, *(column.tolist() for column in columns))
        assert np.array_equal(np.hstack([work(blind)]), np.hstack([work(bars._replace(now=701))])) is same


@pytest.mark.parametrize("name", FOLDS)
def test_a_fold_forgets_where_it_started_within_its_lookback(name: str) -> None:
    state, work, back = FOLDS[name]
    bars = padded(walk())
    rows = folded(name, bars)
    for now in range(PAD + 700 - back, PAD + 701):
        state, *values = work(state, bars._replace(now=now))
    np.testing.assert_allclose(np.hstack(values), rows[700], atol=1e-5 * np.abs(rows[700]).max())


CALLS: dict[str, tuple[Any, ...]] = {
    "macd": (12, 26, 9), "adx": (N,), "keltner": (N, 2.0), "relative_strength": (N,), "supertrend": (10, 3.0),
    "bollinger": (N, 2.0), "donchian": (N,), "roc": (N,), "stochastic": (N, 3, 5), "cci": (N,), "vwap": (N,),
    "obv": (N,), "session_vwap": (), "williams": (N,),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_every_indicator_gives_the_same_bits_compiled(name: str) -> None:
    function = getattr(indicators, name)
    parts = list(inspect.signature(function).parameters)
    listed = padded(walk())
    arrays: Any = Bars._make([0, *(np.array(column) for column in listed[1:])])
    compiled_function = njit(compiled.inlined(function).py_func)

    def arguments(state: Any, bars: Any, now: int) -> list[Any]:
        seen = {"state": state, "column": bars.close, "now": now, "bars": bars._replace(now=now)}
        return [seen[part] for part in parts if part in seen] + list(CALLS[name])

    states = [FOLDS[name][0] if name in FOLDS else None] * 2
    for now in range(PAD, PAD + 300):
        given_back = [
            step(*arguments(state, bars, now))
            for step, state, bars in zip((function, compiled_function), states, (listed, arrays), strict=True)
        ]
        assert repr(given_back[0]).replace("np.float64", "") == repr(given_back[1])
        if name in FOLDS:
            states = [values[0] for values in given_back]


def test_the_page_has_the_call_of_every_indicator() -> None:
    page = (ROOT / "docs/writing-a-strategy.md").read_text()
    table = page[page.index("## Indicators") :]
    helpers = {"settling", "steps", "whole", "true_range", "typical", "reversal"}
    functions = {name for name in indicators.__all__ if inspect.isfunction(getattr(indicators, name))} - helpers
    calls = {f"{name}({', '.join(inspect.signature(getattr(indicators, name)).parameters)})" for name in functions}
    assert calls == set(re.findall(r"`(\w+\(.*?\))`", "".join(re.findall(r"^\|[^|]*\|", table, re.MULTILINE))))
