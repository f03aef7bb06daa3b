"""SNS in memory: FIFO topics, deduplicated, whose subscriptions filter by attributes and deliver raw to queues."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from fanfold.simulation.queues import (
    ACCOUNT,
    DEDUPLICATED_S,
    MESSAGE_BYTES,
    MemoryQueues,
    is_too_heavy,
    refused,
    weight,
)
from fanfold.simulation.requests import Document, reject_unknown_fields

ENTRIES_MAX = 10
_FIELDS = ("Message", "MessageGroupId", "MessageDeduplicationId", "MessageAttributes")


class Subscription(NamedTuple):
    """A queue's ARN, and the values of attributes that it takes; an empty filter takes all."""

    queue: str
    wanted: Mapping[str, Sequence[str]]

    def takes(self, attributes: Document) -> bool:
        for name, values in self.wanted.items():
            if name not in attributes or attributes[name].get("StringValue") not in values:
                return False
        return True


class MemoryTopic:
    """One topic."""

    def __init__(self) -> None:
        self.subscriptions: list[Subscription] = []
        self.known: dict[str, float] = {}


class MemoryTopics:
    """The topics of an account, by ARN."""

    def __init__(self, queues: MemoryQueues, now: Callable[[], float]) -> None:
        self.topics: dict[str, MemoryTopic] = {}
        self._queues = queues
        self._now = now

    def call(self, operation: str, parameters: Document) -> dict[str, Any]:
        return _OPERATIONS[operation](self, parameters)

    def topic(self, arn: str) -> MemoryTopic:
        topic = self.topics.get(arn)
        if topic is None:
            raise refused("NotFound", f"Topic {arn} does not exist")
        return topic

    def create_topic(self, parameters: Document) -> dict[str, Any]:
        reject_unknown_fields(parameters, "Name", "Attributes")
        reject_unknown_fields(parameters.get("Attributes", {}), "FifoTopic")
        if parameters.get("Attributes", {}).get("FifoTopic") != "true" or not parameters["Name"].endswith(".fifo"):
            raise NotImplementedError("the SNS in memory knows FIFO topics alone")
        arn = f"arn:aws:sns:memory:{ACCOUNT}:{parameters['Name']}"
        self.topics.setdefault(arn, MemoryTopic())
        return {"TopicArn": arn}

    def subscribe(self, parameters: Document) -> dict[str, Any]:
        reject_unknown_fields(parameters, "TopicArn", "Protocol", "Endpoint", "Attributes")
        attributes = parameters.get("Attributes", {})
        reject_unknown_fields(attributes, "RawMessageDelivery", "FilterPolicy")
        if parameters["Protocol"] != "sqs" or attributes.get("RawMessageDelivery") != "true":
            raise NotImplementedError("the SNS in memory delivers raw messages to queues alone")
        wanted = json.loads(attributes.get("FilterPolicy", "{}"))
        if not all(isinstance(value, str) for values in wanted.values() for value in values):
            raise NotImplementedError("the SNS in memory filters by whole strings alone")
        queue = self._queues.queue(parameters["Endpoint"])
        self.topic(parameters["TopicArn"]).subscriptions.append(Subscription(queue.arn, wanted))
        return {"SubscriptionArn": f"{parameters['TopicArn']}:{queue.name}"}

    def publish(self, parameters: Document) -> dict[str, Any]:
        reject_unknown_fields(parameters, "TopicArn", *_FIELDS)
        topic = self.topic(parameters["TopicArn"])
        wrong = _rejection(parameters)
        if wrong:
            raise refused("InvalidParameter", f"Invalid parameter: {wrong}")
        self.deliver(topic, parameters)
        return {"MessageId": parameters["MessageDeduplicationId"]}

    def publish_batch(self, parameters: Document) -> dict[str, Any]:
        """Publish entries; those that are invalid by themselves are reported as failed."""
        reject_unknown_fields(parameters, "TopicArn", "PublishBatchRequestEntries")
        topic, entries = self.topic(parameters["TopicArn"]), parameters["PublishBatchRequestEntries"]
        _check_batch(entries)
        done: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for entry in entries:
            reject_unknown_fields(entry, "Id", *_FIELDS)
            if wrong := _rejection(entry):
                failed.append({"Id": entry["Id"], "Code": "InvalidParameter", "Message": wrong, "SenderFault": True})
                continue
            self.deliver(topic, entry)
            done.append({"Id": entry["Id"], "MessageId": entry["MessageDeduplicationId"]})
        return {"Successful": done, "Failed": failed}

    def deliver(self, topic: MemoryTopic, entry: Document) -> None:
        """Deliver to every subscription that takes the message, unless the topic had it in the last five minutes."""
        token, attributes = entry["MessageDeduplicationId"], entry.get("MessageAttributes", {})
        known_at, now = topic.known.get(token), self._now()
        if known_at is not None and now - known_at < DEDUPLICATED_S:
            return
        topic.known[token] = now
        for subscription in topic.subscriptions:
            if subscription.takes(attributes):
                self._queues.queue(subscription.queue).send(
                    entry["Message"], attributes, entry["MessageGroupId"], token
                )


_OPERATIONS: dict[str, Callable[[MemoryTopics, Document], dict[str, Any]]] = {
    "CreateTopic": MemoryTopics.create_topic,
    "Subscribe": MemoryTopics.subscribe,
    "Publish": MemoryTopics.publish,
    "PublishBatch": MemoryTopics.publish_batch,
}


def _check_batch(entries: Sequence[Document]) -> None:
    if not entries:
        raise refused("EmptyBatchRequest", "The batch request doesn't contain any entries.")
    if len(entries) > ENTRIES_MAX:
        raise refused("TooManyEntriesInBatchRequest", f"The batch request contains more than {ENTRIES_MAX} entries.")
    if len({entry["Id"] for entry in entries}) != len(entries):
        raise refused("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.")
    if sum(weight(entry["Message"], entry.get("MessageAttributes", {})) for entry in entries) > MESSAGE_BYTES:
        raise refused("BatchRequestTooLong", f"The length of all the messages put together is over {MESSAGE_BYTES}.")


def _rejection(entry: Document) -> str:
    """Return why a topic rejects a message, "" where it does not."""
    if not entry["Message"]:
        return "Empty message"
    if is_too_heavy(entry["Message"], entry.get("MessageAttributes", {})):
        return "Message too long"
    if not entry.get("MessageGroupId"):
        return "The MessageGroupId parameter is required for FIFO topics"
    return "" if entry.get("MessageDeduplicationId") else "The topic should have a MessageDeduplicationId"
