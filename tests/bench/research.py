"""One back-test, warm, on one core, beside a bare numba loop and engines of others in environments of their own.

SMA 20/100, long or flat, next-open fills, 0.1 % fee, with equity curve and trade list. No time is printed unless all
have the same number of fills and the same equity at the end, to a cent: the others count in floats.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import account
import numpy as np
from numba import njit
from peers.environments import Peer, environment
from printed import table
from research_peers.crossing import CASH, FAST, PRICE_DECIMALS, SLOW, walk

import fanfold.research.fixed_size
from fanfold.research.columns import IntegerBars
from fanfold.research.fixed_size import FixedSize, fixed_size
from fanfold.strategy import contract

PEERS = (
    Peer("backtesting", "0.6.6", "backtesting_client.py"),
    Peer("vectorbt", "1.2.0", "vectorbt_client.py"),
    Peer("vectorbt", "1.2.0", "vectorbt_client.py", "rust"),
)
CLIENTS = Path(__file__).resolve().parent / "research_peers"
# Bars; the others are asked to trade the first two.
SIZES = (100_000, 500_000, 2_600_000, 10_000_000)
FIVE = 1_000_000
PEER_S = 600
TERMS = FixedSize(Decimal(CASH), Decimal(1), tick=Decimal("0.00001"), lot=Decimal(1), fee_bps=Decimal(10))
CENT = 0.01


class Measured(NamedTuple):
    """A run: CPU seconds, fills, and the equity at the end."""

    cpu_s: float
    fills: int
    equity: float


@njit(error_model="numpy")
def bare_loop(opened: Any, close: Any, equity: Any, fast: int, slow: int) -> int:
    """The same work written out for these averages, without a trade list; returns the number of fills."""
    short, long, position, pending, fills, cash = 0, 0, 0, 0, 0, CASH * 10**8
    for at in range(close.size):
        if pending != 0:
            price = opened[at]
            cash -= pending * price * 1_000 + price
            position += pending
            fills += 1
            pending = 0
        short += close[at]
        long += close[at]
        if at >= fast:
            short -= close[at - fast]
        if at >= slow:
            long -= close[at - slow]
        if at >= slow - 1:
            wanted = 1 if slow * short - fast * long > 0 else 0
            if wanted != position:
                pending = wanted - position
        equity[at] = cash + position * close[at] * 1_000
    return fills


def integer_bars(count: int, seed: int = 11) -> IntegerBars:
    columns = [np.rint(column * 10**PRICE_DECIMALS).astype(np.int64) for column in walk(count, seed)]
    times = 60 * np.arange(1, count + 1)
    opened, high, low, close = columns
    return IntegerBars(times, opened, high, low, close, np.full(count, 1_000), PRICE_DECIMALS, 0)


def alternately(runs: dict[str, Callable[[], tuple[int, float]]]) -> dict[str, Measured]:
    """Return the quickest of several passes of each, in turn, so that what else runs slows all of them down.

    They run in each order once: what ran before leaves its memory to the next, and its data in the cache.
    """
    ends, times = {name: run() for name, run in runs.items()}, {name: [] for name in runs}
    for order in permutations(runs):
        for name in order:
            began = time.thread_time()
            runs[name]()
            times[name].append(time.thread_time() - began)
    return {name: Measured(min(times[name]), *ends[name]) for name in runs}


def ours(bars: IntegerBars) -> tuple[int, float]:
    result = fixed_size(contract.bind("sma_cross", {"fast": FAST, "slow": SLOW}, 1), bars, TERMS)
    return len(result.fills), int(result.equity[-1]) / 1e8


def by_its_step(bars: IntegerBars) -> tuple[int, float]:
    """Trade with a call of the step at each bar, as for a strategy of one's own."""
    with patch.object(fanfold.research.fixed_size, "windows_of", return_value=None):
        return ours(bars)


def bare(bars: IntegerBars) -> tuple[int, float]:
    equity = np.empty(bars.time.size, np.int64)
    fills = bare_loop(bars.open, bars.close, equity, FAST, SLOW)
    return fills, int(equity[-1]) / 1e8


def peak_mb(count: int) -> float:
    """Return how far a run lifts the resident memory at its highest, in megabytes."""
    bars, strategy = integer_bars(count), contract.bind("sma_cross", {"fast": FAST, "slow": SLOW}, 1)
    Path("/proc/self/clear_refs").write_text("5")
    before = resident_kb("VmRSS")
    fixed_size(strategy, bars, TERMS)
    return (resident_kb("VmHWM") - before) / 1_000


def resident_kb(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def peer(client: Peer, count: int) -> Measured:
    command = [str(environment(client)), str(CLIENTS / client.script), str(count), client.extra or "numba"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PEER_S, check=False)
    if done.returncode:
        sys.exit(f"{client.package} failed: {done.stderr[-2_000:]}")
    report = json.loads(done.stdout.splitlines()[-1])
    return Measured(report["cpu_s"], report["fills"], report["equity"])


def compared(count: int) -> list[tuple[object, ...]]:
    """Return a row an engine, with its time over that of ours. Exits where any traded otherwise."""
    bars = integer_bars(count)
    own = {"fanfold": ours, "bare numba loop": bare, "fanfold, a step a bar": by_its_step}
    runs = alternately({name: partial(run, bars) for name, run in own.items()})
    if count <= SIZES[1]:
        runs |= {f"{client.package} {client.version} {client.extra}".strip(): peer(client, count) for client in PEERS}
    first = runs["fanfold"]
    for name, run in runs.items():
        if run.fills != first.fills or abs(run.equity - first.equity) > CENT:
            sys.exit(f"{name} has {run.fills} fills and {run.equity}, fanfold {first.fills} and {first.equity}")
    return [
        (f"{name}, {count:,} bars", run.cpu_s / count * 1e9, run.cpu_s / first.cpu_s, run.fills, f"{run.equity:.8f}")
        for name, run in runs.items()
    ]


def main() -> None:
    rows = [row for count in SIZES for row in compared(count)]
    table("One back-test, CPU", ("engine", "ns a bar", "x fanfold", "fills", "final equity"), rows)
    print(f"\n{SIZES[-1]:,} bars take {peak_mb(SIZES[-1]):,.0f} MB besides the bars themselves")
    table(f"Five instruments, one account, {FIVE:,} bars", ("what", "ns a bar of one", "fills"), account.rows(FIVE))


if __name__ == "__main__":
    main()
