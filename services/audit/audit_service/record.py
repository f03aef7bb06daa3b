"""Record every message once, in the chain of its stream, and change the views with it.

A segment is promised beside the head before it is written, by the hash of its last record. One that was promised and
created is recorded: any writer that finds it beyond the head brings the views after it and moves the head. So nothing
but the creation has to be atomic, and a view is written once for all messages of a segment. Any other object in the
place of the next segment is left alone, for verify to find, and the segment goes elsewhere.
"""

import logging
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from fanfold import messages
from fanfold.audit import chain
from fanfold.audit.chain import Entry, Head, Segment, Tip
from fanfold.audit.ports import AuditLog, Views
from fanfold.audit.views import aside_view, decision_view, message_view, newest, views_count, views_of
from fanfold.errors import Backoff, Conflict, retry_on_conflict
from fanfold.messages import Message

TRIES = 8
# How many views one segment may change, each by a write of its own: within the time that a function has.
VIEWS_MAX = 300
_log = logging.getLogger(__name__)


class Arrival(NamedTuple):
    """A message, its body as parsed JSON, and when its queue received it (epoch ms; 0 is unknown)."""

    message: Message
    raw: dict[str, Any]
    sent_ms: int


def record(arrivals: Sequence[Arrival], log: AuditLog, views: Views, backoff: Backoff) -> None:
    """Record messages. Raises Conflict if other writers were always faster; nothing is lost, a redelivery goes on."""
    retry_on_conflict(lambda: _record(arrivals, log, views), TRIES, "the chain", backoff)


def _record(arrivals: Sequence[Arrival], log: AuditLog, views: Views) -> None:
    by_stream: dict[str, dict[str, Arrival]] = {}
    for arrival in arrivals:
        by_stream.setdefault(chain.stream_of(arrival.message), {})[arrival.message.id] = arrival
    # The heads come first: whoever records one of these messages after we asked for them moves a head that we know, so
    # our segment meets theirs and is not written. The other way round a message could be recorded twice.
    tips = {stream: views.tip(stream) for stream in by_stream}
    seen = views.seen([message_id for group in by_stream.values() for message_id in group])
    for stream, group in by_stream.items():
        tip = tips[stream]
        # One beyond the head is of a segment that its writer did not live to commit: to extend the head meets it.
        missing = [arrival for message_id, arrival in group.items() if not 0 < seen.get(message_id, 0) <= tip.head.seq]
        _extend(tip, missing, log, views)


def _extend(tip: Tip, arrivals: list[Arrival], log: AuditLog, views: Views) -> None:
    for chunk in _chunks(arrivals):
        segment, after = chain.append(tip.head, map(_entry, chunk), tip.aside)
        views.promise(tip, after.hash)
        if not log.create(segment.key, segment.body):
            _adopt(tip, segment.key, log, views)
            raise Conflict(f"{segment.key} is there already")
        _commit(tip, after, segment, [arrival.message for arrival in chunk], views)
        tip = Tip(head=after)


def _adopt(before: Tip, key: str, log: AuditLog, views: Views) -> None:
    """Add a segment to the chain if its writer died before it could; avoid the place of a foreign object."""
    tip = views.tip(before.head.stream)
    if (tip.head, tip.aside) != (before.head, before.aside):
        return
    proof = chain.promised_segment(tip, key, log.read(key))
    if proof is None:
        _log.error("%s was not written by audit; run `fanfold audit verify`", key)
        views.set_aside(tip, chain.hash_of("".join((tip.aside, *tip.promised)).encode()))
        return
    segment, after = proof
    recorded = [chain.message_of(record) for record in segment.records]
    _commit(tip, after, segment, recorded, views)


def _commit(tip: Tip, after: Head, segment: Segment, recorded: list[Message], views: Views) -> None:
    lines = zip(segment.records, segment.hashes, recorded, strict=True)
    noted = [message_view(message, line, line_hash, segment.key) for line, line_hash, message in lines]
    aside = [aside_view(after.stream, tip.head.seq + 1, segment.key)] if tip.aside else []
    views.note([*noted, *aside, *(view for message in recorded for view in decision_view(message))])
    changed = zip(recorded, segment.records, strict=True)
    for view in newest(view for message, line in changed for view in views_of(message, line.sent_ms, line.seq)):
        views.put(view)
    # The head moves last: after it, a retry would not write the views again.
    views.commit(tip.head, after)


def _entry(arrival: Arrival) -> Entry:
    return Entry(topic=messages.topic_of(arrival.message), message=arrival.raw, sent_ms=arrival.sent_ms)


def _chunks(arrivals: list[Arrival]) -> Iterator[list[Arrival]]:
    """Divide messages into segments: all of a stream together, except those that change too many views."""
    chunk: list[Arrival] = []
    weight = 0
    for arrival in arrivals:
        own = views_count(arrival.message)
        if chunk and weight + own > VIEWS_MAX:
            yield chunk
            chunk, weight = [], 0
        chunk.append(arrival)
        weight += own
    if chunk:
        yield chunk
