"""Record every message once, in the chain of its stream, and change the views with it."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from fanfold import audit_chain, messages
from fanfold.audit_chain import Entry, Head, Segment
from fanfold.audit_ports import Log, Views
from fanfold.audit_views import View, message_view, newest, views_of
from fanfold.messages import Message
from fanfold.refusals import Conflict

TRIES = 4
# DynamoDB takes 100 writes a transaction; one of them is the head.
VIEWS_MAX = 99
MESSAGES_MAX = 40


class Arrival(NamedTuple):
    """A message, its body as parsed JSON, and when its queue got it (epoch ms; 0 is unknown)."""

    message: Message
    raw: dict[str, Any]
    sent_ms: int


def record(arrivals: Sequence[Arrival], log: Log, views: Views) -> None:
    """Raises Conflict if other writers kept being faster; then nothing is lost, and a redelivery goes on."""
    for attempt in range(TRIES - 1):
        try:
            _record(arrivals, log, views, fresh=attempt > 0)
        except Conflict:
            continue
        return
    _record(arrivals, log, views, fresh=True)


def _record(arrivals: Sequence[Arrival], log: Log, views: Views, *, fresh: bool) -> None:
    by_stream: dict[str, dict[str, Arrival]] = {}
    for arrival in arrivals:
        by_stream.setdefault(audit_chain.stream_of(arrival.message), {})[arrival.message.id] = arrival
    # The heads come first: whoever records one of these messages after we asked for them moves a head that we know, so
    # our segment meets theirs and is not written. The other way round a message could be recorded twice.
    heads = {stream: views.head(stream, fresh=fresh) for stream in by_stream}
    seen = views.seen([message_id for group in by_stream.values() for message_id in group])
    for stream, group in by_stream.items():
        _extend(heads[stream], [one for message_id, one in group.items() if message_id not in seen], log, views)


def _extend(head: Head, arrivals: list[Arrival], log: Log, views: Views) -> None:
    for chunk in _chunks(arrivals):
        segment, after = audit_chain.append(head, map(_entry, chunk))
        if not log.create(segment.key, segment.body):
            _adopt(head, segment.key, log, views)
            raise Conflict(f"{segment.key} is there already")
        _commit(head, after, segment, [arrival.message for arrival in chunk], views)
        head = after


def _adopt(head: Head, key: str, log: Log, views: Views) -> None:
    """Take a segment into the chain whose writer did not live to do so; if the head was only outdated, nothing."""
    if views.head(head.stream, fresh=True) != head:
        return
    segment, after = audit_chain.adopt(head, key, log.read(key))
    found = [messages.decode(msgspec.json.encode(record.message)) for record in segment.records]
    _commit(head, after, segment, found, views)


def _commit(head: Head, after: Head, segment: Segment, recorded: list[Message], views: Views) -> None:
    changed = newest(view for message in recorded for view in views_of(message))
    together = [*_message_views(segment, recorded), *changed]
    # Before the head moves, for then nobody comes back to write them.
    for view in together[VIEWS_MAX:]:
        views.put(view)
    views.commit(head, after, together[:VIEWS_MAX])


def _message_views(segment: Segment, recorded: list[Message]) -> Iterator[View]:
    for line, line_hash, message in zip(segment.records, segment.hashes, recorded, strict=True):
        yield message_view(message, line, line_hash, segment.key)


def _entry(arrival: Arrival) -> Entry:
    return Entry(topic=messages.topic_of(arrival.message), message=arrival.raw, sent_ms=arrival.sent_ms)


def _chunks(arrivals: list[Arrival]) -> Iterator[list[Arrival]]:
    rest = iter(arrivals)
    while chunk := list(islice(rest, MESSAGES_MAX)):
        yield chunk
