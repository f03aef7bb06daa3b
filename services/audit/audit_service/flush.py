"""Bring what was recorded since the last time into the lake."""

from collections.abc import Iterable, Iterator

import msgspec

from fanfold import audit_chain, messages
from fanfold.audit_ports import Cursors, Lake, Log
from fanfold.lake_tables import TABLES, Row, rows_of

# Rows that are held in memory at once, and the size of a file before compaction.
ROWS_MAX = 20_000


def flush(log: Log, lake: Lake, cursors: Cursors, rows_max: int = ROWS_MAX) -> int:
    """How many rows were written. After a crash the same files are written again, over what is there.

    Raises Conflict if another flush runs; it does what is left.
    """
    return sum(_flush_stream(stream, log, lake, cursors, rows_max) for stream in log.streams())


def file_name(stream: str, first: int) -> str:
    """A file is named by the first record in it alone: a repeated flush may find more records, never other ones."""
    return f"{stream}-{first:012d}"


def first_of(name: str) -> tuple[str, int]:
    """Stream and sequence number of the first record in a file that ``flush`` wrote."""
    stream, _, first = name.rpartition("-")
    return stream, int(first)


def _flush_stream(stream: str, log: Log, lake: Lake, cursors: Cursors, rows_max: int) -> int:
    written, cursor, rows, last = 0, cursors.flushed(stream), list[Row](), 0
    for _, body in log.segments(stream, after=cursor):
        for record in map(audit_chain.read, body.splitlines()):
            rows += rows_of(messages.decode(msgspec.json.encode(record.message)))
            last = record.seq
        if len(rows) >= rows_max:
            _write(rows, file_name(stream, cursor + 1), lake)
            cursors.advance(stream, cursor, last)
            cursor, written, rows = last, written + len(rows), []
    if last > cursor:
        _write(rows, file_name(stream, cursor + 1), lake)
        cursors.advance(stream, cursor, last)
    return written + len(rows)


def _write(rows: list[Row], name: str, lake: Lake) -> None:
    for table, dt, some in _by_file(rows):
        lake.write(TABLES[table], dt, name, some)


def _by_file(rows: Iterable[Row]) -> Iterator[tuple[str, str, list[Row]]]:
    files: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        files.setdefault((row.table, row.dt), []).append(row)
    for (table, dt), some in files.items():
        yield table, dt, some
