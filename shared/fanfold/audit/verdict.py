"""Verify that a log is as it was recorded, and find the first record that is not."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Literal

import msgspec

from fanfold.audit.chain import Head, hash_of, lines_of, read, start
from fanfold.errors import BadInput

Kind = Literal[
    "sound", "edited", "deleted", "inserted", "reordered", "cut off", "forked", "foreign", "shadowed", "head", "view"
]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The result of verifying a stream's log.

    ``seq`` is the first place where the log is not as it was recorded, ``segment`` the object in which that shows; 0
    and "" for a sound one; ``evidence`` names the proof outside the log. ``pending`` records continue the chain beyond
    its head: written, and about to be adopted. ``hash`` is that of the last of a sound log's ``records``: a later
    verification may begin behind it.
    """

    stream: str
    kind: Kind
    records: int
    pending: int = 0
    seq: int = 0
    segment: str = ""
    hash: str = ""
    evidence: str = ""


def describe(verdict: Verdict) -> str:
    """Return a verdict for people: stream, fault, first record, object, and the evidence."""
    where = ", ".join(part for part in (verdict.segment, verdict.evidence) if part)
    return f"{verdict.stream} is {verdict.kind} at record {verdict.seq}" + (f" ({where})" if where else "")


class _Link(msgspec.Struct, frozen=True):
    """The fields of a record that link it; a line that holds no record of the stream has the sequence number 0."""

    seq: int
    prev: str
    hash: str
    segment: str


def verify(head: Head, segments: Iterable[tuple[str, bytes]], since: Head | None = None) -> Verdict:
    """Walk a stream's segments (key and body, in key order) from its first record, in constant memory.

    The segments are those up to the head: what they hold beyond it was put there. ``since`` is where an earlier
    verification ended; the segments are then those behind it.
    """
    since = since or start(head.stream)
    before, last = None, _Link(since.seq, "", since.hash, "")
    links = _links(head.stream, segments)
    for link in links:
        if link.seq != last.seq + 1 or link.prev != last.hash:
            return _verdict(head, last, *_judge(head, before, last, link, links))
        if link.seq > head.seq:
            return _verdict(head, last, "inserted", link.seq, link.segment)
        if link.seq == head.seq and link.hash != head.hash:
            return _verdict(head, last, "edited", link.seq, link.segment)
        before, last = last, link
    if last.seq < head.seq:
        return _verdict(head, last, "cut off", last.seq + 1, last.segment)
    return msgspec.structs.replace(_verdict(head, last, "sound", 0, ""), hash=head.hash)


def _links(stream: str, segments: Iterable[tuple[str, bytes]]) -> Iterator[_Link]:
    for key, body in segments:
        for line in lines_of(body):
            yield _link(stream, key, line)


def _link(stream: str, key: str, line: bytes) -> _Link:
    try:
        record = read(line)
    except BadInput:
        return _Link(0, "", hash_of(line), key)
    if record.stream != stream:
        return _Link(0, "", hash_of(line), key)
    return _Link(record.seq, record.prev, hash_of(line), key)


def _verdict(head: Head, last: _Link, kind: Kind, seq: int, segment: str) -> Verdict:
    return Verdict(
        stream=head.stream,
        kind=kind,
        records=last.seq,
        seq=seq,
        segment=segment,
    )


def _judge(head: Head, before: _Link | None, last: _Link, odd: _Link, rest: Iterator[_Link]) -> tuple[Kind, int, str]:
    """Return the smallest change that explains why ``odd`` follows ``last``."""
    expected = last.seq + 1
    follower = next(rest, None)
    if before is not None and (odd.seq, odd.prev) == (last.seq, last.prev):
        return "inserted", last.seq, odd.segment
    returns, again = _look_ahead(expected, last, odd, follower, rest)
    if returns:
        return "reordered" if odd.seq > expected and not again else "inserted", expected, odd.segment
    if expected > head.seq:
        return "inserted", expected, odd.segment
    if odd.seq == expected and before is not None and _is_confirmed(head, odd, follower):
        return "edited", last.seq, last.segment
    if odd.seq > expected and odd.prev != last.hash and (follower is None or follower.seq != expected + 1):
        return "deleted", expected, odd.segment
    return "edited", expected, odd.segment


def _look_ahead(
    expected: int, last: _Link, odd: _Link, follower: _Link | None, rest: Iterator[_Link]
) -> tuple[bool, bool]:
    """Return whether the record that belongs after ``last`` still comes, and whether ``odd`` comes once more."""
    returns = again = False
    for link in chain([follower] if follower else [], rest):
        returns |= (link.seq, link.prev) == (expected, last.hash)
        again |= link.hash == odd.hash
    return returns, again


def _is_confirmed(head: Head, link: _Link, follower: _Link | None) -> bool:
    """Return whether a later record names its hash, which proves that it is as it was recorded."""
    if follower is not None:
        return follower.prev == link.hash
    return (head.seq, head.hash) == (link.seq, link.hash)
