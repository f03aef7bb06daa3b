"""Strategies without an edge, on random walks, and with one, on a market that trends: how often each is significant."""

from typing import Any, NamedTuple

import numpy as np

from fanfold.research.bias_lab import evidence
from fanfold.research.bias_lab.evidence import EvidenceTerms
from fanfold.research.bias_lab.market_columns import MarketColumns, market_columns
from fanfold.research.bias_lab.sharpe_tests import deflated_sharpe, estimate, probabilistic_sharpe
from fanfold.strategy import contract
from fanfold.strategy.contract import Strategy
from support.planted_biases import recorded, walk

BARS, CHOSEN_OF = 1_500, 10
EDGE_COST = 0.0005


class Calls(NamedTuple):
    """The tests that called a strategy significant; the last takes it for the best of CHOSEN_OF."""

    permutation: bool
    sharpe: bool
    deflated: bool


def drawn(chance: np.random.Generator) -> Strategy:
    """Return a shipped strategy with params by chance."""
    kind = int(chance.integers(3))
    params: list[dict[str, Any]] = [
        {"fast": int(fast := chance.integers(2, 20)), "slow": int(fast + chance.integers(2, 60))},
        {"window": int(chance.integers(5, 60)), "entry": float(chance.uniform(1.0, 2.5))},
        {"entry": int(entry := chance.integers(6, 60)), "exit": int(entry // 2)},
    ]
    return contract.bind(("sma_cross", "mean_reversion", "breakout")[kind], params[kind], 1)


def without_edge(seed: int, permutations: int) -> Calls:
    """Try a strategy, and the best of several, on a random walk without costs: any significance is by chance."""
    chance = np.random.default_rng(seed)
    bars = market_columns([recorded(walk(BARS, seed + 10_000), seed=seed)])
    strategies = [drawn(chance) for _ in range(CHOSEN_OF)]
    ratios = [estimate(evidence.earned(strategy, bars, 0.0)) for strategy in strategies]
    terms = EvidenceTerms(cost=0.0, trials=1, permutations=permutations, seed=seed)
    best = max((ratio for ratio in ratios if ratio), key=lambda ratio: ratio.sharpe)
    return Calls(
        evidence.permutation(strategies[0], bars, terms).outcome == "passed",
        ratios[0] is not None and probabilistic_sharpe(ratios[0]) > evidence.CONFIDENCE,
        deflated_sharpe(best, CHOSEN_OF, best.variance) > evidence.CONFIDENCE,
    )


def trending(seed: int) -> MarketColumns:
    """Return bars with a drift of a third of their deviation, up or down for a hundred bars on average."""
    chance = np.random.default_rng(seed)
    sides = np.where(np.cumsum(chance.random(BARS) < 0.01) % 2 == 0, 1.0, -1.0)
    moves = chance.standard_normal(BARS) * 0.004 + sides * 0.0013
    return market_columns([recorded(50_000 * np.exp(np.cumsum(moves)), seed=seed)])


def with_edge(seed: int, permutations: int) -> Calls:
    """Try a strategy that follows trends on a market that has them, with costs, as if it were the best of CHOSEN_OF."""
    bars, strategy = trending(seed), contract.bind("sma_cross", {"fast": 5, "slow": 40}, 1)
    terms = EvidenceTerms(cost=EDGE_COST, trials=1, permutations=permutations, seed=seed)
    ratio = estimate(evidence.earned(strategy, bars, EDGE_COST))
    assert ratio is not None
    return Calls(
        evidence.permutation(strategy, bars, terms).outcome == "passed",
        probabilistic_sharpe(ratio) > evidence.CONFIDENCE,
        deflated_sharpe(ratio, CHOSEN_OF, ratio.variance) > evidence.CONFIDENCE,
    )
