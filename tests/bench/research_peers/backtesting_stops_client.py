"""Stops and profits in backtesting.py: bars, orders and shares come in, round trips go out, as JSON.

A stop and a profit are set at the close of the bar that opened a position, from its cost; where that close has reached
one of them, the position is closed at the next open.
"""

import json
import sys
import warnings

import pandas as pd
from backtesting import Backtest, Strategy

warnings.simplefilter("ignore")
request = json.load(sys.stdin)
orders = {int(at): side for at, side in request["orders"].items()}
stop, profit = request["stop"], request["profit"]


class Given(Strategy):
    """Holds the side of the last order: 1, -1 or 0."""

    def init(self):
        """Read nothing ahead."""

    def next(self):
        """Protect what was opened in this bar, and send what is ordered at its close."""
        close = self.data.Close[-1]
        for trade in self.trades:
            if trade.sl is None:
                side = 1 if trade.is_long else -1
                levels = trade.entry_price * (1 - side * stop), trade.entry_price * (1 + side * profit)
                if side * (close - levels[0]) <= 0 or side * (close - levels[1]) >= 0:
                    trade.close()
                else:
                    trade.sl, trade.tp = levels
        side = orders.get(len(self.data) - 1)
        if side is not None and self.position:
            self.position.close()
        if side:
            (self.buy if side > 0 else self.sell)(size=1)


bars = pd.DataFrame(dict(zip(("Open", "High", "Low", "Close"), request["bars"], strict=True)))
result = Backtest(bars, Given, cash=1e9, finalize_trades=False).run()
print(
    json.dumps(
        [
            (int(trip.EntryBar), int(trip.ExitBar), int(trip.Size), trip.EntryPrice, trip.ExitPrice)
            for trip in result["_trades"].itertuples()
        ]
    )
)
