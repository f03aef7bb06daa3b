"""The sweep of a walk in raptorbt, a hundred pairs in a call, by all cash and without costs: CPU seconds, round trips
and the return of each pair, as JSON; warm. A call keeps 17 MB a pair.

Arguments: bars, and pairs of averages as FAST,SLOW;FAST,SLOW and so on.
"""

import json
import resource
import sys
import time

import numpy as np
import raptorbt
from crossing import CASH, walk

bars = int(sys.argv[1])
opened, high, low, close = walk(bars)
pairs = [tuple(map(int, pair.split(","))) for pair in sys.argv[2].split(";")]
total = np.append(0, np.cumsum(np.rint(close * 1e5).astype(np.int64)))
times = 60_000_000_000 * np.arange(1, bars + 1)
volume = np.full(bars, 1e9)
config = raptorbt.BacktestConfig(initial_capital=float(CASH), fees=0.0, slippage=0.0, fill_timing="next_bar_open")

AT_ONCE = 100


def held(fast, slow):
    """Return the bars after which a pair is long."""
    sums = [np.append(np.zeros(n - 1, np.int64), total[n:] - total[:-n]) for n in (fast, slow)]
    above = sums[0] * slow > sums[1] * fast
    above[: slow - 1] = False
    return above


def item(pair):
    """Return the item of a pair, and whether it is long at the end, whose trade the engine closes there."""
    now = held(*pair)
    before = np.append(False, now[:-1])
    return raptorbt.BatchSingleItem(str(pair), now & ~before, before & ~now), bool(now[-2])


def run(pairs):
    """Return round trips and the return of each pair."""
    items = [item(pair) for pair in pairs]
    results = raptorbt.batch_single_backtest(
        times, opened, high, low, close, volume, [each for each, _ in items], config
    )
    return [
        (result.metrics.total_trades - last, result.metrics.total_return_pct / 100)
        for (_, result), (_, last) in zip(results, items, strict=True)
    ]


run(pairs[:2])
began = time.process_time()
results = [each for first in range(0, len(pairs), AT_ONCE) for each in run(pairs[first : first + AT_ONCE])]
taken = time.process_time() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"cpu_s": taken, "pairs": results, "peak_mb": peak}))
