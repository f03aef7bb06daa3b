"""SNS and SQS in memory answer as emulators do.

moto is no measure for the order of a group of which several messages are seen again, which it turns round; for a
message again with other attributes, or after it was deleted, which it does not recognise; and for a group of which one
message dies while others wait. The size of messages and of batches, and what takes time, is in
``tests/unit/test_queue_limits.py``.
"""

import json
from collections.abc import Mapping
from itertools import count
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from sequences import Emulation, run_sequences

from fanfold.aws.client.call import AwsFault, Call
from fanfold.simulation.cloud import MemoryCloud

NUMBERS = count()
FIFO = {"FifoQueue": "true"}
RAW = {"RawMessageDelivery": "true"}
ATTRIBUTES = [{}, {"type": "a"}, {"type": "b", "wanted": "a"}, {"wanted": "b"}, {"type": "a", "wanted": "b"}]
tokens = st.sampled_from([str(number) for number in range(60)])
entries = st.builds(lambda token, group: {
    "Message": token, "MessageGroupId": group, "MessageDeduplicationId": token,
}, tokens, st.sampled_from("gh"))  # fmt: skip


class Side:
    """One of the two: its topic, a queue that takes all of it, one that takes some, and one for what is dead."""

    def __init__(self, call: Call, name: str, most: int = 1_000) -> None:
        self.call = call
        topic = {"Name": f"{name}.fifo", "Attributes": {"FifoTopic": "true"}}
        self.topic = call("sns", "CreateTopic", topic)["TopicArn"]
        self.urls = {"dead": self._queue(f"{name}-dead.fifo", {})}
        redrive = json.dumps({"deadLetterTargetArn": self._arn("dead"), "maxReceiveCount": most})
        self.urls |= {
            "all": self._queue(f"{name}-all.fifo", {}),
            "some": self._queue(f"{name}-some.fifo", {"RedrivePolicy": redrive}),
        }
        for queue, wanted in (("all", {}), ("some", {"type": ["a"]})):
            subscribed = RAW | ({"FilterPolicy": json.dumps(wanted)} if wanted else {})
            call("sns", "Subscribe", {"TopicArn": self.topic, "Protocol": "sqs", "Endpoint": self._arn(queue),
                                      "Attributes": subscribed})  # fmt: skip
        # Receipts and ids by the order in which their messages came.
        self.receipts: list[tuple[str, str, str]] = []
        self.bodies: dict[str, str] = {}
        self.deleted: set[str] = set()

    def _queue(self, name: str, more: Mapping[str, str]) -> str:
        parameters = {"QueueName": name, "Attributes": {**FIFO, "VisibilityTimeout": "1000", **more}}
        return self.call("sqs", "CreateQueue", parameters)["QueueUrl"]

    def _arn(self, queue: str) -> str:
        parameters = {"QueueUrl": self.urls[queue], "AttributeNames": ["QueueArn"]}
        return self.call("sqs", "GetQueueAttributes", parameters)["Attributes"]["QueueArn"]

    def publish(self, several: list[dict[str, Any]]) -> Any:
        if len(several) == 1:
            return self._code("sns", "Publish", {"TopicArn": self.topic, **several[0]})
        numbered = [{"Id": str(number), **entry} for number, entry in enumerate(several)]
        return self._code("sns", "PublishBatch", {"TopicArn": self.topic, "PublishBatchRequestEntries": numbered})

    def send(self, queue: str, message: dict[str, Any]) -> Any:
        return self._code("sqs", "SendMessage", {"QueueUrl": self.urls[queue], **message})

    def receive(self, queue: str, most: int) -> list[Any]:
        messages = self.call(
            "sqs",
            "ReceiveMessage",
            {
                "QueueUrl": self.urls[queue],
                "MaxNumberOfMessages": most,
                "AttributeNames": ["All"],
                "MessageAttributeNames": ["All"],
            },
        ).get("Messages", [])
        self.receipts += [
            (queue, message["Attributes"]["MessageGroupId"], message["ReceiptHandle"]) for message in messages
        ]
        self.bodies |= {message["ReceiptHandle"]: message["Body"] for message in messages}
        return [_received(message) for message in messages]

    def delete(self, at: int) -> Any:
        queue, _, receipt = self.receipts.pop(at)
        self.deleted.add(self.bodies[receipt])
        return self._code("sqs", "DeleteMessage", {"QueueUrl": self.urls[queue], "ReceiptHandle": receipt})

    def show(self, at: int) -> Any:
        queue, _, receipt = self.receipts.pop(at)
        where = {"QueueUrl": self.urls[queue], "ReceiptHandle": receipt, "VisibilityTimeout": 0}
        return self._code("sqs", "ChangeMessageVisibility", where)

    def alone(self, at: int) -> bool:
        """Say whether no other message of the group is in flight."""
        return sum(receipt[:2] == self.receipts[at][:2] for receipt in self.receipts) == 1

    def counts(self, queue: str) -> Any:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        parameters = {"QueueUrl": self.urls[queue], "AttributeNames": names}
        return self.call("sqs", "GetQueueAttributes", parameters)["Attributes"]

    def _code(self, *call: Any) -> str:
        try:
            self.call(*call)
        except AwsFault as fault:
            return fault.code
        return "done"


def _received(message: Mapping[str, Any]) -> tuple[str, str, str, dict[str, str]]:
    """Body, count of receives, group and attributes of a message."""
    own = message["Attributes"]
    attributes = {name: value["StringValue"] for name, value in message.get("MessageAttributes", {}).items()}
    return message["Body"], own["ApproximateReceiveCount"], own["MessageGroupId"], attributes


class Both(RuleBasedStateMachine):
    """The same calls to both, one after another."""

    emulator: Emulation

    def __init__(self) -> None:
        super().__init__()
        name = f"t{next(NUMBERS)}"
        self.sides = [Side(MemoryCloud().call, name), Side(self.emulator.call, name)]
        self.restrained = self.emulator.name == "moto"

    def is_forgotten(self, body: str) -> bool:
        """Return whether the emulator does not recognise a message any more, because it was deleted."""
        return self.restrained and body in self.sides[0].deleted

    def both(self, ask: Any) -> None:
        memory, emulator = map(ask, self.sides)
        assert memory == emulator, (memory, emulator)

    @rule(drawn=st.lists(entries, min_size=1, max_size=11))
    def publish(self, drawn: list[dict[str, Any]]) -> None:
        drawn = [entry for entry in drawn if not self.is_forgotten(entry["Message"])]
        # The same message again has the same attributes.
        sent = [{**entry, "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value}
            for name, value in ATTRIBUTES[int(entry["MessageDeduplicationId"]) % len(ATTRIBUTES)].items()
        }} for entry in drawn]  # fmt: skip
        if sent:
            self.both(lambda side: side.publish(sent))

    @rule(queue=st.sampled_from(["all", "dead"]), entry=entries)
    def send(self, queue: str, entry: dict[str, Any]) -> None:
        body = f"sent {entry['Message']}"
        sent = {"MessageBody": body, "MessageGroupId": entry["MessageGroupId"], "MessageDeduplicationId": body}
        if not self.is_forgotten(body):
            self.both(lambda side: side.send(queue, sent))

    @rule(queue=st.sampled_from(["all", "some", "dead"]), most=st.integers(1, 4))
    def receive(self, queue: str, most: int) -> None:
        self.both(lambda side: side.receive(queue, most))

    @rule(data=st.data(), shown=st.booleans())
    def answer(self, data: st.DataObject, shown: bool) -> None:
        if self.sides[0].receipts:
            at = data.draw(st.integers(0, len(self.sides[0].receipts) - 1))
            alone = self.sides[0].alone(at) or not self.restrained
            self.both(lambda side: side.show(at) if shown and alone else side.delete(at))

    @rule(queue=st.sampled_from(["all", "some", "dead"]))
    def counted(self, queue: str) -> None:
        self.both(lambda side: side.counts(queue))


def test_a_message_received_too_often_is_dead_lettered_and_its_group_goes_on(
    emulator: Emulation,
) -> None:
    for number, call in enumerate((MemoryCloud().call, emulator.call)):
        side = Side(call, f"redrive-{number}", most=2)
        for token in ("1", "2"):
            side.publish([{"Message": token, "MessageGroupId": "g", "MessageDeduplicationId": token,
                           "MessageAttributes": {"type": {"DataType": "String", "StringValue": "a"}}}])  # fmt: skip
        for received in ("1", "2"):
            assert side.receive("some", 1) == [("1", received, "g", {"type": "a"})]
            side.show(0)
        assert side.receive("some", 1) == [("2", "1", "g", {"type": "a"})]
        assert [body for body, *_ in side.receive("dead", 1)] == ["1"]


def test_topics_and_queues_in_memory_answer_as_an_emulator_does(emulator: Emulation) -> None:
    Both.emulator = emulator
    run_sequences(Both)
