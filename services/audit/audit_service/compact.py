"""Merge the files of a day into one sorted file, with each row once."""

from collections.abc import Callable
from functools import cache

from audit_service.flush import first_of
from fanfold.audit.lake_schema import TABLES, LakeTable
from fanfold.audit.ports import Lake, VerifiedHeads

# The name of a compacted day. Files of the flush have a sequence number in theirs.
DAY = "day"


def compact(lake: Lake, cursors: VerifiedHeads, before: str) -> int:
    """Compact every day before a date (2026-01-31) that needs it, and return their number.

    A run that stopped half-way leaves rows twice until the next one, never too few.
    """
    flushed = cache(cursors.flushed)
    days = [(table, dt, names) for table in TABLES.values() for dt, names in lake.names(table).items() if dt < before]
    return sum(_compact_day(table, dt, names, lake, flushed) for table, dt, names in days)


def _compact_day(table: LakeTable, dt: str, names: list[str], lake: Lake, flushed: Callable[[str], int]) -> bool:
    small = [name for name in names if name != DAY and _is_settled(name, flushed)]
    if not small:
        return False
    lake.merge(table, dt, [*small, DAY] if DAY in names else small, into=DAY)
    lake.delete(table, dt, small)
    return True


def _is_settled(name: str, flushed: Callable[[str], int]) -> bool:
    """Return whether no flush can still rewrite the file, which would undo the compaction."""
    stream, first = first_of(name)
    return first <= flushed(stream)
