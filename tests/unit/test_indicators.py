"""Every indicator against an independent implementation, on a seeded walk and on recorded bars."""

from collections.abc import Sequence
from math import inf, nextafter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.feather
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fanfold import indicators
from fanfold.strategy.bars import Bars

Column = NDArray[np.float64]
RECORDED = (
    Path(__file__).resolve().parents[2].parent / "shared/data/candles_1h/binance_ETHUSDT_1h_2024-01_2024-09.feather"
)
PAD = 40
N = 14


class Candles(NamedTuple):
    high: Column
    low: Column
    close: Column


def walk() -> Candles:
    chance = np.random.default_rng(20)
    close = np.round(100 * np.exp(np.cumsum(chance.normal(0, 0.01, 3000))), 2)
    up, down = chance.uniform(0, 0.5, (2, 3000))
    return Candles(np.round(close + up, 2), np.round(close - down, 2), close)


def recorded() -> Candles:
    if not RECORDED.exists():
        pytest.skip("the recorded bars are not beside the repository")
    table = pyarrow.feather.read_table(RECORDED, memory_map=False)
    return Candles(*(table[name].to_numpy() for name in Candles._fields))


def tiny() -> Candles:
    """The walk at the prices of a coin of a billionth, with 13 decimals."""
    return Candles(*(np.round(column * 100) / 1e13 for column in walk()))


@pytest.fixture(params=[walk, recorded, tiny], ids=["walk", "recorded", "tiny"])
def candles(request: pytest.FixtureRequest) -> Candles:
    columns: Candles = request.param()
    return columns


def padded(column: Column) -> list[float]:
    return [float(column[0])] * PAD + [float(value) for value in column]


def test_sma_equals_ta_lib(candles: Candles) -> None:
    column, state, ours = padded(candles.close), 0.0, []
    for now in range(PAD, len(column)):
        state, value = indicators.sma(state, column, now, N)
        ours.append(value)
    np.testing.assert_allclose(ours[N - 1 :], talib.SMA(candles.close, N)[N - 1 :], rtol=1e-12)


def test_ema_equals_ta_lib_once_settled(candles: Candles) -> None:
    column, state, ours = padded(candles.close), 0.0, []
    for now in range(PAD, len(column)):
        state, value = indicators.ema(state, column, now, N)
        ours.append(value)
    settled = indicators.settling(N, 2)
    np.testing.assert_allclose(ours[settled:], talib.EMA(candles.close, N)[settled:], rtol=1e-6)
    np.testing.assert_allclose(ours[3 * settled :], talib.EMA(candles.close, N)[3 * settled :], rtol=1e-12)


def test_atr_equals_ta_lib_once_settled(candles: Candles) -> None:
    high, low, close = (padded(column) for column in candles)
    state, ours = 0.0, []
    for now in range(PAD, len(close)):
        state = indicators.atr(state, Bars(now, [], [], high, low, close, []), N)
        ours.append(state)
    settled = indicators.settling(N, 1)
    np.testing.assert_allclose(ours[settled:], talib.ATR(*candles, N)[settled:], rtol=1e-5)
    np.testing.assert_allclose(ours[3 * settled :], talib.ATR(*candles, N)[3 * settled :], rtol=1e-11)


def test_rsi_equals_ta_lib_once_settled(candles: Candles) -> None:
    column, gain, loss, ours = padded(candles.close), 0.0, 0.0, []
    for now in range(PAD, len(column)):
        gain, loss, value = indicators.rsi(gain, loss, column, now, N)
        ours.append(value)
    settled = indicators.settling(N, 1)
    np.testing.assert_allclose(ours[settled:], talib.RSI(candles.close, N)[settled:], atol=1e-3)
    np.testing.assert_allclose(ours[3 * settled :], talib.RSI(candles.close, N)[3 * settled :], atol=1e-9)


def test_zscore_equals_the_deviation_over_ta_libs_population_stddev(candles: Candles) -> None:
    column = padded(candles.close)
    ours = [indicators.zscore(column, now, N) for now in range(PAD, len(column))]
    # TA-Lib takes a tiny deviation for none.
    theirs = (candles.close - talib.SMA(candles.close, N)) / (talib.STDDEV(candles.close * 1e9, N) / 1e9)
    np.testing.assert_allclose(ours[N - 1 :], theirs[N - 1 :], rtol=1e-4, atol=1e-6)


def test_rolling_extremes_equal_ta_lib(candles: Candles) -> None:
    high, low = padded(candles.high), padded(candles.low)
    top = [indicators.rolling_max(high, now, N) for now in range(PAD, len(high))]
    bottom = [indicators.rolling_min(low, now, N) for now in range(PAD, len(low))]
    assert top[N - 1 :] == talib.MAX(candles.high, N)[N - 1 :].tolist()
    assert bottom[N - 1 :] == talib.MIN(candles.low, N)[N - 1 :].tolist()


def test_hedge_is_the_least_squares_line(candles: Candles) -> None:
    y, x = candles.close, candles.high
    for now in range(50, 550, 7):
        slope, offset = np.polyfit(x[now - 49 : now + 1], y[now - 49 : now + 1], 1)
        left = (y - slope * x - offset)[now - 49 : now + 1]
        np.testing.assert_allclose(
            indicators.hedge(y.tolist(), x.tolist(), now, 50), (slope, left[-1] / left.std()), rtol=1e-5, atol=1e-6
        )


def test_an_exact_line_and_a_still_partner_leave_no_spread() -> None:
    x = [10.1, 10.3, 10.2, 10.7, 10.6]
    slope, z = indicators.hedge([2 * value + 1 for value in x], x, 4, 5)
    assert slope == pytest.approx(2)
    assert z == 0
    assert indicators.hedge(x, [0.1] * 5, 4, 5)[0] == 0


@given(st.floats(1e-6, 1e6), st.integers(2, 30))
def test_prices_that_stand_still_have_no_zscore_and_an_even_rsi(price: float, n: int) -> None:
    still = [price] * 32
    assert indicators.zscore(still, 31, n) == 0
    assert indicators.rsi(0.0, 0.0, still, 31, n) == (0, 0, 50)
    assert indicators.sma(0.0, still, 31, n)[1] == price


@given(st.integers(1, 10**12), st.integers(0, 18))
def test_whole_is_the_exact_number_of_steps_at_any_price(ticks: int, scale: int) -> None:
    price = ticks / 10**scale
    unit = int(indicators.steps(price))
    assert int(indicators.whole(price, unit)) * 10**scale == ticks * unit


@given(st.integers(-10, 12), st.sampled_from([-inf, 0.0, inf]), st.floats(1, 9.99))
def test_a_price_has_12_or_13_digits_in_its_steps(decade: int, neighbour: float, lead: float) -> None:
    """Also at the floats below and above a power of ten, where the number of steps changes."""
    edge = 10.0**decade
    for price in (lead * edge, nextafter(edge, neighbour) if neighbour else edge):
        assert 1e11 <= price * indicators.steps(price) <= 1e13


@given(st.lists(st.integers(10**5, 10**6), min_size=12, max_size=80), st.integers(1, 10), st.integers(0, 18))
def test_excess_never_drifts(ticks: list[int], n: int, scale: int) -> None:
    """After any path, at any size of prices, it equals to the last digit the sum over the window."""
    column: Sequence[float] = [tick / 10**scale for tick in [*ticks[:1] * n, *ticks]]
    state, total = 0.0, 0.0
    for now in range(n, len(column)):
        state, total = indicators.excess(state, column, now, n)
    unit = int(indicators.steps(column[-1]))
    assert int(total) * 10**scale == (sum(ticks[-n:]) - n * ticks[-1]) * unit


@given(st.integers(2, 10), st.integers(3, 15))
def test_excess_is_exact_again_once_a_fall_by_decades_has_left_the_window(n: int, decades: int) -> None:
    low = [3e-9, 5e-9, 4e-9] * n
    column = [10.0**decades] * n + low
    state, total = 0.0, 0.0
    for now in range(n, len(column)):
        state, total = indicators.excess(state, column, now, n)
    ticks = [round(price * 1e9) for price in low[-n:]]
    assert total == (sum(ticks) - n * ticks[-1]) * indicators.steps(low[-1]) / 1e9


@given(st.integers(1, 200), st.floats(-1000, 1000, allow_subnormal=False))
def test_a_settled_average_has_forgotten_its_start(n: int, begin: float) -> None:
    """A number with fewer digits than a float has is left out: nothing is smaller to forget it by."""
    still = [0.0, 0.0]
    behind, wilder = begin, begin
    for _ in range(indicators.settling(n, 2)):
        behind, _value = indicators.ema(behind, still, 1, n)
    for _ in range(indicators.settling(n, 1)):
        wilder = indicators.rma(wilder, 0.0, n)
    assert abs(behind) <= abs(begin) * 1e-6
    assert abs(wilder) <= abs(begin) * 1e-6


@pytest.mark.parametrize(
    ("side", "z", "expected"),
    [
        (0, 2.1, -1), (0, -2.1, 1), (0, 1.9, 0), (0, 0, 0),  # taken beyond the entry only
        (-1, 0.6, -1), (-1, 0.4, 0), (-1, -1, 0), (-1, -2.1, 1),  # left at 0.5, also when it jumps over
        (1, -0.6, 1), (1, -0.4, 0), (1, 1, 0), (1, 2.1, -1),
    ],
)  # fmt: skip
def test_a_reversal_is_entered_far_out_and_left_near_the_mean(side: float, z: float, expected: float) -> None:
    assert indicators.reversal(side, z, 2.0, 0.5) == expected
