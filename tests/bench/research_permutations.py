"""The permutation test of a verdict: a thousand permuted markets of 500,000 bars, each traded by SMA 20/100.

No time is printed unless markets that are traded as they are laid score as the same markets laid whole.
"""

import sys
import time
from math import isclose

import numpy as np
from printed import table
from research_peers.crossing import FAST, SLOW, walk

from fanfold.research.bias_lab import evidence
from fanfold.research.bias_lab.market_columns import MarketColumns
from fanfold.research.bias_lab.permuted_trading import permuted_scores
from fanfold.research.bias_lab.permuting import permutation_test, permuted, shapes_of
from fanfold.research.compiled import columns_read
from fanfold.strategy import contract

BARS, MARKETS, COMPARED = 500_000, 1_000, 3
COST = 0.001


def market() -> MarketColumns:
    opened, high, low, close = (column[np.newaxis] for column in walk(BARS))
    return MarketColumns(("BTC/USDT",), 60 * np.arange(1, BARS + 1), opened, high, low, close, np.ones((1, BARS)))


def main() -> None:
    strategy = contract.bind("sma_cross", {"fast": FAST, "slow": SLOW}, 1)
    shuffled = shapes_of(market(), 1, columns_read(strategy.step))
    score = permuted_scores(strategy, shuffled, COST)
    for number in range(COMPARED):
        whole = evidence.score(evidence.earned(strategy, permuted(shuffled, number), COST))
        if not isclose(score(number), whole, rel_tol=1e-9):
            sys.exit(f"market {number} scores {score(number)} as it is laid, and {whole} laid whole")
    began, used = time.perf_counter(), time.process_time()
    permutation_test(0.0, score, MARKETS)
    wall, spent = time.perf_counter() - began, time.process_time() - used
    heads = ("what", "s", "CPU s", "CPU ms a market")
    table(
        f"A permutation test, {BARS:,} bars, on all cores",
        heads,
        [(f"{MARKETS:,} markets", wall, spent, spent / MARKETS * 1e3)],
    )


if __name__ == "__main__":
    main()
