"""Bring what was recorded since the last time into the lake."""

import logging
from collections.abc import Iterable, Iterator

import msgspec

from audit_service.recorded import recorded
from fanfold.audit import chain
from fanfold.audit.chain import Head, Record
from fanfold.audit.lake_schema import TABLES, LakeRow, fit_amounts, rows_of
from fanfold.audit.ports import AuditLog, Lake, VerifiedHeads
from fanfold.errors import BadInput, Conflict

# Rows that are held in memory at once, and the size of a file before compaction.
ROWS_MAX = 20_000
_log = logging.getLogger(__name__)


def flush(log: AuditLog, lake: Lake, cursors: VerifiedHeads, heads: Iterable[Head], rows_max: int = ROWS_MAX) -> int:
    """Bring what is recorded up to the heads into the lake, and return the number of rows written.

    After a crash the same files are written again, over what is there. Raises Conflict if another flush runs, which
    does the rest. A stream that cannot be flushed stops no other; the first of such faults is raised at the end.
    """
    written, faults = 0, list[Exception]()
    for head in heads:
        try:
            written += _flush_stream(head, log, lake, cursors, rows_max)
        except (BadInput, Conflict, msgspec.MsgspecError) as fault:
            faults.append(fault)
    if faults:
        raise faults[0]
    return written


def file_name(stream: str, first: int) -> str:
    """Name a file by its first record alone: a repeated flush may find more records, never others."""
    return f"{stream}-{first:012d}"


def first_of(name: str) -> tuple[str, int]:
    """Return stream and sequence number of the first record in a file that ``flush`` wrote."""
    stream, _, first = name.rpartition("-")
    return stream, int(first)


def _flush_stream(head: Head, log: AuditLog, lake: Lake, cursors: VerifiedHeads, rows_max: int) -> int:
    stream, written, rows = head.stream, 0, list[LakeRow]()
    cursor = last = cursors.flushed(stream)
    for records in recorded(head, cursor, log, cursors):
        for record in records:
            rows += _rows(record)
        last = records[-1].seq
        if len(rows) >= rows_max:
            _write(rows, file_name(stream, cursor + 1), lake)
            cursors.advance(stream, cursor, last)
            cursor, written, rows = last, written + len(rows), []
    if last > cursor:
        _write(rows, file_name(stream, cursor + 1), lake)
        cursors.advance(stream, cursor, last)
    return written + len(rows)


def _rows(record: Record) -> Iterator[LakeRow]:
    """Return a record's rows. An amount that the lake cannot hold is null there, and reported; all else is written."""
    for row in rows_of(chain.message_of(record), chain.sent_at(record)):
        whole, lost = fit_amounts(row)
        if lost:
            _log.warning(
                "record %d of %s: %s of %s does not fit the lake and is null there",
                record.seq,
                record.stream,
                ", ".join(lost),
                row.table,
            )
        yield whole


def _write(rows: list[LakeRow], name: str, lake: Lake) -> None:
    for table, dt, file_rows in _by_file(rows):
        lake.write(TABLES[table], dt, name, file_rows)


def _by_file(rows: Iterable[LakeRow]) -> Iterator[tuple[str, str, list[LakeRow]]]:
    files: dict[tuple[str, str], list[LakeRow]] = {}
    for row in rows:
        files.setdefault((row.table, row.dt), []).append(row)
    for (table, dt), file_rows in files.items():
        yield table, dt, file_rows
