"""A sweep as AWS gets it: a document for all batches, and an item for each, which the state machine hands out."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2s
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from fanfold.errors import BadInput
from fanfold.market.recording import RECORD, Recording
from fanfold.research.sweeping.sweep_job import SweepJob, TrialBatch

Runner = Literal["function", "container"]


class StoredBars(msgspec.Struct, frozen=True, kw_only=True):
    """Bars of an instrument as they lie in the bucket: records under ``digest``, and what their numbers mean."""

    instrument: str
    timeframe: str
    price_scale: int
    volume_scale: int
    after: int
    digest: str


class SubmittedSweep(msgspec.Struct, frozen=True, kw_only=True):
    """A sweep that was submitted on a ``day`` (2026-01-31), in batches of at most ``trials_max`` trials.

    ``code`` is the hash of the strategy's step, and ``version`` the release, that its trials are of.
    """

    sweep: str
    day: str
    job: SweepJob
    bars: tuple[StoredBars, ...]
    code: str
    version: str
    trials_max: int


class BatchItem(msgspec.Struct, frozen=True, kw_only=True):
    """Trials of a market in a window, both by their places in the job; ``first`` is a place among configurations.

    A batch that no function could end in time has a container as its runner, which starts in one of ``subnets``.
    """

    sweep: str
    market: int
    window: int
    first: int
    count: int
    runner: Runner = "function"
    subnets: tuple[str, ...] = ()

    @property
    def place(self) -> tuple[int, int, int, int]:
        """Return what it trades: its market, window, first configuration, and how many."""
        return self.market, self.window, self.first, self.count


class BatchTimes(NamedTuple):
    """The time of a batch: ``start_s`` for a process that begins, and ``s_a_bar`` for each bar of a trial."""

    start_s: float
    s_a_bar: float

    def batch_s(self, bars: int, trials: int) -> float:
        return self.start_s + bars * trials * self.s_a_bar


# Batches end well before a function's 15 minutes, and little is traded again where one is lost.
BATCH_S = 120.0
FUNCTION_S_MAX = 900.0
TRIALS_MAX = 1_000


def stored(recording: Recording) -> StoredBars:
    """Return how a recording is stored; its records are apart."""
    return StoredBars(
        instrument=recording.instrument,
        timeframe=recording.timeframe,
        price_scale=recording.price_scale,
        volume_scale=recording.volume_scale,
        after=recording.after,
        digest=blake2s(recording.records, digest_size=16).hexdigest(),
    )


def recording_of(bars: StoredBars, records: bytes) -> Recording:
    """Return bars from their records. Raises BadInput where the records are others."""
    recording = Recording(bars.instrument, bars.timeframe, bars.price_scale, bars.volume_scale, bars.after, records)
    if stored(recording) != bars:
        raise BadInput(f"the records of {bars.instrument} under {bars.digest} are others: remove them, submit again")
    return recording


def bars_in(job: SweepJob, recordings: Iterable[Recording]) -> dict[tuple[int, int], int]:
    """Return how many bars a trial sees, by the places of its market and its window."""
    known = {recording.instrument: recording for recording in recordings}
    lacking = sorted({name for market in job.markets for name in market} - known.keys())
    if lacking:
        raise BadInput(f"the data has no bars of {', '.join(lacking)}, which the sweep trades")
    closes = {name: np.frombuffer(each.records, "<i8")[:: RECORD.size // 8] for name, each in known.items()}
    return {
        (at, place): sum(_between(closes[name], window.since, window.until) for name in market)
        for at, market in enumerate(job.markets)
        for place, window in enumerate(job.windows)
    }


def _between(closes: "np.ndarray[tuple[int], np.dtype[np.int64]]", since: int, until: int) -> int:
    first, last = np.searchsorted(closes, (since, until + 1))
    return int(last - first)


def batch_size(bars: Mapping[tuple[int, int], int], times: BatchTimes) -> int:
    """Return how many trials go into a batch, so that the longest takes about BATCH_S; at least one."""
    trial_s = max(bars.values()) * times.s_a_bar
    return int(max(1, min(TRIALS_MAX, (BATCH_S - times.start_s) / trial_s if trial_s else TRIALS_MAX)))


def items_of(
    submitted: SubmittedSweep,
    bars: Mapping[tuple[int, int], int],
    times: BatchTimes,
    subnets: Sequence[str] = (),
    there: Collection[str] = (),
) -> list[BatchItem]:
    """Return the items of all batches; ``there`` has the names of those whose rows are there, which nothing runs.

    Raises BadInput where one needs a container and no subnet is named.
    """
    items = []
    for market, window, first, count in _cuts(submitted.job, submitted.trials_max):
        item = BatchItem(sweep=submitted.sweep, market=market, window=window, first=first, count=count)
        batch_s = times.batch_s(bars[market, window], count)
        if batch_s > FUNCTION_S_MAX and rows_name(submitted.job, item) not in there:
            item = _in_container(item, batch_s, subnets)
        items.append(item)
    return items


def _in_container(item: BatchItem, batch_s: float, subnets: Sequence[str]) -> BatchItem:
    if not subnets:
        what = "a trial takes" if item.count == 1 else f"{item.count} trials, which were submitted as one batch, take"
        raise BadInput(
            f"{what} about {batch_s / 60:.0f} minutes, and a function has 15: they need a container, so name the "
            "subnets that it may start in as FANFOLD_RESEARCH_SUBNETS, or trade shorter windows"
        )
    return msgspec.structs.replace(item, runner="container", subnets=tuple(subnets))


def _cuts(job: SweepJob, trials_max: int) -> Iterator[tuple[int, int, int, int]]:
    count = len(job.configurations)
    for market in range(len(job.markets)):
        for window in range(len(job.windows)):
            for first in range(0, count, trials_max):
                yield market, window, first, min(trials_max, count - first)


def batch_of(job: SweepJob, item: BatchItem) -> TrialBatch:
    """Return the batch that an item means; its trials have the numbers that they have in the whole sweep."""
    place = item.market * len(job.windows) + item.window
    return TrialBatch(
        desk=job.desk,
        market=job.markets[item.market],
        window=job.windows[item.window],
        terms=job.terms,
        first=place * len(job.configurations) + item.first,
        configurations=job.configurations[item.first : item.first + item.count],
    )


def rows_name(job: SweepJob, item: BatchItem) -> str:
    """Return the name of the file with a batch's rows: its first trial, and how many there are."""
    return f"{batch_of(job, item).first:09}-{item.count}"
