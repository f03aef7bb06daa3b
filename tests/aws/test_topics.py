"""Topics: messages go out in order, as many at once as SNS takes, with what subscriptions filter on."""

import msgspec

from fanfold.aws.client.call import Call, RecordedCall, with_recording
from fanfold.aws.sns import Topics
from fanfold.messages import ExecutionReport
from support.ledger_examples import approved, create_topic, fill, heard, order, report


def test_many_messages_go_out_in_order_ten_at_a_time(call: Call, admin: Call) -> None:
    arn, url = create_topic(admin, "executions")
    seen: list[RecordedCall] = []
    Topics(with_recording(call, seen.append), {"executions": arn}).publish(
        [report(f"r{number:02d}") for number in range(21)]
    )
    assert [published.operation for published in seen] == ["PublishBatch", "PublishBatch", "Publish"]
    assert [message.id for message in heard(admin, url)] == [f"r{number:02d}" for number in range(21)]


def test_a_batch_is_never_longer_than_sns_takes(call: Call, admin: Call) -> None:
    arn, url = create_topic(admin, "orders")
    many = [order(f"N{number}") for number in range(150)]
    seen: list[RecordedCall] = []
    messages = [msgspec.structs.replace(approved(*many), id=f"m{number}") for number in range(5)]
    Topics(with_recording(call, seen.append), {"orders": arn}).publish(messages)
    sizes = [
        sum(len(entry["Message"]) for entry in made.parameters.get("PublishBatchRequestEntries", [made.parameters]))
        for made in seen
    ]
    assert len(sizes) > 1
    assert max(sizes) < 256 * 1024
    assert [message.id for message in heard(admin, url)] == [f"m{number}" for number in range(5)]


def test_a_message_carries_what_subscriptions_filter_on() -> None:
    seen: list[RecordedCall] = []

    def answer(_service: str, _operation: str, _parameters: object) -> dict[str, object]:
        return {}

    Topics(with_recording(answer, seen.append), {"executions": "arn:executions.fifo"}).publish([report("a")])
    (published,) = seen
    assert published.parameters["TopicArn"] == "arn:executions.fifo"
    assert published.parameters["MessageGroupId"] == "main"
    assert published.parameters["MessageDeduplicationId"] == "a"
    assert published.parameters["MessageAttributes"] == {
        "type": {"DataType": "String", "StringValue": "execution-report.v1"},
        "matched": {"DataType": "String", "StringValue": "true"},
        "updates": {"DataType": "String", "StringValue": "false"},
    }


def test_a_report_that_is_longer_than_a_topic_takes_goes_out_in_parts(call: Call, admin: Call) -> None:
    arn, url = create_topic(admin, "executions")
    fills = [fill(order("A"), "1", number) for number in range(1_500)]
    Topics(call, {"executions": arn}).publish([msgspec.structs.replace(report("r"), fills=fills)])
    parts = [message for message in heard(admin, url) if isinstance(message, ExecutionReport)]
    assert len(parts) > 1
    assert [sold for each in parts for sold in each.fills] == fills
    assert [part.matched for part in parts] == [False] * (len(parts) - 1) + [True]
