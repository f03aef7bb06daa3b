"""A sweep by all cash on two cores, warm, beside raptorbt in its own environment.

SMA pairs over half a million bars, long or flat, next-open fills, no costs; raptorbt knows no fixed quantity. No time
is printed unless each pair has the same round trips and, within half a percent, the same return.
"""

import resource
import sys
import time
import tomllib
from typing import Any

import msgspec
from peers.environments import Peer
from printed import table
from research_command import DESK, RETURN_APART_MAX
from research_sweep import BARS, CORES, PAIRS, job, peer, recording

from fanfold import desk
from fanfold.research.sweeping.parts_of_sweep import SweepParts
from fanfold.research.sweeping.running import run_job
from fanfold.research.sweeping.sweep_job import SizingTerms, SweepJob

PEER = Peer("raptorbt", "0.13.4", "raptorbt_sweep_client.py")


def job_by_cash(averages: tuple[range, range]) -> SweepJob:
    """Return the job of pairs by the desk of the whole command."""
    wanted, lost = job(averages), 'daily_loss_max = "1"\ndrawdown_max = "1"\n'
    return msgspec.structs.replace(
        wanted, desk=desk.build(tomllib.loads(DESK + lost), "desk.toml"), terms=SizingTerms()
    )


def by_cash() -> None:
    bars, rows = recording(volume=10**9), list[tuple[Any, ...]]()
    run_job(job_by_cash(PAIRS[min(PAIRS)]), [bars], SweepParts(), workers=CORES)
    for count, averages in PAIRS.items():
        wanted, began = job_by_cash(averages), time.process_time()
        trials = (
            run_job(wanted, [bars], SweepParts(), workers=CORES).select(["round_trips", "total_return"]).to_pylist()
        )
        taken, trips = time.process_time() - began, sum(trial["round_trips"] for trial in trials)
        peak, report = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, peer(PEER, wanted)
        for trial, (known, gain) in zip(trials, report["pairs"], strict=True):
            if trial["round_trips"] != known or abs(float(trial["total_return"]) - gain) > RETURN_APART_MAX:
                sys.exit(f"{PEER.package} has {known} round trips and {gain}, fanfold {trial}")
        for engine, cpu, most in (
            ("fanfold", taken, peak),
            (f"{PEER.package} {PEER.version}", report["cpu_s"], report["peak_mb"]),
        ):
            rows.append((f"{engine}, {count:,} pairs", cpu, cpu / count / BARS * 1e9, cpu / taken, most, trips))
    headings = ("engine", "CPU s", "ns a bar and pair", "x fanfold", "peak MB", "round trips")
    table(f"A sweep by all cash, {BARS:,} bars, {CORES} cores", headings, rows)


if __name__ == "__main__":
    by_cash()
