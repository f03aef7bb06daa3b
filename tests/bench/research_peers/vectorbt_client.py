"""The walk of so many bars in vectorbt by one of its engines: CPU seconds, fills and the final equity as JSON; warm."""

import json
import sys
import time

import numpy as np
import pandas as pd
import vectorbt as vbt
from crossing import CASH, FAST, FEE, SLOW, walk

vbt.settings["engine"] = sys.argv[2]
opened, _high, _low, close = walk(int(sys.argv[1]))
prices, opens = pd.Series(close), pd.Series(opened)


def run():
    """Return the number of orders, the equity at the end, and of the trades."""
    total = np.append(0, np.cumsum(np.rint(close * 1e5).astype(np.int64)))
    sums = [np.append(np.zeros(n - 1), total[n:] - total[:-n]) for n in (FAST, SLOW)]
    above = sums[0] * SLOW > sums[1] * FAST
    above[: SLOW - 1] = False
    target = np.append(0.0, above[:-1].astype(float))
    portfolio = vbt.Portfolio.from_orders(
        prices, size=target, size_type="targetamount", price=opens, fees=FEE, init_cash=CASH, freq="1min"
    )
    return portfolio.orders.count(), float(portfolio.value().iloc[-1]), portfolio.trades.count()


run()
began = time.process_time()
fills, equity, _trades = run()
print(json.dumps({"cpu_s": time.process_time() - began, "fills": int(fills), "equity": equity}))
