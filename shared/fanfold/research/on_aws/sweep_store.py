"""Sweeps in the lake's bucket, below ``research/``: bars by their hash, documents by sweep, rows by day and sweep.

research/bars/HASH                                    records of bars, compressed
research/sweeps/SWEEP/sweep.json                      the submitted sweep
research/sweeps/SWEEP/items-0.json                    the items of its first execution
research/trials/dt=2026-01-31/SWEEP/000000000-12.parquet    the rows of a batch
"""

import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from fanfold.aws.client.call import Call
from fanfold.aws.s3.audit_log import pages_of
from fanfold.aws.s3.lake import encoded
from fanfold.market.recording import Recording
from fanfold.research.on_aws.submission import (
    BatchItem,
    StoredBars,
    SubmittedSweep,
    batch_of,
    recording_of,
    rows_name,
    stored,
)
from fanfold.research.sweeping.trial_rows import row_schema

ROOT = "research"
TRIALS = f"{ROOT}/trials"
_SUFFIX = ".parquet"
# More would take longer than the bars take to send.
_LEVEL = 1
# Files that are read at once.
_READERS = 8


class SweepStore:
    """The sweeps in one bucket; what is written twice is the same, so every write may be repeated."""

    def __init__(self, call: Call, bucket: str) -> None:
        self._call = call
        self.bucket = bucket

    def keep_bars(self, recordings: Sequence[Recording]) -> tuple[StoredBars, ...]:
        """Store bars that the bucket lacks, and return where they are."""
        there = set(self._names(f"{ROOT}/bars/"))
        bars = tuple(map(stored, recordings))
        for recording, entry in zip(recordings, bars, strict=True):
            if _bars_key(entry) not in there:
                self._put(_bars_key(entry), zlib.compress(recording.records, _LEVEL))
        return bars

    def recording(self, bars: StoredBars) -> Recording:
        return recording_of(bars, zlib.decompress(self._get(_bars_key(bars))))

    def keep(self, submitted: SubmittedSweep) -> None:
        self._put(_document(submitted.sweep), msgspec.json.encode(submitted))

    def submitted(self, sweep: str) -> SubmittedSweep | None:
        """Return a sweep that was submitted; None where it was not."""
        if _document(sweep) not in self._names(_document(sweep)):
            return None
        return self.read(sweep)

    def read(self, sweep: str) -> SubmittedSweep:
        """Return a sweep that is known to be there."""
        return msgspec.json.decode(self._get(_document(sweep)), type=SubmittedSweep)

    def executions(self, sweep: str) -> int:
        """Return how many executions of a sweep have been given items."""
        return len(list(self._names(f"{ROOT}/sweeps/{sweep}/items-")))

    def keep_items(self, sweep: str, execution: int, items: Sequence[BatchItem]) -> None:
        """Store the items of an execution."""
        self._put(items_key(sweep, execution), msgspec.json.encode(items))

    def has_items(self, sweep: str, execution: int, items: Sequence[BatchItem]) -> bool:
        """Return whether an execution was given just these batches, whatever runs them."""
        kept = msgspec.json.decode(self._get(items_key(sweep, execution)), type=list[BatchItem])
        return [item.place for item in kept] == [item.place for item in items]

    def keep_rows(self, submitted: SubmittedSweep, item: BatchItem, rows: pa.Table) -> str:
        """Store the rows of a batch, and return their key."""
        key = f"{_rows_folder(submitted)}{rows_name(submitted.job, item)}{_SUFFIX}"
        self._put(key, encoded(rows))
        return key

    def rows_there(self, submitted: SubmittedSweep) -> set[str]:
        """Return the names of the batches whose rows are there."""
        folder = _rows_folder(submitted)
        return {key.removeprefix(folder).removesuffix(_SUFFIX) for key in self._names(folder)}

    def missing(self, submitted: SubmittedSweep, items: Sequence[BatchItem]) -> list[BatchItem]:
        """Return the items whose rows are not there."""
        there = self.rows_there(submitted)
        return [item for item in items if rows_name(submitted.job, item) not in there]

    def rows(self, submitted: SubmittedSweep, items: Sequence[BatchItem]) -> pa.Table:
        """Return the rows of batches that are there, in the order of their trials."""
        ordered = sorted(items, key=lambda item: batch_of(submitted.job, item).first)
        names = [rows_name(submitted.job, item) for item in ordered]
        keys = [f"{_rows_folder(submitted)}{name}{_SUFFIX}" for name in names]
        with ThreadPoolExecutor(_READERS) as readers:
            bodies = list(readers.map(self._get, keys))
        tables = [pq.read_table(pa.BufferReader(body), schema=row_schema()) for body in bodies]
        return pa.concat_tables([row_schema().empty_table(), *tables])

    def _names(self, prefix: str) -> Iterator[str]:
        for page in pages_of(self._call, {"Bucket": self.bucket, "Prefix": prefix}):
            yield from (entry["Key"] for entry in page.get("Contents", []))

    def _get(self, key: str) -> bytes:
        body: bytes = self._call("s3", "GetObject", {"Bucket": self.bucket, "Key": key})["Body"]
        return body

    def _put(self, key: str, body: bytes) -> None:
        self._call("s3", "PutObject", {"Bucket": self.bucket, "Key": key, "Body": body})


def items_key(sweep: str, execution: int) -> str:
    """Return where the items of an execution lie."""
    return f"{ROOT}/sweeps/{sweep}/items-{execution}.json"


def _bars_key(bars: StoredBars) -> str:
    return f"{ROOT}/bars/{bars.digest}"


def _document(sweep: str) -> str:
    return f"{ROOT}/sweeps/{sweep}/sweep.json"


def _rows_folder(submitted: SubmittedSweep) -> str:
    return f"{TRIALS}/dt={submitted.day}/{submitted.sweep}/"
