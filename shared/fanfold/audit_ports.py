"""What recording, flushing and verifying need of the outside."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from fanfold.audit_chain import Head
from fanfold.audit_views import View
from fanfold.day_report import Closing, DayReport
from fanfold.lake_tables import Row, Table


class Log(Protocol):
    """The segments of all chains: objects that are written once."""

    def create(self, key: str, body: bytes) -> bool:
        """Whether the segment was written now; False where there is one under this key."""

    def read(self, key: str) -> bytes: ...

    def streams(self) -> list[str]: ...

    def segments(self, stream: str, after: int = 0) -> Iterator[tuple[str, bytes]]:
        """Key and body of the segments whose first record comes after a sequence number, in order, read one by one."""


class Views(Protocol):
    """The chains' heads, and what status queries read."""

    def heads(self) -> list[Head]:
        """Where every stream ends, as stored."""

    def head(self, stream: str) -> Head:
        """Where a stream ends, as stored."""

    def seen(self, ids: Sequence[str]) -> dict[str, int]:
        """The sequence numbers of those of the messages that are noted, by id, read consistently."""

    def note(self, told: Sequence[View]) -> None:
        """Write what is told of messages once; it follows from their segment, so it may be done again."""

    def commit(self, before: Head, after: Head) -> None:
        """Move the head. Raises Conflict where the stored one is not ``before``."""

    def put(self, view: View) -> None:
        """Write a view unless a newer version is there."""

    def hash_of(self, message_id: str) -> str:
        """The hash that a message's record had when it was recorded; "" for a message that was not."""


class Cursors(Protocol):
    """How far each stream has been flushed into the lake."""

    def flushed(self, stream: str) -> int:
        """The newest sequence number that is in the lake; 0 for none."""

    def advance(self, stream: str, before: int, after: int) -> None:
        """Raises Conflict where the cursor is not at ``before``."""


class Lake(Protocol):
    """Parquet files of a day of a table, each under a name of its own."""

    def write(self, table: Table, dt: str, name: str, rows: Sequence[Row]) -> None:
        """Write a file, over the one of that name if there is one."""

    def names(self, table: Table) -> dict[str, list[str]]:
        """The names of the files of each day, sorted."""

    def merge(self, table: Table, dt: str, names: Iterable[str], into: str) -> None:
        """Write one file, sorted and each row once, of several; one of them may have the name of the new one."""

    def delete(self, table: Table, dt: str, names: Iterable[str]) -> None: ...


class Published(Protocol):
    """What status queries read: views as stored, with amounts and times as text."""

    def head(self, stream: str) -> Head:
        """Where a stream ends: all views of its messages up to there are written."""

    def read(self, place: tuple[str, ...]) -> dict[str, Any]:
        """A view's fields, {} where there is none."""

    def of_account(self, account: str, kind: str) -> list[dict[str, Any]]: ...

    def trades(self, account: str, dt: str) -> list[dict[str, Any]]:
        """The fills of a UTC day, each under ``fill``."""


class Reports(Protocol):
    """The report of each day: one that is closed, or the last that failed."""

    def is_closed(self, day: str) -> bool: ...

    def keep(self, report: DayReport) -> DayReport:
        """The report that is kept: a closed one is never written over, and is returned in place of any other."""

    def show(self, report: DayReport, page: str) -> None:
        """Put a page for people beside the report; a closed day counts as closed from then on."""

    def closings(self, before: str) -> dict[str, Closing]:
        """Where each account's day began, in the newest closed report of an earlier day; {} without one."""

    def verified(self, before: str) -> dict[str, Head]:
        """How far each chain was verified in the newest closed report of an earlier day; {} without one."""
