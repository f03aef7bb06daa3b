"""Run a sweep on all cores.

What compiles runs in threads, which share the bars: compiled scans hold no lock of Python's. Other steps take a process
a core.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pyarrow as pa

from fanfold.local.worker_processes import worker_processes
from fanfold.market.recording import Recording
from fanfold.research.crossing import windows_of
from fanfold.research.folding import compiles
from fanfold.research.sweeping.one_leg_trials import has_one_leg
from fanfold.research.sweeping.parts_of_sweep import SweepParts, in_order
from fanfold.research.sweeping.sweep_job import SweepJob, TrialBatch, batches
from fanfold.research.sweeping.swept_bars import PreparedBars
from fanfold.research.sweeping.trials import run_batch
from fanfold.strategy import contract, folder
from fanfold.strategy.loading import attempted

# A batch takes about a second, so that little is lost when a sweep is stopped: bars times trials, of which each goes
# from crossing to crossing of averages, is stepped in compiled code, or in Python.
CROSSED_BARS, COMPILED_BARS, PLAIN_BARS = 200_000_000, 20_000_000, 1_000_000
TRIALS_MAX = 256
# What each process works on; it comes with the process, once.
_bars: list[Recording] = []


def run_job(
    job: SweepJob,
    recordings: Sequence[Recording],
    parts: SweepParts,
    on_trials: Callable[[int], None] = lambda _count: None,
    workers: int | None = None,
) -> pa.Table:
    """Return the rows of all trials; those that ``parts`` has already are not traded again.

    ``on_trials`` hears how many more are done. Rows are kept in ``parts`` as batches end; after an interrupt no process
    is left, and what is done is kept.
    """
    tables = [parts.read()]
    known = set(tables[0]["trial"].to_pylist())
    on_trials(len(known))
    bars_at_once = _bars_at_once(job, recordings)
    plain, count = bars_at_once == PLAIN_BARS, workers or os.cpu_count() or 1
    todo = [batch for batch in batches(job, _size(job, recordings, count, bars_at_once)) if not _done(batch, known)]
    with _executor(min(count, max(len(todo), 1)), recordings, plain=plain) as (executor, work):
        futures: dict[Future[pa.Table], TrialBatch] = {executor.submit(work, batch): batch for batch in todo}
        for future in as_completed(futures):
            batch, rows = futures.pop(future), future.result()
            parts.write(batch, rows)
            tables.append(rows)
            on_trials(sum(number not in known for number in _numbers(batch)))
    # Not from the parts, which another process with the same sweep removes when it ends.
    return in_order(tables)


def _bars_at_once(job: SweepJob, recordings: Sequence[Recording]) -> int:
    """Return how many bars times trials go into a batch, by the first configuration that the strategy takes."""
    members = len(job.markets[0])
    for configuration in job.configurations:
        strategy = attempted(partial(contract.bind, job.instance.strategy, configuration, members))
        if isinstance(strategy, BaseException):
            continue
        if not compiles(strategy, members):
            return PLAIN_BARS
        one_leg = all(has_one_leg(job.desk, market, each) for market in job.markets for each in recordings)
        by_sums = windows_of(strategy, 0) is not None and (one_leg or job.terms.quantity is not None)
        return CROSSED_BARS if by_sums else COMPILED_BARS
    return COMPILED_BARS


def _numbers(batch: TrialBatch) -> range:
    return range(batch.first, batch.first + len(batch.configurations))


def _done(batch: TrialBatch, known: set[int]) -> bool:
    return known.issuperset(_numbers(batch))


def _size(job: SweepJob, recordings: Sequence[Recording], workers: int, bars_at_once: int) -> int:
    """Return how many trials go into a batch."""
    bars = max(recording.count for recording in recordings) * len(job.markets[0]) // len(job.windows)
    # A few batches a core, so that none waits long for another. Those that cross take about as long as each other.
    share = -(-job.trials // (workers if bars_at_once == CROSSED_BARS else 2 * workers))
    return max(1, min(bars_at_once // max(bars, 1), share, TRIALS_MAX))


@contextmanager
def _executor(
    workers: int, recordings: Sequence[Recording], *, plain: bool
) -> Iterator[tuple[Executor, Callable[[TrialBatch], pa.Table]]]:
    """Yield an executor with what it is to do of a batch; nothing of it is left behind."""
    if not plain or workers == 1:
        with ThreadPoolExecutor(workers) as threads:
            try:
                yield threads, partial(run_batch, recordings=recordings, prepared=PreparedBars())
            finally:
                threads.shutdown(cancel_futures=True)
        return
    begin = partial(_begin, folder.in_use(), [_carried(recording) for recording in recordings])
    with worker_processes(workers, begin, "spawn") as processes:
        yield processes, _run_here


def _carried(recording: Recording) -> tuple[object, ...]:
    """Return a recording as another process takes it."""
    scales = recording.price_scale, recording.volume_scale
    return recording.instrument, recording.timeframe, *scales, recording.after, bytes(recording.records)


def _begin(strategies: Path | None, recordings: list[tuple[object, ...]]) -> None:
    """Begin as a process of a sweep."""
    if strategies is not None:
        folder.use(strategies)
    _bars[:] = [Recording(*fields) for fields in recordings]  # type: ignore[arg-type]


def _run_here(batch: TrialBatch) -> pa.Table:
    return run_batch(batch, _bars)
