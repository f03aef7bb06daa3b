"""SQS in memory: FIFO and standard queues with groups, visibility, receive counts and redrive to a dead-letter queue.

Nothing here waits: a message that is not visible yet becomes visible when the clock says so.
"""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from fanfold.aws.client.call import AwsFault
from fanfold.simulation.items import may_exceed
from fanfold.simulation.requests import Document, reject_unknown_fields

ACCOUNT = "000000000000"
MESSAGE_BYTES = 256 * 1024
DEDUPLICATED_S = 300
RECEIVED_MAX = 10
_SETTINGS = ("FifoQueue", "VisibilityTimeout", "RedrivePolicy", "ContentBasedDeduplication")


def refused(code: str, message: str) -> AwsFault:
    return AwsFault(code, message, 400)


def is_too_heavy(body: str, attributes: Document) -> bool:
    """Return whether SNS and SQS refuse a message for its size."""
    return may_exceed((body, attributes), MESSAGE_BYTES) and weight(body, attributes) > MESSAGE_BYTES


def weight(body: str, attributes: Document) -> int:
    """Return the size of a message for SNS and SQS, in bytes: its body and its attributes."""
    named = (
        len(name.encode()) + sum(len(str(part).encode()) for part in attribute.values())
        for name, attribute in attributes.items()
    )
    return len(body.encode()) + sum(named)


class Waiting:
    """A message in a queue. ``receipt`` is that of its last delivery."""

    def __init__(self, identifier: str, body: str, attributes: Document, group: str, sent_ms: int) -> None:
        self.identifier = identifier
        self.body = body
        self.attributes = attributes
        self.group = group
        self.sent_ms = sent_ms
        self.received = 0
        self.receipt = ""
        self.visible_at = 0.0

    def copied(self) -> "Waiting":
        """Return the message as it is now, for another queue."""
        other = Waiting.__new__(Waiting)
        vars(other).update(vars(self))
        return other


class MemoryQueue:
    """One queue. A FIFO queue delivers no message of a group of which another is in flight."""

    def __init__(self, name: str, settings: Document, now: Callable[[], float]) -> None:
        self.name = name
        self.arn = f"arn:aws:sqs:memory:{ACCOUNT}:{name}"
        self.fifo = settings.get("FifoQueue") == "true"
        self.visibility_s = float(settings.get("VisibilityTimeout", 30))
        self.redrive: Document = json.loads(settings.get("RedrivePolicy", "{}"))
        self.messages: list[Waiting] = []
        self.now = now
        self.known: dict[str, tuple[float, str]] = {}
        self._count = 0

    def copied(self, now: Callable[[], float]) -> "MemoryQueue":
        """Return the queue with its messages as they are now, on another clock."""
        other = MemoryQueue.__new__(MemoryQueue)
        vars(other).update(vars(self))
        other.messages, other.known, other.now = [message.copied() for message in self.messages], dict(self.known), now
        return other

    def send(self, body: str, attributes: Document, group: str, token: str) -> str:
        """Send a message and return its id; a token of the last five minutes returns its message, sent once."""
        now = self.now()
        known_at, identifier = self.known.get(token, (0.0, ""))
        if token and identifier and now - known_at < DEDUPLICATED_S:
            return identifier
        self._count += 1
        identifier = f"{self.name}/{self._count}"
        self.messages.append(Waiting(identifier, body, attributes, group, int(now * 1_000)))
        if token:
            self.known[token] = now, identifier
        return identifier

    def is_ready(self, now: float) -> bool:
        """Return whether a message may be received at a time."""
        messages = self.messages
        if len(messages) == 1:
            return messages[0].visible_at <= now
        hidden = 0
        for message in messages:
            hidden += message.visible_at > now
        # One group's messages may be all that wait, behind one of them.
        return hidden < len(messages) and (not hidden or bool(self.visible()))

    def receive(self, count: int, visibility_s: float, dead: Callable[["MemoryQueue", Waiting], bool]) -> list[Waiting]:
        """Receive up to so many visible messages, oldest first; ``dead`` takes those that were received too often."""
        received: list[Waiting] = []
        until = self.now() + visibility_s
        for waiting in self.visible():
            if len(received) == count:
                break
            if dead(self, waiting):
                self.messages.remove(waiting)
                continue
            waiting.received += 1
            waiting.receipt = f"{waiting.identifier}/{waiting.received}"
            waiting.visible_at = until
            received.append(waiting)
        return received

    def visible(self) -> list[Waiting]:
        """Return the messages that may be received now."""
        if not self.messages:
            return []
        now = self.now()
        busy = {message.group for message in self.messages if message.visible_at > now}
        if not busy:
            return list(self.messages)
        if not self.fifo:
            return [message for message in self.messages if message.visible_at <= now]
        return [message for message in self.messages if message.group not in busy]

    def with_receipt(self, receipt: str) -> Waiting | None:
        for message in self.messages:
            if message.receipt == receipt:
                return message
        return None

    def delete(self, receipt: str) -> Waiting | None:
        """Delete a message, and return it; a receipt of an earlier delivery deletes nothing."""
        waiting = self.with_receipt(receipt)
        if waiting is not None:
            self.messages.remove(waiting)
        return waiting

    def in_flight(self) -> int:
        return sum(message.visible_at > self.now() for message in self.messages)


class MemoryQueues:
    """The queues of an account, by name; a queue's URL ends in its name."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.queues: dict[str, MemoryQueue] = {}
        self._now = now

    def call(self, operation: str, parameters: Document) -> dict[str, Any]:
        return _OPERATIONS[operation](self, parameters)

    def create_queue(self, parameters: Document) -> dict[str, Any]:
        reject_unknown_fields(parameters, "QueueName", "Attributes")
        settings, name = parameters.get("Attributes", {}), parameters["QueueName"]
        reject_unknown_fields(settings, *_SETTINGS)
        if (settings.get("FifoQueue") == "true") != name.endswith(".fifo"):
            raise refused("InvalidParameterValue", "The name of a FIFO queue, and no other, ends in .fifo")
        self.queues.setdefault(name, MemoryQueue(name, settings, self._now))
        return {"QueueUrl": _url(name)}

    def queue(self, url: str) -> MemoryQueue:
        """Return the queue of a URL or an ARN."""
        name = _name(url)
        queue = self.queues.get(name)
        if queue is None:
            raise refused("AWS.SimpleQueueService.NonExistentQueue", f"The queue {name} does not exist")
        return queue

    def get_queue_url(self, parameters: Document) -> dict[str, Any]:
        reject_unknown_fields(parameters, "QueueName")
        return {"QueueUrl": _url(self.queue(parameters["QueueName"]).name)}

    def get_queue_attributes(self, parameters: Document) -> dict[str, Any]:
        reject_unknown_fields(parameters, "QueueUrl", "AttributeNames")
        queue = self.queue(parameters["QueueUrl"])
        hidden = queue.in_flight()
        attributes = {
            "QueueArn": queue.arn,
            "ApproximateNumberOfMessages": str(len(queue.messages) - hidden),
            "ApproximateNumberOfMessagesNotVisible": str(hidden),
        }
        wanted = parameters["AttributeNames"]
        return {"Attributes": {name: value for name, value in attributes.items() if name in wanted or "All" in wanted}}

    def send_message(self, parameters: Document) -> dict[str, Any]:
        reject_unknown_fields(
            parameters, "QueueUrl", "MessageBody", "MessageAttributes", "MessageGroupId", "MessageDeduplicationId"
        )
        queue = self.queue(parameters["QueueUrl"])
        attributes = parameters.get("MessageAttributes", {})
        token, group = parameters.get("MessageDeduplicationId", ""), parameters.get("MessageGroupId", "")
        if queue.fifo and not group:
            raise refused("MissingParameter", "The request must contain the parameter MessageGroupId.")
        if queue.fifo and not token:
            raise refused("InvalidParameterValue", "The queue should have MessageDeduplicationId provided explicitly")
        if not parameters["MessageBody"] or is_too_heavy(parameters["MessageBody"], attributes):
            raise refused("InvalidParameterValue", f"A message has 1 to {MESSAGE_BYTES} bytes")
        return {"MessageId": queue.send(parameters["MessageBody"], attributes, group, token)}

    def receive_message(self, parameters: Document) -> dict[str, Any]:
        reject_unknown_fields(
            parameters,
            "QueueUrl",
            "MaxNumberOfMessages",
            "VisibilityTimeout",
            "AttributeNames",
            "MessageAttributeNames",
            "MessageSystemAttributeNames",
        )
        queue, count = self.queue(parameters["QueueUrl"]), parameters.get("MaxNumberOfMessages", 1)
        if not 1 <= count <= RECEIVED_MAX:
            raise refused("InvalidParameterValue", f"MaxNumberOfMessages {count} is not between 1 and {RECEIVED_MAX}")
        messages = queue.receive(count, float(parameters.get("VisibilityTimeout", queue.visibility_s)), self._is_dead)
        return {"Messages": [_received(message) for message in messages]} if messages else {}

    def _is_dead(self, queue: MemoryQueue, message: Waiting) -> bool:
        """Return whether a message was received too often; it is then moved to the dead-letter queue."""
        if not queue.redrive or message.received < int(queue.redrive["maxReceiveCount"]):
            return False
        self.queue(queue.redrive["deadLetterTargetArn"]).messages.append(message)
        return True

    def delete_message(self, parameters: Document) -> dict[str, Any]:
        reject_unknown_fields(parameters, "QueueUrl", "ReceiptHandle")
        self.queue(parameters["QueueUrl"]).delete(parameters["ReceiptHandle"])
        return {}

    def change_message_visibility(self, parameters: Document) -> dict[str, Any]:
        reject_unknown_fields(parameters, "QueueUrl", "ReceiptHandle", "VisibilityTimeout")
        message = self.queue(parameters["QueueUrl"]).with_receipt(parameters["ReceiptHandle"])
        if message is None or message.visible_at <= self._now():
            raise refused("AWS.SimpleQueueService.MessageNotInflight", "The message is not in flight")
        message.visible_at = self._now() + parameters["VisibilityTimeout"]
        return {}


_OPERATIONS: dict[str, Callable[[MemoryQueues, Document], dict[str, Any]]] = {
    "CreateQueue": MemoryQueues.create_queue,
    "GetQueueUrl": MemoryQueues.get_queue_url,
    "GetQueueAttributes": MemoryQueues.get_queue_attributes,
    "SendMessage": MemoryQueues.send_message,
    "ReceiveMessage": MemoryQueues.receive_message,
    "DeleteMessage": MemoryQueues.delete_message,
    "ChangeMessageVisibility": MemoryQueues.change_message_visibility,
}


@cache
def _name(url: str) -> str:
    return url.rpartition("/")[2].rpartition(":")[2]


def _url(name: str) -> str:
    return f"memory:///{ACCOUNT}/{name}"


def _received(message: Waiting) -> dict[str, Any]:
    system = {"ApproximateReceiveCount": str(message.received), "SentTimestamp": str(message.sent_ms)}
    if message.group:
        system["MessageGroupId"] = message.group
    fields = {
        "MessageId": message.identifier,
        "ReceiptHandle": message.receipt,
        "Body": message.body,
        "Attributes": system,
    }
    return fields | ({"MessageAttributes": message.attributes} if message.attributes else {})
