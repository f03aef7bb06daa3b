"""The light client against boto3: a story told to the same emulator gets the same answers, operation by operation."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from fanfold.aws.client.call import AwsFault, Call
from fanfold.aws.dynamodb.attribute_values import marshal
from fanfold.errors import BadInput
from support.emulator import REGION, Pair

Story = Callable[[Call, Call], list[Any]]
VOLATILE = frozenset(
    {
        "ApproximateFirstReceiveTimestamp",
        "LastModified",
        "MessageId",
        "NextContinuationToken",
        "ReceiptHandle",
        "SentTimestamp",
        "SequenceNumber",
        "VersionId",
    }
)
ITEM = marshal(
    {
        "pk": "konto-ä☃",
        "sk": 1,
        "big": Decimal("-1234567890123456789.0123456789012345678"),
        "packed": b"\x00\xff\x10",
        "B": [b"\x01", {"B": {"BS": "a name"}}, None, True],
        "digests": {b"\x02", b"\x03"},
        "tags": {"a", "b"},
    }
)
KEY = {name: ITEM[name] for name in ("pk", "sk")}
TABLE = {
    "TableName": "ledger",
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "AttributeDefinitions": [{"AttributeName": n, "AttributeType": kind} for n, kind in (("pk", "S"), ("sk", "N"))],
}


def settled(value: Any) -> Any:
    """The value without what differs from run to run; that it is there still counts."""
    if isinstance(value, dict):
        return {key: "any" if key in VOLATILE else settled(entry) for key, entry in value.items()}
    return [settled(entry) for entry in value] if isinstance(value, list) else value


def frank(call: Call) -> Call:
    """The call with its faults as answers."""

    def answered(service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return call(service, operation, parameters)
        except AwsFault as fault:
            return {"fault": fault.args}

    return answered


def agreed(pair: Pair, story: Story) -> list[Any]:
    answers: list[list[Any]] = []
    for call in (pair.light, pair.boto3):
        pair.reset()
        answers.append([settled(answer) for answer in story(frank(call), pair.boto3)])
    assert answers[0] == answers[1]
    return answers[0]


def test_items_come_back_from_dynamodb_as_they_were_put(pair: Pair) -> None:
    def story(call: Call, admin: Call) -> list[Any]:
        admin("dynamodb", "CreateTable", TABLE)
        return [
            call("dynamodb", "GetItem", {"TableName": "ledger", "Key": KEY}),
            call("dynamodb", "PutItem", {"TableName": "ledger", "Item": ITEM}),
            call("dynamodb", "GetItem", {"TableName": "ledger", "Key": KEY, "ConsistentRead": True}),
            call("dynamodb", "DeleteItem", {"TableName": "ledger", "Key": KEY, "ReturnValues": "ALL_OLD"}),
            call("dynamodb", "GetItem", {"TableName": "nowhere", "Key": KEY}),
        ]

    nothing, put, got, deleted, unknown = agreed(pair, story)
    assert (nothing, put) == ({}, {})
    assert got["Item"].keys() == ITEM.keys()
    assert got["Item"]["packed"] == {"B": b"\x00\xff\x10"}
    assert got["Item"]["big"] == ITEM["big"]
    assert got["Item"]["B"] == ITEM["B"]
    assert deleted["Attributes"] == got["Item"]
    assert unknown["fault"][0] == "ResourceNotFoundException"


def test_updates_count_and_failed_conditions_show_the_old_item(pair: Pair) -> None:
    def story(call: Call, admin: Call) -> list[Any]:
        admin("dynamodb", "CreateTable", TABLE)
        count = {
            "TableName": "ledger",
            "Key": KEY,
            "UpdateExpression": "ADD n :one SET packed = :blob",
            "ConditionExpression": "attribute_not_exists(n) OR n < :two",
            "ExpressionAttributeValues": marshal({":one": 1, ":two": 2, ":blob": b"\xfe"}),
            "ReturnValues": "ALL_NEW",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        return [call("dynamodb", "UpdateItem", count) for _ in range(3)]

    first, second, third = agreed(pair, story)
    assert first["Attributes"]["n"] == {"N": "1"}
    assert second["Attributes"]["n"] == {"N": "2"}
    code, _, status, (reason,) = third["fault"]
    assert (code, status) == ("ConditionalCheckFailedException", 400)
    assert reason.item == second["Attributes"]


def test_a_cancelled_transaction_says_why_for_each_write(pair: Pair) -> None:
    def story(call: Call, admin: Call) -> list[Any]:
        admin("dynamodb", "CreateTable", TABLE)
        fresh = {
            "TableName": "ledger",
            "Item": ITEM,
            "ConditionExpression": "attribute_not_exists(pk)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        other = {"TableName": "ledger", "Item": ITEM | marshal({"sk": 2})}
        writes = {"TransactItems": [{"Put": other}, {"Put": fresh}]}
        return [call("dynamodb", "TransactWriteItems", writes) for _ in range(2)]

    done, cancelled = agreed(pair, story)
    assert "fault" not in done
    code, _, status, reasons = cancelled["fault"]
    assert (code, status) == ("TransactionCanceledException", 400)
    assert [reason.code for reason in reasons] == ["None", "ConditionalCheckFailed"]
    assert reasons[1].item["packed"] == ITEM["packed"]


def test_a_query_pages_by_its_last_key(pair: Pair) -> None:
    def story(call: Call, admin: Call) -> list[Any]:
        admin("dynamodb", "CreateTable", TABLE)
        items = [marshal({"pk": "a", "sk": number, "blob": bytes([number])}) for number in range(3)]
        wanted = {
            "TableName": "ledger",
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": marshal({":pk": "a"}),
            "Limit": 2,
        }
        puts = [{"PutRequest": {"Item": item}} for item in items]
        answers = [call("dynamodb", "BatchWriteItem", {"RequestItems": {"ledger": puts}})]
        answers.append(call("dynamodb", "Query", wanted))
        answers.append(call("dynamodb", "Query", wanted | {"ExclusiveStartKey": answers[-1]["LastEvaluatedKey"]}))
        answers.append(call("dynamodb", "Query", wanted | {"ExpressionAttributeValues": marshal({":pk": "none"})}))
        keys = [{"pk": item["pk"], "sk": item["sk"]} for item in items]
        answers.append(call("dynamodb", "BatchGetItem", {"RequestItems": {"ledger": {"Keys": keys}}}))
        return answers

    written, first, second, empty, batch = agreed(pair, story)
    assert written["UnprocessedItems"] == {}
    assert first["LastEvaluatedKey"] == marshal({"pk": "a", "sk": 1})
    assert [item["blob"]["B"] for item in first["Items"] + second["Items"]] == [b"\0", b"\1", b"\2"]
    assert (empty["Items"], empty["Count"]) == ([], 0)
    assert len(batch["Responses"]["ledger"]) == 3


def test_messages_go_through_a_queue(pair: Pair) -> None:
    def story(call: Call, admin: Call) -> list[Any]:
        queue = {"QueueUrl": admin("sqs", "CreateQueue", {"QueueName": "targets"})["QueueUrl"]}
        blob = {"DataType": "Binary", "BinaryValue": b"\xff"}
        attributes = {"type": {"DataType": "String", "StringValue": "ä"}, "raw": blob}
        entries = [{"Id": "a", "MessageBody": "1", "MessageAttributes": attributes}, {"Id": "b", "MessageBody": "2"}]
        answers = [
            call("sqs", "ReceiveMessage", queue),
            call("sqs", "SendMessage", queue | {"MessageBody": "ä☃", "MessageAttributes": attributes}),
            call("sqs", "ReceiveMessage", queue | {"MessageAttributeNames": ["All"], "AttributeNames": ["All"]}),
            call("sqs", "SendMessageBatch", queue | {"Entries": entries}),
            call("sqs", "GetQueueAttributes", queue | {"AttributeNames": ["ApproximateNumberOfMessages"]}),
        ]
        handle = queue | {"ReceiptHandle": answers[2]["Messages"][0]["ReceiptHandle"]}
        answers.append(call("sqs", "ChangeMessageVisibility", handle | {"VisibilityTimeout": 0}))
        answers.append(call("sqs", "DeleteMessage", handle))
        answers.append(call("sqs", "SendMessage", {"QueueUrl": queue["QueueUrl"] + "-not", "MessageBody": "x"}))
        return answers

    answers = agreed(pair, story)
    (message,) = answers[2]["Messages"]
    assert answers[0] == {}
    assert message["Body"] == "ä☃"
    assert message["MessageAttributes"]["raw"]["BinaryValue"] == b"\xff"
    assert answers[7]["fault"][0] == "AWS.SimpleQueueService.NonExistentQueue"


def test_a_fifo_publish_arrives_raw_with_its_attributes(pair: Pair) -> None:
    attributes = {"type": {"DataType": "String", "StringValue": "orders.v1 & <ä>"}}

    def story(call: Call, admin: Call) -> list[Any]:
        queue = admin("sqs", "CreateQueue", {"QueueName": "risk.fifo", "Attributes": {"FifoQueue": "true"}})
        arn = admin("sqs", "GetQueueAttributes", queue | {"AttributeNames": ["QueueArn"]})["Attributes"]["QueueArn"]
        topic = admin("sns", "CreateTopic", {"Name": "orders.fifo", "Attributes": {"FifoTopic": "true"}})
        raw = {"Protocol": "sqs", "Endpoint": arn, "Attributes": {"RawMessageDelivery": "true"}}
        admin("sns", "Subscribe", topic | raw)
        single = {"Message": "ä + 1%20", "MessageGroupId": "desk", "MessageDeduplicationId": "1"}
        two = {"Message": "2", "MessageGroupId": "desk", "MessageDeduplicationId": "2", "Id": "x"}
        received = {"MessageAttributeNames": ["All"], "AttributeNames": ["All"], "MaxNumberOfMessages": 10}
        return [
            call("sns", "Publish", topic | single | {"MessageAttributes": attributes}),
            call("sns", "PublishBatch", topic | {"PublishBatchRequestEntries": [two]}),
            call("sqs", "ReceiveMessage", queue | received),
            call("sns", "Publish", {"TopicArn": topic["TopicArn"].replace("orders", "none"), "Message": "x"}),
        ]

    _, batch, received, refused = agreed(pair, story)
    first, second = received["Messages"]
    assert batch["Failed"] == []
    assert (first["Body"], second["Body"]) == ("ä + 1%20", "2")
    assert first["MessageAttributes"] == attributes
    assert first["Attributes"]["MessageGroupId"] == "desk"
    assert refused["fault"][0] == "NotFound"


def test_an_object_is_written_once_and_locked(pair: Pair) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    segment = {
        "Bucket": "audit-log",
        "Key": "desk a+b/ä=☃/00.jsonl",
        "Body": b"\x00 bytes",
        "IfNoneMatch": "*",
        "ChecksumAlgorithm": "SHA256",
        "ObjectLockMode": "COMPLIANCE",
        "ObjectLockRetainUntilDate": until,
        "ContentType": "application/jsonl",
        "Metadata": {"first": "7"},
    }
    place = {key: segment[key] for key in ("Bucket", "Key")}

    def story(call: Call, admin: Call) -> list[Any]:
        located = {"CreateBucketConfiguration": {"LocationConstraint": REGION}}
        admin("s3", "CreateBucket", {"Bucket": "audit-log", "ObjectLockEnabledForBucket": True} | located)
        return [
            call("s3", "PutObject", segment),
            call("s3", "PutObject", segment),
            call("s3", "GetObject", place),
            call("s3", "GetObject", place | {"Range": "bytes=2-3"}),
            call("s3", "HeadObject", place),
            call("s3", "GetObject", place | {"Key": "not there"}),
            call("s3", "HeadObject", place | {"Key": "not there"}),
        ]

    put, again, got, part, head, missing, unseen = agreed(pair, story)
    assert put["ETag"]
    assert got["ChecksumSHA256"]
    assert (again["fault"][0], again["fault"][2]) == ("PreconditionFailed", 412)
    assert (got["Body"], part["Body"]) == (segment["Body"], b"by")
    assert head["ObjectLockRetainUntilDate"] == until
    assert head["Metadata"] == {"first": "7"}
    assert missing["fault"][0] == "NoSuchKey"
    assert unseen["fault"][0] == "404"


def test_a_listing_pages_and_groups_and_may_be_empty(pair: Pair) -> None:
    keys = ["a b/1", "a b/2", "a+b/ä&<1>", "c%20"]

    def story(call: Call, admin: Call) -> list[Any]:
        admin("s3", "CreateBucket", {"Bucket": "lake", "CreateBucketConfiguration": {"LocationConstraint": REGION}})
        puts = [call("s3", "PutObject", {"Bucket": "lake", "Key": key, "ChecksumAlgorithm": "SHA256"}) for key in keys]
        pages = [call("s3", "ListObjectsV2", {"Bucket": "lake", "MaxKeys": 3})]
        token = pages[0]["NextContinuationToken"]
        pages.append(call("s3", "ListObjectsV2", {"Bucket": "lake", "ContinuationToken": token}))
        pages[1].pop("ContinuationToken", None)
        pages.append(call("s3", "ListObjectsV2", {"Bucket": "lake", "Delimiter": "/", "Prefix": "a"}))
        pages.append(call("s3", "ListObjectsV2", {"Bucket": "lake", "Prefix": "nothing"}))
        pages.append(call("s3", "DeleteObject", {"Bucket": "lake", "Key": "c%20"}))
        pages.append(call("s3", "ListObjectsV2", {"Bucket": "lake", "StartAfter": "a b/2"}))
        return [*puts, *pages, call("s3", "ListObjectsV2", {"Bucket": "no-lake"})]

    first, second, grouped, empty, _, rest, unknown = agreed(pair, story)[4:]
    assert [entry["Key"] for entry in first["Contents"] + second["Contents"]] == keys
    assert [entry["Prefix"] for entry in grouped["CommonPrefixes"]] == ["a b/", "a+b/"]
    assert (empty["KeyCount"], "Contents" in empty) == (0, False)
    assert [entry["Key"] for entry in rest["Contents"]] == keys[2:3]
    assert unknown["fault"][0] == "NoSuchBucket"


def test_an_unknown_function_is_a_fault(pair: Pair) -> None:
    def story(call: Call, _admin: Call) -> list[Any]:
        return [call("lambda", "Invoke", {"FunctionName": "nobody", "InvocationType": "Event", "Payload": b"{}"})]

    (refused,) = agreed(pair, story)
    assert refused["fault"][0] == "ResourceNotFoundException"


@pytest.mark.parametrize("service", ["kinesis", "athena"])
def test_the_light_client_names_what_it_does_not_know(pair: Pair, service: str) -> None:
    with pytest.raises(BadInput, match=f"does not speak to {service}"):
        pair.light(service, "Anything", {})
    with pytest.raises(BadInput, match=r"does not know ACL of s3\.PutObject"):
        pair.light("s3", "PutObject", {"Bucket": "lake", "Key": "x", "ACL": "private"})


def test_the_deletion_of_an_object_without_a_key_is_no_deletion_of_its_bucket(pair: Pair) -> None:
    for call in (pair.light, pair.boto3):
        with pytest.raises(BadInput, match="Key"):
            call("s3", "DeleteObject", {"Bucket": "lake", "Key": ""})
