"""The walk of so many bars in backtesting.py: CPU seconds, fills and the equity at the end, as JSON."""

import json
import sys
import time
import warnings

import pandas as pd
from backtesting import Backtest, Strategy
from crossing import CASH, FEE, long_where, walk

warnings.simplefilter("ignore")


class Crossing(Strategy):
    """Holds a unit while the fast sum times the slow length is above the slow sum times the fast one."""

    def init(self):
        self.above = self.I(lambda: long_where(self.data.Close).astype(float))

    def next(self):
        """Buy or sell a unit where the side has changed."""
        if self.above[-1] and not self.position:
            self.buy(size=1)
        elif not self.above[-1] and self.position:
            self.position.close()


opened, high, low, close = walk(int(sys.argv[1]))
bars = pd.DataFrame({"Open": opened, "High": high, "Low": low, "Close": close}, pd.RangeIndex(len(close)))
began = time.process_time()
test = Backtest(bars, Crossing, cash=CASH, commission=FEE, finalize_trades=False)
result = test.run()
taken = time.process_time() - began
trades = result["_trades"]
fills = 2 * len(trades) + len(result["_strategy"].trades)
print(json.dumps({"cpu_s": taken, "fills": fills, "equity": float(result["_equity_curve"]["Equity"].iloc[-1])}))
