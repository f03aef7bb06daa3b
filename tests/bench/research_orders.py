"""Orders given a bar, warm, on one core: columns of a million rows, with some 1,400 fills each.

They are the fills of a crossing of averages, so no time is printed unless fills and the equity at every bar are those
that its own back-test has. Beside them a bare loop reads the column and the closes, and writes a line as equity: the
memory that any trading of a column moves.
"""

import sys
from typing import Any

import numpy as np
from account import least
from numba import njit
from printed import table
from research import TERMS, integer_bars

from fanfold.research.columns import IntegerBars
from fanfold.research.fixed_size import fixed_size
from fanfold.research.order_backtest import Costs, order_column, traded
from fanfold.research.tape import FillField, ScanResult
from fanfold.strategy import contract

ROWS, COLUMNS = 1_000_000, 8
COSTS = Costs(TERMS.cash, TERMS.tick, TERMS.lot, TERMS.fee_bps, TERMS.slippage_bps).exact()


def of_its_fills(bars: IntegerBars, result: ScanResult) -> Any:
    """Return the orders whose fills a back-test has, as a column."""
    orders = np.zeros(bars.time.size)
    orders[result.fills[:, FillField.AT] - 1] = result.fills[:, FillField.LOTS]
    return orders


@njit
def bare_loop(orders: Any, closes: Any, equity: Any) -> int:
    """Move the memory that a column takes, and return the number of its orders."""
    number = 0
    for at in range(np.uint64(closes.size)):
        number += orders[at] != 0.0
        equity[at] = 5 + 3 * closes[at]
    return number


def main() -> None:
    scans, wholes, bares, fills = [], [], [], []
    strategy = contract.bind("sma_cross", {"fast": 200, "slow": 1_000}, 1)
    for seed in range(COLUMNS):
        bars = integer_bars(ROWS, seed)
        own = fixed_size(strategy, bars, TERMS)
        orders = of_its_fills(bars, own)
        order_rows = order_column(ROWS, orders, None, COSTS.lot)
        result = traded(bars, order_rows, COSTS)
        if not (np.array_equal(result.equity, own.equity) and np.array_equal(result.fills, own.fills)):
            sys.exit("a column of orders fills otherwise than the strategy whose orders they are")
        scans.append(least(lambda: traded(bars, order_rows, COSTS)))  # noqa: B023 - called here
        wholes.append(least(lambda: traded(bars, order_column(ROWS, orders, None, COSTS.lot), COSTS)))  # noqa: B023
        bares.append(least(lambda: bare_loop(orders, bars.close, np.empty(ROWS, np.int64))))  # noqa: B023
        fills.append(len(result.fills))
    rows = [
        ("rows to fills and equity", np.mean(scans) / ROWS * 1e9, np.mean(fills)),
        ("a column to fills and equity", np.mean(wholes) / ROWS * 1e9, np.mean(fills)),
        ("a bare loop over column, closes and equity", np.mean(bares) / ROWS * 1e9, np.mean(fills)),
    ]
    table(f"Orders given, {COLUMNS} columns of {ROWS:,} rows", ("what", "ns a row", "fills a column"), rows)


if __name__ == "__main__":
    main()
