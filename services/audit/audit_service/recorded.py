"""Read what a chain records, by the names of its segments."""

from collections.abc import Iterator
from typing import Protocol

from fanfold.audit import chain
from fanfold.audit.chain import Head, Record
from fanfold.audit.ports import AuditLog
from fanfold.errors import BadInput


class SegmentNames(Protocol):
    """The names of segments that lie elsewhere than where their first record says."""

    def aside(self, stream: str, after: int) -> dict[int, str]: ...


def recorded(head: Head, since: int, log: AuditLog, names: SegmentNames) -> Iterator[list[Record]]:
    """Yield the records behind a segment's last one, ``since``, up to the head, a segment at a time."""
    aside = names.aside(head.stream, since) if since < head.seq else {}
    while since < head.seq:
        # By its name: to list a bucket is as dear as twelve reads.
        records = _records(log, aside.get(since + 1, chain.segment_key(head.stream, since + 1)), since + 1)
        yield records
        since = records[-1].seq


def _records(log: AuditLog, key: str, first: int) -> list[Record]:
    records = list(map(chain.read, chain.lines_of(log.read(key))))
    if not records or [record.seq for record in records] != list(range(first, first + len(records))):
        raise BadInput(f"{key} does not hold record {first} and those after it; run `fanfold audit verify`")
    return records
