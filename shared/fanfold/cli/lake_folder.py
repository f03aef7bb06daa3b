"""A lake in a folder: files in the layout of a stage's lake, table/dt=date/name.parquet."""

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from fanfold.audit.lake_schema import BARS, TABLES, LakeTable
from fanfold.aws.s3.lake import distinct, encoded, schema_of
from fanfold.cli.whole_files import writing
from fanfold.errors import BadInput
from fanfold.importers import lake_days
from fanfold.market.recording import Recording

# The file of a day that was compacted, as audit names one.
DAY = "day.parquet"
_FIGURES = ("open", "high", "low", "close", "volume")


class CompactedDay(NamedTuple):
    """A day of a table: its files and bytes before, and its rows and bytes in the file that is left."""

    table: str
    dt: str
    files: int
    bytes_before: int
    rows: int
    bytes: int


def days(folder: Path) -> dict[tuple[str, str], list[Path]]:
    """Return the files of each table's days. Raises BadInput for a folder that holds no lake."""
    of_days: dict[tuple[str, str], list[Path]] = {}
    for name in TABLES:
        for path in sorted(folder.glob(f"{name}/dt=*/*.parquet")):
            of_days.setdefault((name, path.parent.name.removeprefix("dt=")), []).append(path)
    if not of_days:
        raise BadInput(
            f"{folder} holds no lake: its files lie as in bars/dt=2026-01-31/name.parquet; `fanfold import` makes one"
        )
    return of_days


def compact(folder: Path) -> list[CompactedDay]:
    """Merge the files of each day that has several into one, sorted, each row once.

    A run that was stopped leaves rows twice until the next one, never too few.
    """
    days(folder)
    with _locked(folder):
        return [_compact(TABLES[name], dt, files) for (name, dt), files in days(folder).items() if len(files) > 1]


def keep(folder: Path, series: Sequence[tuple[Recording, str]], venue: str) -> list[int]:
    """Add series of bars with their sources to a lake, and return the number of days of each.

    A day, venue, instrument and timeframe have a file, until the day is compacted. Bars that are there are kept. Raises
    BadInput where one of them differs; then nothing is written.
    """
    _make(folder)
    with _locked(folder):
        for recording, source in series:
            for path, rows in _days_of(folder, recording, venue, source):
                _with_earlier(path, rows)
        return [_add(folder, recording, venue, source) for recording, source in series]


def _add(folder: Path, recording: Recording, venue: str, source: str) -> int:
    count = 0
    for path, rows in _days_of(folder, recording, venue, source):
        together = _with_earlier(path, rows)
        if len(together):
            write(path, together)
        count += 1
    return count


def _days_of(folder: Path, recording: Recording, venue: str, source: str) -> Iterator[tuple[Path, pa.Table]]:
    """Yield the file of each day of a series, and the bars to add to it."""
    name = file_name(venue, recording.instrument, recording.timeframe)
    for dt, rows in lake_days.of_days(recording, venue, source, schema_of(BARS)):
        yield folder / BARS.name / f"dt={dt}" / name, rows


def file_name(venue: str, instrument: str, timeframe: str) -> str:
    """Return the name of the files of a series, before they are compacted."""
    return f"{venue}-{instrument.replace('/', '-')}-{timeframe}.parquet"


def _with_earlier(path: Path, rows: pa.Table) -> pa.Table:
    """Return the rows of a day with those that its file has, without those that the compacted day has already."""
    day = path.with_name(DAY)
    if not path.exists() and not day.exists():
        return rows
    compacted = _same_series(_read(day), rows) if day.exists() else rows.slice(0, 0)
    own = _read(path) if path.exists() else rows.slice(0, 0)
    together = pa.concat_tables([compacted, own, rows], promote_options="default")
    once = distinct(BARS, together)
    different = together.group_by([*BARS.key, *_FIGURES]).aggregate([]).num_rows - len(once)
    if different:
        place = path if path.exists() else day
        raise BadInput(f"{place} has {different} of these bars with other figures; move it away to take the new ones")
    return once.filter(pc.invert(pc.is_in(once["closes_at"], value_set=compacted["closes_at"].combine_chunks())))


def _same_series(day: pa.Table, rows: pa.Table) -> pa.Table:
    """Return the bars of a day that are of the series of ``rows``, which is one."""
    same = [pc.equal(day[name], rows[name][0]) for name in ("venue", "instrument", "timeframe")]
    return day.filter(reduce(pc.and_, same))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as wrong:
        raise BadInput(f"{folder} cannot be written: {wrong}") from wrong


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a lake: two processes that add to a day at once would each write it without the bars of the other."""
    try:
        lock = (folder / lake_days.LOCK).open("a")
    except OSError as wrong:
        raise BadInput(f"{folder} cannot be written: {wrong}") from wrong
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write(path: Path, rows: pa.Table) -> int:
    """Write rows as a file of the lake, in place of an earlier one, and return its bytes."""
    with writing(path, parents=True) as file:
        return file.write(encoded(rows))


def _compact(table: LakeTable, dt: str, files: list[Path]) -> CompactedDay:
    # A file that is older than a column has nulls there.
    parts = [schema_of(table).empty_table(), *map(_read, files)]
    rows = distinct(table, pa.concat_tables(parts, promote_options="default"))
    before = sum(path.stat().st_size for path in files)
    target = files[0].with_name(DAY)
    size = write(target, rows)
    for path in files:
        if path != target:
            path.unlink()
    return CompactedDay(table.name, dt, len(files), before, len(rows), size)


def _read(path: Path) -> pa.Table:
    try:
        # As a file: its folder is no column.
        return parquet.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as wrong:
        raise BadInput(f"{path} cannot be read ({wrong}); move it away, or write it again") from wrong
