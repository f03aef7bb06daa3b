"""Publishing to the topics: FIFO, deduplicated by the message's id."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from fanfold.aws.calls import AwsFault, Call
from fanfold.messages import Message, attributes_of, encode, group_of, topic_of

BATCH = 10
# SNS takes 256 KB a batch, attributes and all.
BATCH_BYTES = 250_000


class Topics:
    """The topics that a service publishes to, by name and ARN."""

    def __init__(
        self, call: Call, arns: Mapping[str, str], told: Callable[[Message], Mapping[str, str]] = attributes_of
    ) -> None:
        """``told`` hears of each message that goes out, and may give it attributes besides those of its own."""
        self._call = call
        self._arns = arns
        self._told = told

    def publish(self, messages: Iterable[Message]) -> None:
        """Publish in order; a message that the topic has had in the last five minutes is not delivered again."""
        by_topic: dict[str, list[Message]] = {}
        for message in messages:
            by_topic.setdefault(topic_of(message), []).append(message)
        for topic, mine in by_topic.items():
            for entries in _batches(_entry(one, self._told(one)) for one in mine):
                self._publish(self._arns[topic], entries)

    def _publish(self, arn: str, entries: list[dict[str, Any]]) -> None:
        if len(entries) == 1:
            self._call("sns", "Publish", {"TopicArn": arn, **entries[0]})
            return
        numbered = [{"Id": str(number), **entry} for number, entry in enumerate(entries)]
        done = self._call("sns", "PublishBatch", {"TopicArn": arn, "PublishBatchRequestEntries": numbered})
        for failed in done.get("Failed", []):
            raise AwsFault(failed.get("Code", "Failed"), failed.get("Message", "an entry was not published"), 500)


def _batches(entries: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Entries in their order, as many at once as SNS takes."""
    batch: list[dict[str, Any]] = []
    size = 0
    for entry in entries:
        length = len(entry["Message"].encode()) + 1_000
        if batch and (len(batch) == BATCH or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += length
    if batch:
        yield batch


def _entry(message: Message, more: Mapping[str, str]) -> dict[str, Any]:
    return {
        "Message": encode(message).decode(),
        "MessageGroupId": group_of(message),
        "MessageDeduplicationId": message.id,
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value}
            for name, value in {**attributes_of(message), **more}.items()
        },
    }
