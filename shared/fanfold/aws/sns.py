"""Publishing to the topics; FIFO ones, whose names say so, are deduplicated by the message's id."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from fanfold import splitting
from fanfold.aws.client.call import AwsFault, Call
from fanfold.messages import Message, attributes_of, encode, group_of, published_body, topic_of

BATCH = 10
FIFO = ".fifo"
# SNS takes 256 KB a batch, attributes and all.
BATCH_BYTES = 250_000
MESSAGE_BYTES_MAX = 262_144
# Left free for what an entry of a batch has besides body and attributes.
MARGIN_BYTES = 500
# What SNS says of a message that it will not take however often it is asked.
UNFIT = frozenset(
    {
        "InvalidParameter",
        "InvalidParameterException",
        "InvalidParameterValue",
        "ParameterValueInvalid",
        "InvalidMessageContents",
        "ValidationError",
        "ValidationException",
    }
)


class Unpublishable(AwsFault):
    """A topic will never accept one of these messages."""


class Topics:
    """The topics that a service publishes to, by name and ARN."""

    def __init__(
        self, call: Call, arns: Mapping[str, str], attributes: Callable[[Message], dict[str, str]] = attributes_of
    ) -> None:
        """Call ``attributes`` for each published message; it returns those to send with the message."""
        self._call = call
        # With whether it is a FIFO topic.
        self._arns = {topic: (arn, arn.endswith(FIFO)) for topic, arn in arns.items()}
        self._attributes = attributes

    def publish(self, messages: Iterable[Message]) -> None:
        """Publish in order; a FIFO topic ignores what it received in the last five minutes.

        A message that is too long for the topic is published in parts, where what it lists can be divided.
        """
        by_topic: dict[str, list[Message]] = {}
        for message in messages:
            by_topic.setdefault(topic_of(message), []).append(message)
        for topic, messages_of_it in by_topic.items():
            if topic not in self._arns:
                known = sorted(self._arns)
                raise Unpublishable("NoTopic", f"this service publishes to {known}, not to {topic}", 400)
            arn, ordered = self._arns[topic]
            entries: list[TopicEntry] = []
            for message in messages_of_it:
                entries += self._entries(message, ordered=ordered)
            if len(entries) == 1:
                self._publish_one(arn, entries[0])
                continue
            for batch in _batches(entries):
                self._publish(arn, batch)

    def _entries(self, message: Message, *, ordered: bool) -> list["TopicEntry"]:
        body = published_body(message)
        if len(body) <= splitting.PART_BYTES:
            return [_entry(message, body, self._attributes(message), ordered=ordered)]
        parts = splitting.split(message)
        return [_entry(part, encode(part), self._attributes(part), ordered=ordered) for part in parts]

    def _publish(self, arn: str, entries: list["TopicEntry"]) -> None:
        if len(entries) == 1:
            self._publish_one(arn, entries[0])
            return
        numbered = [{"Id": str(number), **entry.fields} for number, entry in enumerate(entries)]
        done = self._call("sns", "PublishBatch", {"TopicArn": arn, "PublishBatchRequestEntries": numbered})
        for failed in done.get("Failed", []):
            fault = AwsFault(failed.get("Code", "Failed"), failed.get("Message", "an entry was not published"), 500)
            raise _as_unpublishable(fault)

    def _publish_one(self, arn: str, entry: "TopicEntry") -> None:
        # A body of a usual length leaves more than enough for attributes.
        if entry.body_size > splitting.PART_BYTES and entry.size > MESSAGE_BYTES_MAX:
            raise Unpublishable("MessageTooLong", f"it has {entry.size} bytes; a topic takes {MESSAGE_BYTES_MAX}", 400)
        try:
            self._call("sns", "Publish", {"TopicArn": arn, **entry.fields})
        except AwsFault as fault:
            raise _as_unpublishable(fault) from fault


class TopicEntry(msgspec.Struct, frozen=True):
    """The published form of a message, and the bytes of its body."""

    fields: dict[str, Any]
    body_size: int

    @property
    def size(self) -> int:
        """Return the entry's bytes as SNS counts them: body and attributes."""
        values = ((name, kept["StringValue"]) for name, kept in self.fields["MessageAttributes"].items())
        return self.body_size + sum(len(name) + len("String") + len(value.encode()) for name, value in values)


def _batches(entries: Iterable[TopicEntry]) -> Iterator[list[TopicEntry]]:
    """Yield entries in their order, as many at once as SNS accepts."""
    batch: list[TopicEntry] = []
    size = 0
    for entry in entries:
        if batch and (len(batch) == BATCH or size + entry.size + MARGIN_BYTES > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += entry.size + MARGIN_BYTES
    if batch:
        yield batch


def _as_unpublishable(fault: AwsFault) -> AwsFault:
    """Return the fault as that of a message that is unfit, unless the topic itself is wrong."""
    if fault.code not in UNFIT or "TopicArn" in fault.message:
        return fault
    return Unpublishable(fault.code, fault.message, fault.status)


def _entry(message: Message, body: bytes, more: dict[str, str], *, ordered: bool) -> TopicEntry:
    attributes, own = {}, attributes_of(message)
    for name, value in (own | more if more else own).items():
        attributes[name] = {"DataType": "String", "StringValue": value}
    fields: dict[str, Any] = {"Message": body.decode(), "MessageAttributes": attributes}
    if ordered:
        fields["MessageGroupId"] = group_of(message)
        fields["MessageDeduplicationId"] = message.id
    return TopicEntry(fields, len(body))
