"""The rows of a sweep that is under way: a Parquet file a batch, so that what is done stays done."""

from collections.abc import Sequence
from contextlib import suppress
from hashlib import blake2s
from pathlib import Path
from shutil import rmtree

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fanfold import __version__
from fanfold.market.recording import Recording
from fanfold.research.data_hashes import data_hash
from fanfold.research.library import write_table
from fanfold.research.sweeping.sweep_job import SweepJob, TrialBatch
from fanfold.research.sweeping.trial_rows import row_schema
from fanfold.strategy import contract


def job_hash(job: SweepJob, recordings: list[Recording]) -> str:
    """Hash a job with its bars, the strategy's code and the release: what has the same hash has the same rows."""
    bars = data_hash(recordings, job.windows[0].since, job.windows[-1].until)
    code = contract.code_of(job.instance.strategy)
    document = msgspec.json.encode(job, order="sorted")
    return blake2s(
        b"\0".join([document, bars.encode(), code.encode(), __version__.encode()]), digest_size=8
    ).hexdigest()


class SweepParts:
    """A folder with a file a batch that is done; without a folder, the rows of what is done in memory."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._tables: list[pa.Table] = []

    def read(self) -> pa.Table:
        """Return the rows that are there, in the order of their trials, each once."""
        files = sorted(self.folder.glob("*.parquet")) if self.folder is not None else []
        return in_order([*self._tables, *(table for file in files if (table := _table(file)) is not None)])

    def write(self, batch: TrialBatch, rows: pa.Table) -> None:
        """Keep the rows of a batch; a file is there whole, or not at all."""
        if self.folder is None:
            self._tables.append(rows)
            return
        # Where another process with the same sweep ended, it removed the folder, and nothing is left to go on with.
        with suppress(FileNotFoundError):
            write_table(self.folder / f"{batch.first:09}-{len(batch.configurations)}.parquet", rows)

    def remove(self) -> None:
        """Remove the folder with all that is in it, whatever another process with the same sweep does there."""
        if self.folder is not None:
            rmtree(self.folder, ignore_errors=True)


def in_order(tables: Sequence[pa.Table]) -> pa.Table:
    """Return rows in the order of their trials, each once."""
    rows = pa.concat_tables([row_schema().empty_table(), *tables])
    # A sweep that goes on with more cores, or fewer, is split otherwise, and then parts overlap.
    _, first = np.unique(rows["trial"].to_numpy(), return_index=True)
    return rows.take(first)


def _table(file: Path) -> pa.Table | None:
    """Return the rows of a file; None where another process with the same sweep ended, and removed it.

    So it is of a file that a machine which stopped left damaged: its batch is traded again.
    """
    try:
        return pq.read_table(file, schema=row_schema())
    except (FileNotFoundError, pa.ArrowInvalid):
        return None
