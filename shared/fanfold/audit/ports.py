"""The ports of recording, flushing and verifying."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from fanfold.audit.chain import Head, Tip
from fanfold.audit.daily_report import Closing, DayReport
from fanfold.audit.lake_schema import LakeRow, LakeTable
from fanfold.audit.views import View


class StoredObject(NamedTuple):
    """An object as it was first written. ``shadow`` says what was done to it since, "" for nothing."""

    key: str
    body: bytes
    shadow: str


class AuditLog(Protocol):
    """The segments of all chains: objects that are written once."""

    def create(self, key: str, body: bytes) -> bool:
        """Write a segment. Return False if the key exists already."""

    def read(self, key: str) -> bytes: ...

    def streams(self) -> list[str]: ...

    def segments(self, stream: str, after: int = 0) -> Iterator[tuple[str, bytes]]:
        """Yield key and body of the segments whose first record is behind a sequence number, in order, on demand."""

    def history(self, stream: str, after: int = 0) -> Iterator[StoredObject]:
        """Yield segments as ``segments`` does, with what lies under newer versions and deletions."""


class Views(Protocol):
    """The chains' heads, and the views that status queries read."""

    def tips(self) -> list[Tip]:
        """Return the tip of every stream, as stored."""

    def tip(self, stream: str) -> Tip:
        """Read the end of a stream, and the segments that may come next."""

    def seen(self, ids: Sequence[str]) -> dict[str, int]:
        """Return the sequence numbers of the messages that are noted, by id, read consistently."""

    def promise(self, tip: Tip, last_hash: str) -> None:
        """Announce the segment that is about to be written, by the hash of its last record.

        Raises Conflict where the stored head is not the tip's.
        """

    def set_aside(self, tip: Tip, aside: str) -> None:
        """Let the next segment go elsewhere. Raises Conflict where the stored head or ``aside`` are not the tip's."""

    def note(self, views: Sequence[View]) -> None:
        """Write the views that never change. They follow from the segment alone, so writing them again is harmless."""

    def commit(self, before: Head, after: Head) -> None:
        """Move the head. Raises Conflict where the stored one is not ``before``."""

    def put(self, view: View) -> None:
        """Write a view unless a newer version is there."""


class Evidence(Protocol):
    """Everything that audit wrote beside the log, to verify the log against it."""

    def tips(self) -> list[Tip]: ...

    def tip(self, stream: str) -> Tip: ...

    def aside(self, stream: str, after: int) -> dict[int, str]:
        """Return the segments that do not lie under their own names, by their first record."""

    def flushed(self, stream: str) -> int: ...

    def key(self, place: tuple[str, ...]) -> tuple[str, str]:
        """Return the key of a place's view."""

    def stored(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
        """Return the views of some keys as they are stored, those that exist."""

    def everything(self) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
        """Yield every view as it is stored, with its key, in no order."""


class VerifiedHeads(Protocol):
    """The sequence number up to which each stream has been flushed into the lake."""

    def flushed(self, stream: str) -> int:
        """Return the newest sequence number that is in the lake; 0 for none."""

    def advance(self, stream: str, before: int, after: int) -> None:
        """Move the cursor. Raises Conflict where it is not at ``before``."""

    def aside(self, stream: str, after: int) -> dict[int, str]: ...


class Lake(Protocol):
    """Parquet files of a day of a table, each under a name of its own."""

    def write(self, table: LakeTable, dt: str, name: str, rows: Sequence[LakeRow]) -> None:
        """Write a file, over the one of that name if there is one."""

    def names(self, table: LakeTable) -> dict[str, list[str]]:
        """Return the names of the files of each day, sorted."""

    def merge(self, table: LakeTable, dt: str, names: Iterable[str], into: str) -> None:
        """Write one file of several, sorted and with each row once; one of them may have the name of the new one."""

    def delete(self, table: LakeTable, dt: str, names: Iterable[str]) -> None: ...


class Published(Protocol):
    """The views as stored, for queries; amounts and times are text."""

    def tip(self, stream: str) -> Tip:
        """Return the end of a stream: all views of its messages up to there are written."""

    def aside(self, stream: str, after: int) -> dict[int, str]: ...

    def read(self, place: tuple[str, ...]) -> dict[str, Any]:
        """Return a view's fields, {} where there is none."""

    def of_account(self, account: str, kind: str) -> list[dict[str, Any]]: ...

    def trades(self, account: str, dt: str) -> list[dict[str, Any]]:
        """Return the fills of a UTC day, each under ``fill``."""


class Pages(NamedTuple):
    """A day's report as bytes, and its page for people; b"" where there is none."""

    report: bytes
    page: bytes


class Reports(Protocol):
    """The report of each day: a closed one, or the last that failed."""

    def is_closed(self, day: str) -> bool: ...

    def store(self, report: DayReport) -> DayReport:
        """Store a report and return the one that is kept: a closed one is never replaced, and is returned instead."""

    def show(self, report: DayReport, page: str) -> None:
        """Store a page for people beside the report; the day counts as closed from then on if the report is."""

    def closings(self, before: str) -> dict[str, Closing]:
        """Read each account's closing from the newest closed report of an earlier day; {} if there is none."""

    def bodies(self) -> dict[str, Pages]:
        """Yield every closed day's report as it is stored."""

    def body(self, day: str) -> Pages: ...

    def stored(self, day: str) -> bytes:
        """Return the report of a closed day, as it is stored."""


class Seals(Protocol):
    """The seals of closed days, in the bucket of the log: objects that are written once, one a day."""

    def is_sealed(self, day: str) -> bool: ...

    def newest(self, before: str) -> StoredObject | None:
        """Return the seal of the newest closed day before a day."""

    def store(self, day: str, body: bytes) -> bytes:
        """Store a seal unless there is one; return the one that is stored."""

    def history(self) -> Iterator[StoredObject]: ...


class Signer(Protocol):
    """A key that signs a digest, and recognises its own signatures."""

    def sign(self, digest: bytes) -> bytes: ...

    def signed(self, digest: bytes, signature: bytes) -> bool: ...

    def since(self) -> str:
        """Return the day on which the key was made, such as 2026-01-31: days closed from then on are signed."""
        ...
