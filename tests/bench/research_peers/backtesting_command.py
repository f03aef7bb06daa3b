"""Trade the bars of a Parquet file in backtesting.py with all cash: round trips and the return, as JSON."""

import json
import sys
import warnings

import pandas as pd
from backtesting import Backtest, Strategy
from crossing import long_where

warnings.simplefilter("ignore")


class Crossing(Strategy):
    """Holds what the cash buys while the fast average is above the slow one."""

    def init(self):
        self.above = self.I(lambda: long_where(self.data.Close).astype(float))

    def next(self):
        """Buy or sell where the side has changed."""
        if self.above[-1] and not self.position:
            self.buy()
        elif not self.above[-1] and self.position:
            self.position.close()


bars = pd.read_parquet(sys.argv[1]).rename(columns=str.capitalize).set_index("Time")
result = Backtest(bars, Crossing, cash=1e9, finalize_trades=False).run()
print(json.dumps({"round_trips": len(result["_trades"]), "total_return": result["Return [%]"] / 100}))
