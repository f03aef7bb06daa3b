"""SNS and SQS in memory have the limits of the real ones, and forget a message's token when they do."""

from typing import Any

import pytest

from fanfold.aws.client.call import AwsFault
from fanfold.simulation.cloud import MemoryCloud

KB = 1024
RAW = {"RawMessageDelivery": "true"}


class Place:
    """A topic with one queue that takes it all."""

    def __init__(self) -> None:
        self.now = 0.0
        self.cloud = MemoryCloud(lambda: self.now)
        topic = self.cloud.call("sns", "CreateTopic", {"Name": "t.fifo", "Attributes": {"FifoTopic": "true"}})
        queue = self.cloud.call("sqs", "CreateQueue", {"QueueName": "q.fifo", "Attributes": {"FifoQueue": "true"}})
        self.topic, self.queue = topic["TopicArn"], queue["QueueUrl"]
        arn = self.cloud.sqs.queue(self.queue).arn
        request = {"TopicArn": self.topic, "Protocol": "sqs", "Endpoint": arn, "Attributes": RAW}
        self.cloud.call("sns", "Subscribe", request)

    def publish(self, entry: dict[str, Any]) -> None:
        self.cloud.call("sns", "Publish", {"TopicArn": self.topic, **entry})

    def batch(self, *entries: dict[str, Any]) -> dict[str, Any]:
        numbered = [{"Id": str(number), **entry} for number, entry in enumerate(entries)]
        return self.cloud.call("sns", "PublishBatch", {"TopicArn": self.topic, "PublishBatchRequestEntries": numbered})

    def waiting(self) -> list[str]:
        return [message.body for message in self.cloud.sqs.queue(self.queue).messages]


def entry(body: str, token: str = "", **more: Any) -> dict[str, Any]:
    return {"Message": body, "MessageGroupId": "g", "MessageDeduplicationId": token or body[:9], **more}


def code(call: Any, *arguments: Any) -> str:
    with pytest.raises(AwsFault) as caught:
        call(*arguments)
    return caught.value.code


def test_a_message_over_256_kb_is_refused_attributes_and_all() -> None:
    place = Place()
    place.publish(entry("x" * 256 * KB))
    attributes = {"type": {"DataType": "String", "StringValue": "a"}}
    assert code(place.publish, entry("x" * 256 * KB, MessageAttributes=attributes)) == "InvalidParameter"
    sent = {"QueueUrl": place.queue, "MessageBody": "x" * (256 * KB + 1), "MessageGroupId": "g",
            "MessageDeduplicationId": "1"}  # fmt: skip
    assert code(place.cloud.call, "sqs", "SendMessage", sent) == "InvalidParameterValue"
    assert len(place.waiting()) == 1


def test_a_batch_has_ten_entries_and_256_kb_at_most() -> None:
    place = Place()
    place.batch(*(entry(str(number)) for number in range(10)))
    assert code(place.batch, *(entry(str(number)) for number in range(11))) == "TooManyEntriesInBatchRequest"
    assert code(place.batch, entry("a" * 128 * KB), entry("b" * 129 * KB)) == "BatchRequestTooLong"
    assert code(place.batch) == "EmptyBatchRequest"
    assert place.waiting() == [str(number) for number in range(10)]


def test_an_entry_that_is_wrong_by_itself_is_told_of_and_the_others_are_published() -> None:
    place = Place()
    done = place.batch(entry("a"), {**entry("b"), "MessageGroupId": ""}, entry("c"))
    assert [(failure["Id"], failure["SenderFault"]) for failure in done["Failed"]] == [("1", True)]
    assert place.waiting() == ["a", "c"]


def test_the_same_token_within_five_minutes_is_one_message() -> None:
    place = Place()
    for now in (0.0, 299.0, 300.0, 301.0):
        place.now = now
        place.publish(entry(f"at {now}", "once"))
    assert place.waiting() == ["at 0.0", "at 300.0"]


def test_a_message_that_is_not_deleted_is_seen_again_after_its_time() -> None:
    place = Place()
    place.publish(entry("a"))
    place.publish(entry("b"))
    request = {"QueueUrl": place.queue, "MaxNumberOfMessages": 1}
    (first,) = place.cloud.call("sqs", "ReceiveMessage", request)["Messages"]
    assert place.cloud.call("sqs", "ReceiveMessage", request) == {}
    place.now = 30.0
    (again,) = place.cloud.call("sqs", "ReceiveMessage", request)["Messages"]
    assert (again["Body"], again["Attributes"]["ApproximateReceiveCount"]) == ("a", "2")
    place.cloud.call("sqs", "DeleteMessage", {"QueueUrl": place.queue, "ReceiptHandle": first["ReceiptHandle"]})
    assert place.waiting() == ["a", "b"]
    place.cloud.call("sqs", "DeleteMessage", {"QueueUrl": place.queue, "ReceiptHandle": again["ReceiptHandle"]})
    assert place.waiting() == ["b"]


def test_what_is_not_there_is_named() -> None:
    place = Place()
    assert code(place.cloud.call, "sns", "Publish", {"TopicArn": "none", **entry("a")}) == "NotFound"
    missing = {"QueueUrl": "none", "MessageBody": "a"}
    assert code(place.cloud.call, "sqs", "SendMessage", missing) == "AWS.SimpleQueueService.NonExistentQueue"
