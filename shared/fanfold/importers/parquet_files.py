"""Bars as a Parquet file that is read back bit by bit."""

from typing import IO

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from fanfold.importers.data_files import DataFile
from fanfold.importers.table import PRICES
from fanfold.market import timeframes
from fanfold.market.bars import Bar


def write(into: IO[bytes], file: DataFile) -> None:
    """Write the bars with their times of opening. A volume that was assumed is left out."""
    recording = file.recording
    rows = np.frombuffer(recording.records, dtype=np.int64).reshape(-1, len(Bar._fields))
    opens = (rows[:, 0] - timeframes.seconds(recording.timeframe)) * 1_000
    columns = {"time": pa.array(opens).cast(pa.timestamp("ms", "UTC"))}
    # A double keeps the fifteen digits that a file may have.
    columns |= {name: pa.array(rows[:, place] / 10.0**recording.price_scale) for place, name in enumerate(PRICES, 1)}
    if not file.unbounded:
        columns["volume"] = pa.array(rows[:, 5] / 10.0**recording.volume_scale)
    parquet.write_table(pa.table(columns), into, compression="zstd")
