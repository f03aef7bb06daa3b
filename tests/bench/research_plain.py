"""One back-test whose step runs as plain Python, as one that numba cannot compile does, beside backtesting.py.

No time is printed unless each fill, round trip and equity is that of the compiled step, to the last digit, and the
fills and the equity at the end are those of backtesting.py.
"""

import sys
import time
from unittest.mock import patch

import numpy as np
from printed import table
from research import CENT, FAST, PEERS, SIZES, SLOW, TERMS, integer_bars, peer
from research_orders import COSTS

from fanfold.research import folding
from fanfold.research.columns import IntegerBars
from fanfold.research.fixed_size import fixed_size
from fanfold.research.order_backtest import order_column, traded
from fanfold.research.tape import ScanResult
from fanfold.strategy import contract
from fanfold.strategy.contract import Strategy

BARS, PASSES = SIZES[1], 3


def as_plain(strategy: Strategy, bars: IntegerBars) -> ScanResult:
    """Step each bar in Python, then trade what the steps want."""
    # As if numba had refused it.
    with patch.dict(folding._refused, {strategy.step: "asked for"}):
        weights = folding.fold(strategy, [bars], 0).wanted[folding.WEIGHT]
    orders = np.diff(np.nan_to_num(weights), prepend=0.0)
    return traded(bars, order_column(bars.time.size, orders, None, COSTS.lot), COSTS)


def main() -> None:
    strategy, bars = contract.bind("sma_cross", {"fast": FAST, "slow": SLOW}, 1), integer_bars(BARS)
    compiled, times = fixed_size(strategy, bars, TERMS), []
    for _ in range(PASSES):
        began = time.thread_time()
        plain = as_plain(strategy, bars)
        times.append(time.thread_time() - began)
        if not all(np.array_equal(own, other) for own, other in zip(plain[:3], compiled[:3], strict=True)):
            sys.exit("the step as plain Python trades otherwise than the compiled one")
    client = PEERS[0]
    other = peer(client, BARS)
    if other.fills != len(plain.fills) or abs(other.equity - int(plain.equity[-1]) / 1e8) > CENT:
        sys.exit(f"{client.package} has {other.fills} fills and {other.equity}, fanfold {len(plain.fills)}")
    own_s = min(times)
    rows = [
        ("fanfold, steps in Python", own_s / BARS * 1e9, 1.0, len(plain.fills)),
        (f"{client.package} {client.version}", other.cpu_s / BARS * 1e9, own_s / other.cpu_s, other.fills),
    ]
    table(f"Steps in plain Python, {BARS:,} bars", ("engine", "ns a bar", "ours over its", "fills"), rows)


if __name__ == "__main__":
    main()
