"""Permuted bars have the gaps and shapes of the market they are of, and its first and last close."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from fanfold.research.bias_lab import evidence, permuted_trading
from fanfold.research.bias_lab.market_columns import MarketColumns, market_columns
from fanfold.research.bias_lab.permuted_trading import BLOCK, permuted_scores
from fanfold.research.bias_lab.permuting import permutation_test, permuted, shapes_of
from fanfold.research.bias_lab.shuffling import RUN, TILE, drawn, gather, shuffled
from fanfold.research.compiled import columns_read
from fanfold.strategy import contract, folder
from fanfold.strategy.contract import Strategy
from support.own_strategy import ALWAYS_LONG
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
    drawn = permuted(shapes_of(bars, seed), 1)
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

    def probability(bars: MarketColumns) -> float:
        shuffled = shapes_of(bars, 1)
        return permutation_test(score(bars), lambda number: score(permuted(shuffled, number)), 199).probability

    moves = np.random.default_rng(6).standard_normal(500)
    moves[1:] += 0.4 * moves[:-1]
    trending = market_columns([recorded(50_000 * np.exp(np.cumsum(moves * 0.001)))])
    assert probability(trending) == 1 / 200
    assert probability(market()) > 0.05


def test_what_no_order_changes_is_never_significant():
    outcome = permutation_test(1.0, lambda _number: 1.0, 19)
    assert (outcome.better, outcome.markets, outcome.probability) == (19, 19, 1.0)


@pytest.mark.parametrize("count", [1, 63, 64, 65, TILE - 1, TILE, TILE + 1, 3 * TILE + 100])
def test_an_order_has_each_place_once(count: int):
    chance = np.random.default_rng(count)
    places = shuffled(count, chance)
    order, room, out = drawn(count, chance), np.empty(TILE + RUN), np.empty(TILE)
    column = places.astype(float)
    laid = [out[: gather(column, order, tile, room, out)].copy() for tile in range(len(order.picks))]
    assert sorted(np.concatenate(laid)) == list(range(count))


def test_each_place_is_as_likely_anywhere():
    """Chi-squared of where each of ten places comes to lie, in 2,000 shuffles and an order of each."""
    ends = np.zeros((10, 10))
    room, out = np.empty(TILE + RUN), np.empty(TILE)
    for seed in range(2_000):
        chance = np.random.default_rng(seed)
        column = shuffled(10, chance).astype(float)
        gather(column, drawn(10, chance), 0, room, out)
        ends[np.arange(10), out[:10].astype(int)] += 1
    assert ((ends - 200) ** 2 / 200).sum() < 140


def earned_by_markets(strategy: Strategy, bars: MarketColumns, cost: float) -> tuple[list[float], list[float]]:
    """Return the scores of three permuted markets in blocks, and of the same markets laid whole."""
    shuffled_market = shapes_of(bars, 5, columns_read(strategy.step))
    in_blocks = permuted_scores(strategy, shuffled_market, cost)
    whole = [evidence.score(evidence.earned(strategy, permuted(shuffled_market, number), cost)) for number in range(3)]
    return [in_blocks(number) for number in range(3)], whole


@pytest.mark.parametrize("name", ["sma_cross", "breakout"])
def test_a_market_in_blocks_scores_as_one_laid_whole(name: str):
    """Two instruments, several blocks and a tile that is not full, bars that have no volume."""
    length = 2 * BLOCK + 777
    bars = market_columns([recorded(walk(length, 3)), recorded(walk(length, 4), "ETH/USDT", seed=9)])
    bars.volume[:, 50::70] = 0.0
    in_blocks, whole = earned_by_markets(contract.bind(name, {}, 1), bars, 0.001)
    assert in_blocks == pytest.approx(whole, rel=1e-9)
    assert len(set(in_blocks)) == 3


@contextmanager
def own_strategy(at: Path, name: str, text: str) -> Iterator[Strategy]:
    at.mkdir()
    (at / f"{name}.py").write_text(text)
    folder.use(at)
    try:
        yield contract.bind(name, {}, 1)
    finally:
        folder.use(None)


def test_a_market_whose_stop_is_no_share_is_left_to_the_whole_fold(tmp_path: Path):
    """A live leg is silent at a bar with such a stop; the walk in blocks knows no silence."""
    stopped = ALWAYS_LONG.replace("import Bars", "import Bars, Protected")
    stopped = stopped.replace("tuple[State, float]", "tuple[State, Protected]")
    stopped = stopped.replace("state, 1.0", "state, Protected(1.0, stop=-0.5 if bars.close[bars.now] > 0.0 else 0.1)")
    with own_strategy(tmp_path / "own", "wide_stop", stopped) as strategy:
        shuffled_market = shapes_of(market_columns([recorded(walk(100, 3))]), 5, columns_read(strategy.step))
        assert np.isnan(permuted_scores(strategy, shuffled_market, 0.001)(0))


def test_the_same_step_in_another_file_is_compiled_for_that_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bars = market_columns([recorded(walk(100, 3))])
    for name in ("before_renamed", "after_renamed"):
        with own_strategy(tmp_path / name, name, ALWAYS_LONG) as strategy:
            shuffled_market = shapes_of(bars, 5, columns_read(strategy.step))
            assert np.isfinite(permuted_scores(strategy, shuffled_market, 0.001)(0))


def test_a_verdict_is_the_same_whichever_way_markets_are_laid(monkeypatch: pytest.MonkeyPatch):
    bars, strategy = market_columns([recorded(walk(1_000, 3))]), contract.bind("sma_cross", {}, 1)
    terms = evidence.EvidenceTerms(permutations=39)
    whole = evidence.permutation(strategy, bars, terms)
    monkeypatch.setattr(permuted_trading, "BARS_MIN", 0)
    assert evidence.permutation(strategy, bars, terms) == whole
