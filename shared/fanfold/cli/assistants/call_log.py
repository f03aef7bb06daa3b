"""The log of what assistants did: a hash-chained file that is only appended to, as the audit chain's segments are."""

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from fanfold.audit import chain
from fanfold.audit.chain import Entry, Head, Record
from fanfold.errors import BadInput

STREAM = "assistants"
# The folder of a state directory that has the log, and all else of the server.
FOLDER = "assistants"
NAME = "journal.jsonl"


class CallLog:
    """The log in a folder. Several processes may append to one; each checks what the others appended.

    ``now_ms`` returns epoch milliseconds; ``head`` is the end of what was checked or appended.
    """

    def __init__(self, folder: Path, now_ms: Callable[[], int]) -> None:
        self.path = folder / NAME
        self._now_ms = now_ms
        self._read = 0
        self.head = chain.start(STREAM)

    def append(self, message: dict[str, Any]) -> Head:
        """Append a record and return the head after it. Raises BadInput where the log was changed or is full."""
        try:
            with self.path.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                self._catch_up(file)
                # The hash is of what a reader parses: Decimal and times as text.
                plain = json.loads(json.dumps(message, default=str))
                segment, head = chain.append(self.head, [Entry(topic=STREAM, message=plain, sent_ms=self._now_ms())])
                file.write(segment.body)
                file.flush()
                os.fsync(file.fileno())
        except OSError as wrong:
            raise BadInput(
                f"the log {self.path} cannot be written ({wrong}), and nothing is done without it"
            ) from wrong
        self.head, self._read = head, self._read + len(segment.body)
        return head

    def records(self) -> list[Record]:
        """Return every record, each checked against the one before. Raises BadInput for a log that was changed."""
        if not self.path.exists():
            return []
        return _checked(self.path.read_bytes(), chain.start(STREAM), self.path)[0]

    def _catch_up(self, file: IO[bytes]) -> None:
        """Check what other processes appended."""
        size = os.fstat(file.fileno()).st_size
        if size < self._read:
            raise _damaged(self.path, f"it was cut off after record {self.head.seq}")
        file.seek(self._read)
        fresh = file.read()
        _, self.head = _checked(fresh, self.head, self.path)
        self._read += len(fresh)


def _checked(body: bytes, head: Head, path: Path) -> tuple[list[Record], Head]:
    """Return the records of a part of the log, and the head after them."""
    if body and not body.endswith(b"\n"):
        raise _damaged(path, "its last line is not whole")
    records = []
    for line in chain.lines_of(body):
        try:
            record = chain.read(line)
        except BadInput as wrong:
            raise _damaged(path, f"record {head.seq + 1} cannot be read: {wrong}") from wrong
        if (record.stream, record.seq, record.prev) != (head.stream, head.seq + 1, head.hash):
            raise _damaged(path, f"record {record.seq} does not follow the one before")
        head = Head(stream=STREAM, seq=record.seq, hash=chain.hash_of(line))
        records.append(record)
    return records, head


def _damaged(path: Path, why: str) -> BadInput:
    return BadInput(f"the log {path} was changed: {why}; find out by whom, move it away, and start again")
