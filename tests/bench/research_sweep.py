"""A sweep by a fixed quantity on two cores, warm, beside vectorbt in its own environment; and the library of runs.

SMA pairs over half a million bars, long or flat, next-open fills, 0.1 % fee. No time is printed unless both have
the same fills, and the same sum of all equities to a cent a pair.
"""

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from peers.environments import Peer, environment
from printed import table
from research_peers.crossing import CASH, PRICE_DECIMALS, walk

from fanfold.market.recording import Recording
from fanfold.research.library import RunLibrary, RunStamp, RunsWanted
from fanfold.research.sweeping.parts_of_sweep import SweepParts
from fanfold.research.sweeping.running import run_job
from fanfold.research.sweeping.sweep_job import SizingTerms, SweepJob, TradedWindow
from fanfold.research.sweeping.trial_rows import table_of
from support.backtests import START, desk_of, instance

PEER = Peer("vectorbt", "1.2.0", "vectorbt_sweep_client.py")
CLIENTS = Path(__file__).resolve().parent / "research_peers"
MARKET, BARS, CORES, PEER_S = "BTC/USDT", 500_000, 2, 1_200
# Of each count of pairs, fast and slow averages; the peer trades the first.
PAIRS = {100: (range(5, 25), range(60, 110, 10)), 1_000: (range(5, 55), range(60, 160, 5))}
# As many pairs as the aim names, over fewer bars; no peer does so many.
MANY, MANY_BARS = (range(5, 105), range(110, 310, 2)), 200_000
RUNS, PASSES, CENT = 10_000, 5, Decimal("0.01")


def recording(bars: int = BARS, volume: int = 1_000) -> Recording:
    columns = [np.rint(column * 10**PRICE_DECIMALS).astype("<i8") for column in walk(bars)]
    times = START + 60 * np.arange(1, bars + 1)
    rows = np.stack([times, *columns, np.full(bars, volume)], axis=1).astype("<i8")
    return Recording(MARKET, "1m", PRICE_DECIMALS, 0, START, rows.tobytes())


def job(averages: tuple[range, range], bars: int = BARS) -> SweepJob:
    fees: dict[str, Any] = {"taker_bps": "10", "maker_bps": "10", "spread_bps": "0", "slippage_bps": "0"}
    traded = desk_of({"a": instance("sma_cross", [MARKET])}, cash=str(CASH), **fees)
    rules = msgspec.structs.replace(traded.instruments[MARKET], tick=Decimal("0.00001"), lot=Decimal(1))
    return SweepJob(
        desk=msgspec.structs.replace(traded, instruments={**traded.instruments, MARKET: rules}),
        configurations=tuple({"fast": fast, "slow": slow} for fast, slow in product(*averages)),
        markets=((MARKET,),),
        windows=(TradedWindow(START + 60, START + 60 * bars),),
        terms=SizingTerms(quantity=Decimal(1)),
    )


def ours(wanted: SweepJob, bars: Recording) -> tuple[float, float, int, Decimal]:
    """Return CPU seconds, seconds, fills and the sum of equities of a sweep."""
    cpu, wall = time.process_time(), time.perf_counter()
    rows = run_job(wanted, [bars], SweepParts(), workers=CORES)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return cpu, wall, sum(rows["fills"].to_pylist()), sum(rows["equity"].to_pylist(), Decimal(0))


def peer(client: Peer, wanted: SweepJob) -> dict[str, Any]:
    """Return what the client of a peer reports of a job's pairs."""
    pairs = ";".join(f"{each['fast']},{each['slow']}" for each in wanted.configurations)
    command = [str(environment(client)), str(CLIENTS / client.script), str(BARS), pairs]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PEER_S, check=False)
    if done.returncode:
        sys.exit(f"{client.package} failed: {done.stderr[-2_000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def sweeps() -> None:
    bars, rows = recording(), list[tuple[Any, ...]]()
    ours(job(PAIRS[100]), bars)
    for count, averages in PAIRS.items():
        wanted = job(averages)
        cpu, wall, fills, equity = ours(wanted, bars)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        rows.append((f"fanfold, {count:,} pairs", cpu, wall, cpu / count / BARS * 1e9, 1.0, peak, fills))
        if count == min(PAIRS):
            report = peer(PEER, wanted)
            peer_cpu, peer_fills, peer_equity, peer_peak = (
                report[key] for key in ("cpu_s", "fills", "equity", "peak_mb")
            )
            if peer_fills != fills or abs(Decimal(peer_equity) - equity) > CENT * count:
                sys.exit(f"vectorbt has {peer_fills} fills and {peer_equity}, fanfold {fills} and {equity}")
            label = f"{PEER.package} {PEER.version}, {count:,} pairs, final value alone"
            rows.append((label, peer_cpu, "", peer_cpu / count / BARS * 1e9, peer_cpu / cpu, peer_peak, peer_fills))
    headings = ("engine", "CPU s", "s", "ns a bar and pair", "x fanfold", "peak MB", "fills")
    table(f"A sweep, {BARS:,} bars, {CORES} cores", headings, rows)


def many() -> None:
    wanted = job(MANY, MANY_BARS)
    cpu, wall, fills, _ = ours(wanted, recording(MANY_BARS))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row = f"fanfold, {wanted.trials:,} pairs", cpu, wall, cpu / wanted.trials / MANY_BARS * 1e9, peak, fills
    headings = ("engine", "CPU s", "s", "ns a bar and pair", "peak MB", "fills")
    table(f"A sweep, {MANY_BARS:,} bars, {CORES} cores", headings, [row])


def library() -> None:
    """Print what a question of a library of runs takes."""
    dice = random.Random(7)
    with tempfile.TemporaryDirectory() as folder:
        kept = RunLibrary(Path(folder))
        for number in range(RUNS // 100):
            rows = [
                {"trial": trial, "strategy": dice.choice(["sma_cross", "breakout"]), "params": f'{{"n":{trial}}}',
                 "instruments": MARKET, "timeframe": "1m", "since": START, "until": START + 86_400,
                 "sharpe": dice.gauss(0, 1)} for trial in range(100)
            ]  # fmt: skip
            kept.keep(RunStamp(f"sweep-{number:04}", "sweep", START + number), table_of(rows))
        kept.tag("sweep-0007", "candidate")
        questions = {
            "ranked, of a strategy": lambda: kept.runs(RunsWanted("sma_cross", rank="sharpe", rows_max=20)),
            "of a tag": lambda: kept.runs(RunsWanted(tag="candidate")),
            "trials of a strategy": lambda: len(kept.tried("sma_cross", [MARKET], START, START)),
        }
        answered = []
        for name, ask in questions.items():
            taken = []
            for _ in range(PASSES):
                began = time.process_time()
                ask()
                taken.append((time.process_time() - began) * 1e3)
            answered.append((name, min(taken)))
    table(f"A library of {RUNS:,} runs, warm", ("question", "CPU ms"), answered)


if __name__ == "__main__":
    sweeps()
    many()
    library()
