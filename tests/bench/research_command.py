"""The whole command: a process that reads bars from Parquet, trades them and ends, beside engines of others.

SMA 20/100 with all cash, long or flat, next-open fills, no costs; 500,000 bars. No time is printed unless all have the
same number of round trips and, within half a percent, the same return: the others size in floats or whole units, and
by other prices.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from peers.environments import Peer, environment
from printed import table
from research_peers.crossing import FAST, SLOW, walk

BARS, RUNS, RUN_S = 500_000, 5, 300
RETURN_APART_MAX = 0.005
PEERS = (
    Peer("backtesting", "0.6.6", "backtesting_command.py"),
    Peer("raptorbt", "0.13.4", "raptorbt_command.py"),
)
# What the others read the file with.
READERS = ("pandas==2.3.3", "pyarrow==26.0.1")
CLIENTS = Path(__file__).resolve().parent / "research_peers"
OURS = [str(Path(sys.executable).with_name("fanfold")), "backtest", "--json", "--ignore-loss-limits"]
# All cash, and nothing in its way.
DESK = f"""
[instruments."BTC/USDT"]
tick = "0.00001"
lot = "0.00001"
amount_min = "0.00001"
base = "BTC"
quote = "USDT"
as_of = "2025-01-01"
source = "made up"
notional_min = "0.01"
[venues.walk]
kind = "replay"
symbols = ["BTC/USDT"]
[accounts.main]
venue = "walk"
kind = "margin"
currency = "USDT"
cash = "10000"
taker_bps = "0"
spread_bps = "0"
slippage_bps = "0"
[strategies.crossing]
strategy = "sma_cross"
params = {{ fast = {FAST}, slow = {SLOW} }}
instruments = ["BTC/USDT"]
timeframe = "1m"
allocation = "1"
account = "main"
[limits.main]
order_notional_max = "10000000"
position_notional_max = "10000000"
gross_max = "10"
net_max = "10"
orders_per_minute_max = 1000
"""


def write(path: Path) -> None:
    """Write the walk as minutes, with more volume than anyone trades."""
    times = np.datetime64("2025-01-01", "ms") + np.arange(BARS) * np.timedelta64(60_000, "ms")
    prices = dict(zip(("open", "high", "low", "close"), walk(BARS), strict=True))
    pq.write_table(pa.table({"time": times, **prices, "volume": np.full(BARS, 1e9)}), path)


def commands(folder: Path) -> dict[str, list[str]]:
    path = folder / "walk.parquet"
    write(path)
    desk = folder / "desk.toml"
    desk.write_text(DESK)
    lines = {"fanfold": [*OURS, "--desk", str(desk), "--library", str(folder), "--data", f"{path}=BTC/USDT"]}
    for client in PEERS:
        python = str(environment(client))
        subprocess.run([python, "-m", "pip", "install", "--quiet", *READERS], check=True)
        lines[f"{client.package} {client.version}"] = [python, str(CLIENTS / client.script), str(path)]
    return lines


def run(command: list[str], folder: Path) -> tuple[float, int, float]:
    """Return CPU seconds, round trips and the return of a process."""
    before = getrusage(RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_S, check=False, cwd=folder)
    after = getrusage(RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{command[0]} failed: {done.stderr[-2_000:]}")
    report = json.loads(done.stdout)
    if "accounts" in report:
        report = report["accounts"]["main"]["metrics"]
        report |= report["trips"]
    taken = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return taken, report["round_trips"], float(report["total_return"])


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = commands(folder)
        # The first run compiles, and writes byte code.
        ends = {engine: run(command, folder) for engine, command in lines.items()}
        times: dict[str, list[float]] = {engine: [] for engine in lines}
        for _ in range(RUNS):
            for engine, command in lines.items():
                times[engine].append(run(command, folder)[0])
    _, trips, gain = ends["fanfold"]
    for engine, (_, others, other) in ends.items():
        if others != trips or abs(other - gain) > RETURN_APART_MAX:
            sys.exit(f"{engine} has {others} round trips and {other}, fanfold {trips} and {gain}")
    first = median(times["fanfold"])
    rows = [(engine, median(taken), first / median(taken), *ends[engine][1:]) for engine, taken in times.items()]
    heads = ("engine", "CPU s", "fanfold's time over its", "round trips", "return")
    load = f"at a load average of {os.getloadavg()[0]:.0f}"
    table(f"The whole command, {BARS:,} bars from Parquet, median of {RUNS} in turn, {load}", heads, rows)


if __name__ == "__main__":
    main()
