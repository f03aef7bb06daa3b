"""Messages as audit records them: each in the chain of its stream."""

from collections.abc import Iterable

import msgspec

from fanfold import messages
from fanfold.audit import chain
from fanfold.audit.chain import Entry, Record
from fanfold.messages import Message, topic_of


def chained(published: Iterable[Message]) -> list[Record]:
    """Return the records of messages, in the order in which they were published."""
    heads, records = {}, []
    for sent_ms, message in enumerate(published):
        stream = chain.stream_of(message)
        document = msgspec.json.decode(messages.encode(message))
        head = heads.get(stream, chain.start(stream))
        segment, heads[stream] = chain.append(head, [Entry(topic=topic_of(message), message=document, sent_ms=sent_ms)])
        records += segment.records
    return records
