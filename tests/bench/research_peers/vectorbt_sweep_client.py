"""The sweep of a walk in vectorbt, in chunks: CPU seconds, fills and the sum of equities, as JSON; warm.

Arguments: bars, and pairs of averages as FAST,SLOW;FAST,SLOW and so on.
"""

import json
import resource
import sys
import time

import numpy as np
import pandas as pd
import vectorbt as vbt
from crossing import CASH, FEE, walk

CHUNK = 25

opened, _high, _low, close = walk(int(sys.argv[1]))
pairs = [tuple(map(int, pair.split(","))) for pair in sys.argv[2].split(";")]
prices, opens = pd.Series(close), opened[:, None]
total = np.append(0, np.cumsum(np.rint(close * 1e5).astype(np.int64)))


def average(n):
    """Return the sums of n closes, 0 where there are fewer."""
    return np.append(np.zeros(n - 1, np.int64), total[n:] - total[:-n])


def chunk(part):
    """Return the fills and the summed equity at the end of some pairs."""
    target = np.zeros((len(close), len(part)))
    for column, (fast, slow) in enumerate(part):
        above = average(fast) * slow > average(slow) * fast
        above[: slow - 1] = False
        target[1:, column] = above[:-1]
    portfolio = vbt.Portfolio.from_orders(
        prices, size=target, size_type="targetamount", price=np.broadcast_to(opens, target.shape), fees=FEE,
        init_cash=CASH, freq="1min",
    )  # fmt: skip
    return int(portfolio.orders.count().sum()), float(portfolio.final_value().sum())


def run():
    """Return fills and summed equity of all pairs."""
    parts = [chunk(pairs[first : first + CHUNK]) for first in range(0, len(pairs), CHUNK)]
    return sum(part[0] for part in parts), sum(part[1] for part in parts)


chunk(pairs[:2])
began = time.process_time()
fills, equity = run()
taken = time.process_time() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"cpu_s": taken, "fills": fills, "equity": equity, "peak_mb": peak}))
