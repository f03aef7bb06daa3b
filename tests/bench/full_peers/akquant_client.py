"""The work on akquant: an engine in Rust that calls the strategy with each bar."""

import json
import sys
import time
from decimal import Decimal

import akquant
from akquant import Bar, Strategy, run_backtest
from crossing import MINUTE_S, START, TICKS, WARM, Crossing, names, rows

SECOND_NS = 1_000_000_000


def bars_of(symbols, minutes):
    bars = [
        Bar(at * SECOND_NS, *(ticks / TICKS for ticks in prices), 1e7, name)
        for number, name in enumerate(names(symbols))
        for at, *prices in rows(number, minutes + WARM)
    ]
    return sorted(bars, key=lambda bar: (bar.timestamp, bar.symbol))


class Long(Strategy):
    def __init__(self, symbols, last):
        super().__init__()
        self.crossings = {name: Crossing() for name in names(symbols)}
        self.long = dict.fromkeys(self.crossings, False)
        self.first, self.last = (START + WARM * MINUTE_S) * SECOND_NS, last * SECOND_NS

    def on_bar(self, bar):
        name = bar.symbol
        wanted = self.crossings[name].is_long(round(bar.close * TICKS))
        if self.first <= bar.timestamp < self.last and wanted != self.long[name]:
            self.long[name] = wanted
            (self.buy if wanted else self.sell)(symbol=name, quantity=1)


def filled(row):
    """Return a fill as those of the other engines."""
    price = str(round(Decimal(row.price), 2))
    return int(row.timestamp.timestamp()), row.symbol, str(row.side).lower(), price, int(row.quantity)


def main(symbols, minutes):
    bars, last = bars_of(symbols, minutes), START + (WARM + minutes) * MINUTE_S
    began = time.process_time()
    result = run_backtest(
        data=bars,
        strategy=Long(symbols, last),
        symbols=names(symbols),
        initial_cash=150.0 * symbols,
        commission_rate=0.001,
        stamp_tax_rate=0.0,
        transfer_fee_rate=0.0,
        min_commission=0.0,
        lot_size=1,
        timezone="UTC",
        show_progress=False,
        fill_policy=akquant.NextOpen(),
    )
    took = time.process_time() - began
    fills = [filled(row) for row in result.executions_df.itertuples()]
    print(json.dumps({"version": akquant.__version__, "cpu_s": took, "bars": len(bars), "fills": fills}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
