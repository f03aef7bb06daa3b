"""Bars as rows of the lake's table of bars, day by day, and a lake in a folder as a file of bars."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fanfold.importers.table import PRICES, Integers, Places, RawTable, RowNumbers, refuse
from fanfold.market import timeframes
from fanfold.market.bars import Bar
from fanfold.market.recording import Recording
from fanfold.market.timeframes import DAY_S

if TYPE_CHECKING:
    from pyarrow.dataset import Dataset

LOCK = ".lock"
_FILES = "bars/dt=*/*.parquet"
_COLUMNS = ("closes_at", *PRICES, "volume", "instrument")


def of_days(recording: Recording, venue: str, source: str, schema: pa.Schema) -> Iterator[tuple[str, pa.Table]]:
    """Yield each UTC date with the bars that close on it, in the columns of ``schema``; others than those are null.

    ``source`` is the message_id: it says where the bars come from.
    """
    bars = np.frombuffer(recording.records, dtype=np.int64).reshape(-1, len(Bar._fields))
    days = bars[:, 0] // DAY_S
    if not recording.count:
        return
    for begin, end in zip(*_runs(days), strict=True):
        rows = bars[begin:end]
        known = {
            "venue": venue,
            "instrument": recording.instrument,
            "timeframe": recording.timeframe,
            "message_id": source,
        }
        columns = {name: pa.array([text] * len(rows)) for name, text in known.items()}
        columns["closes_at"] = pa.array(rows[:, 0] * 1_000).cast(pa.timestamp("ms"))
        columns |= {name: _amounts(rows[:, place], recording.price_scale) for place, name in enumerate(PRICES, 1)}
        columns["volume"] = _amounts(rows[:, 5], recording.volume_scale)
        nothing = {name: pa.nulls(len(rows), schema.field(name).type) for name in schema.names if name not in columns}
        dt = datetime.fromtimestamp(int(days[begin]) * DAY_S, UTC).date().isoformat()
        yield dt, pa.table(columns | nothing).select(schema.names).cast(schema)


@contextmanager
def held_for_reading(folder: Path) -> Iterator[Path]:
    """Yield a lake that no command writes meanwhile; an import or a compaction that is under way is waited for."""
    try:
        lock = (folder / LOCK).open()
    except OSError:
        # No command of this version wrote it.
        yield folder
        return
    with lock:
        # Some file systems have no locks: what lies there is read as it is.
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield folder


def is_lake(path: Path) -> bool:
    """Return whether a path is a folder with the lake's files of bars."""
    return path.is_dir() and next(path.glob(_FILES), None) is not None


def load(path: Path, symbol: str) -> RawTable:
    """Return the shortest bars of an instrument in a lake; of the only one where ``symbol`` is empty.

    Raises BadInput where it holds none of it, or several instruments and none is named.
    """
    from pyarrow import dataset  # noqa: PLC0415 - it loads six libraries, which no other file needs

    with held_for_reading(path):
        return _load(path, symbol, dataset.dataset([str(file) for file in sorted(path.glob(_FILES))], format="parquet"))


def _load(path: Path, symbol: str, files: "Dataset") -> RawTable:
    named = sorted(pc.unique(files.to_table(columns=["instrument"])["instrument"]).to_pylist())
    if symbol not in named and (symbol or len(named) != 1):
        names = f"{', '.join(named[:5])}{' …' if len(named) > 5 else ''}"
        refuse(path, f"the lake holds bars of {names}; say which: {path}={named[0] if named else 'BTC/USDT'}")
    wanted = files.to_table(
        columns=["venue", "timeframe", *_COLUMNS], filter=pc.field("instrument") == (symbol or named[0])
    )
    venues = sorted(pc.unique(wanted["venue"]).to_pylist())
    if len(venues) > 1:
        refuse(
            path, f"it holds {symbol or named[0]} of {', '.join(venues)}: keep the bars of a venue in a lake of its own"
        )
    lengths = sorted(pc.unique(wanted["timeframe"]).to_pylist(), key=timeframes.seconds)
    rows = wanted.filter(pc.equal(wanted["timeframe"], lengths[0])).select(list(_COLUMNS)).sort_by("closes_at")
    notes = (f"of its timeframes {', '.join(lengths)}, {lengths[0]} is taken",) if len(lengths) > 1 else ()
    places = Places({"closes": "closes_at", "symbol": "instrument", **{name: name for name in (*PRICES, "volume")}})
    return RawTable(path, "lake", RowNumbers(), rows.combine_chunks(), places, notes)


def _runs(days: Integers) -> tuple[list[int], list[int]]:
    """Return the first row of each day, and the one behind its last."""
    ends = (np.flatnonzero(np.diff(days)) + 1).tolist()
    return [0, *ends], [*ends, len(days)]


def _amounts(units: Integers, scale: int) -> pa.Array:
    """Return whole units as exact amounts of the lake."""
    whole = pa.array(units).cast(pa.decimal128(19, 0))
    if scale == 0:
        return whole.cast(pa.decimal128(38, 18))
    step = pa.array([10 ** (18 - scale)]).cast(pa.decimal128(19, 0)).cast(pa.decimal128(18, 0))[0]
    scaled = pc.multiply(whole, step)
    # These are the digits of the lake's 18 decimals: only the point is to be put.
    return pa.Array.from_buffers(pa.decimal128(38, 18), len(scaled), scaled.buffers())
