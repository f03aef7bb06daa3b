"""Permuted bars have the gaps and shapes of the market they are of, and its first and last close."""

import numpy as np
import pytest

from fanfold.research.bias_lab.market_columns import MarketColumns, market_columns
from fanfold.research.bias_lab.permuting import permutation_test, permuted, shapes_of
from support.planted_biases import recorded, walk


def market() -> MarketColumns:
    return market_columns([recorded(walk(400, 3)), recorded(walk(400, 4), "ETH/USDT", seed=9)])


def ratios(bars: MarketColumns, member: int) -> dict[str, np.ndarray]:
    opened, later = bars.open[member], bars.open[member, 1:]
    return {
        "gap": later / bars.close[member, :-1],
        "close": bars.close[member, 1:] / later,
        "high": bars.high[member, 1:] / later,
        "low": bars.low[member, 1:] / later,
        "volume": bars.volume[member, 1:],
        "first": np.array([opened[0], bars.close[member, 0]]),
        "last": bars.close[member, -1:],
    }


@pytest.mark.parametrize("seed", range(5))
def test_gaps_and_shapes_are_those_of_the_market_in_another_order(seed: int):
    bars = market()
    drawn = permuted(shapes_of(bars), np.random.default_rng(seed))
    for member in range(2):
        real, other = ratios(bars, member), ratios(drawn, member)
        for name, values in real.items():
            assert np.sort(other[name]) == pytest.approx(np.sort(values), rel=1e-9), name
        assert not np.allclose(other["close"], real["close"])
        assert (drawn.high[member] >= drawn.low[member]).all()
    # Instruments move together as they did: what was one bar of both is one bar of both.
    pairs = {tuple(np.round(pair, 9)) for pair in zip(ratios(bars, 0)["close"], ratios(bars, 1)["close"], strict=True)}
    assert {
        tuple(np.round(pair, 9)) for pair in zip(ratios(drawn, 0)["close"], ratios(drawn, 1)["close"], strict=True)
    } == pairs


def test_a_pattern_in_time_is_found_and_its_lack_is_not():
    def score(bars: MarketColumns) -> float:
        moves = np.diff(bars.close[0]) / bars.close[0, :-1]
        return float(moves[:-1] @ moves[1:])

    moves = np.random.default_rng(6).standard_normal(500)
    moves[1:] += 0.4 * moves[:-1]
    trending = market_columns([recorded(50_000 * np.exp(np.cumsum(moves * 0.001)))])
    assert permutation_test(score, trending, 199, seed=1).probability == 1 / 200
    assert permutation_test(score, market(), 199, seed=1).probability > 0.05


def test_what_no_order_changes_is_never_significant():
    outcome = permutation_test(lambda _bars: 1.0, market(), 19, seed=1)
    assert (outcome.better, outcome.markets, outcome.probability) == (19, 19, 1.0)
