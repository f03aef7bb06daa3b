"""A tamper-evident log: records of a stream, each naming the hash of the one before it.

A record is a line of canonical JSON; its hash is the SHA-256 of that line, which any tool can compute. The first record
names the hash of the stream's own name, so that no chain passes for another's. The head, kept elsewhere, says where the
chain ends: without it a cut tail could not be seen.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import msgspec

from fanfold.errors import BadInput
from fanfold.messages import BarsClosed, BarsRequested, Message, decode, group_of

_NAME_DIGITS = 12


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A message to record, as parsed JSON, with the time its queue received it (epoch ms; 0 if unknown)."""

    topic: str
    message: dict[str, Any]
    sent_ms: int


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the log. ``seq`` counts from 1 without a hole; ``prev`` is the hash of the record before."""

    stream: str
    seq: int
    prev: str
    topic: str
    message: dict[str, Any]
    sent_ms: int


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a stream: its newest record's sequence number and hash."""

    stream: str
    seq: int
    hash: str


class Tip(msgspec.Struct, frozen=True, kw_only=True):
    """A stream's head as it is stored, and the segments that may come next.

    ``promised`` has the hash of the last record of every segment that a writer announced for that place; an object
    found there that was not promised is foreign. ``aside`` then is where the next segment goes instead, "" for its own
    name.
    """

    head: Head
    promised: tuple[str, ...] = ()
    aside: str = ""


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive records as they are stored: one object of JSON lines, under the name of its first record."""

    key: str
    body: bytes
    records: list[Record]
    hashes: list[str]


def stream_of(message: Message) -> str:
    """Return an account's stream, or its venue's or that of commands for messages that belong to no account."""
    if isinstance(message, BarsClosed | BarsRequested):
        return f"market-{message.venue}"
    return group_of(message)


def start(stream: str) -> Head:
    """Return the head of a stream that has no records yet."""
    return Head(stream=stream, seq=0, hash=hash_of(stream.encode()))


def segment_key(stream: str, first: int, aside: str = "") -> str:
    """Return the key of the segment that begins with a record; ``aside`` distinguishes it from an object in its way."""
    return f"chain/{stream}/{first:012d}{aside and '.'}{aside}.jsonl"


def first_of(key: str) -> int:
    """Return the sequence number that a segment's name begins with; 0 for a name that no segment has."""
    first = key.rpartition("/")[2].partition(".")[0]
    return int(first) if len(first) == _NAME_DIGITS and first.isascii() and first.isdecimal() else 0


def lines_of(body: bytes) -> list[bytes]:
    """Return the lines of a segment, without their ends."""
    lines = body.split(b"\n")
    return lines if lines[-1] else lines[:-1]


def hash_of(line: bytes) -> str:
    return sha256(line).hexdigest()


def line_of(record: Record) -> bytes:
    """Return canonical JSON: keys sorted at every depth, no spaces, no line end."""
    return msgspec.json.encode(record, order="sorted")


def append(head: Head, entries: Iterable[Entry], aside: str = "") -> tuple[Segment, Head]:
    """Return the segment that continues the chain at ``head``, and the head after it."""
    stream, seq, prev = head.stream, head.seq, head.hash
    lines, records, hashes = [], [], []
    for entry in entries:
        seq += 1
        record = Record(
            stream=stream, seq=seq, prev=prev, topic=entry.topic, message=entry.message, sent_ms=entry.sent_ms
        )
        lines.append(line_of(record))
        prev = hash_of(lines[-1])
        records.append(record)
        hashes.append(prev)
    body = b"".join(line + b"\n" for line in lines)
    key = segment_key(stream, head.seq + 1, aside)
    return Segment(key=key, body=body, records=records, hashes=hashes), Head(stream=stream, seq=seq, hash=prev)


def promised_segment(tip: Tip, key: str, body: bytes) -> tuple[Segment, Head] | None:
    """Return a stored segment that continues the chain as promised, with the head after it; None for any other object.

    The hash of its last record covers all of them, so a promise of it is a promise of the whole.
    """
    head, records, hashes = tip.head, list[Record](), list[str]()
    for line in lines_of(body):
        try:
            record = read(line)
        except BadInput:
            return None
        if (record.stream, record.seq, record.prev) != (head.stream, head.seq + 1, head.hash):
            return None
        head = Head(stream=head.stream, seq=record.seq, hash=hash_of(line))
        records.append(record)
        hashes.append(head.hash)
    if head.hash not in tip.promised:
        return None
    return Segment(key=key, body=body, records=records, hashes=hashes), head


def message_of(record: Record) -> Message:
    """Return the message in a record. Raises msgspec.ValidationError for one that this version does not know."""
    return decode(msgspec.json.encode(record.message))


def sent_at(record: Record) -> datetime | None:
    """Return when audit's queue received the message of a record, None where that is unknown."""
    return datetime.fromtimestamp(record.sent_ms / 1000, UTC) if record.sent_ms else None


def read(line: bytes) -> Record:
    """Return the record in a line. Raises BadInput for a line that contains none."""
    try:
        return msgspec.json.decode(line, type=Record)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise BadInput(f"not a record of the audit log: {wrong}") from wrong
