"""Measure what a trial takes on this machine, from which the batches of a sweep and its price are computed."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from fanfold.market import timeframes
from fanfold.market.recording import Recording
from fanfold.research.on_aws.submission import BatchTimes, bars_in
from fanfold.research.sweeping.sweep_job import SweepJob, TradedWindow, TrialBatch, batches
from fanfold.research.sweeping.trials import run_batch

# Trials that are measured, spread over the configurations, and how many recorded bars they see at most.
TRIALS, BARS = 8, 20_000
# A core of Lambda may be half as fast as this one; and a process that begins loads numba, pyarrow and the bars.
SLOWER = 2
BEGIN_S = 10.0


def measured_times(job: SweepJob, recordings: Sequence[Recording], clock: Callable[[], float]) -> BatchTimes:
    """Trade a sample twice, the first time with what it takes to compile; ``clock`` reads seconds."""
    sample = _sample(job, recordings)
    batch = next(batches(sample, TRIALS))
    compiling, _ = _timed(batch, recordings, clock)
    trading, traded = _timed(batch, recordings, clock)
    bars = max(bars_in(sample, recordings).values()) * max(traded, 1)
    return BatchTimes(BEGIN_S + SLOWER * max(compiling - trading, 0.0), SLOWER * trading / max(bars, 1))


def _sample(job: SweepJob, recordings: Sequence[Recording]) -> SweepJob:
    step = -(-len(job.configurations) // TRIALS)
    window = job.windows[0]
    length = timeframes.seconds(recordings[0].timeframe)
    return replace(
        job,
        configurations=job.configurations[::step],
        markets=job.markets[:1],
        windows=(TradedWindow(window.since, min(window.until, window.since + BARS * length)),),
    )


def _timed(batch: TrialBatch, recordings: Sequence[Recording], clock: Callable[[], float]) -> tuple[float, int]:
    """Return the seconds of a batch, and how many of its trials could be traded."""
    begun = clock()
    rows = run_batch(batch, recordings)
    return clock() - begun, rows["error"].null_count
