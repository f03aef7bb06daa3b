"""AWS accepts the form of every recorded call: by botocore's models, and by rules that they lack."""

from typing import Any

import pytest

from support.aws_model import refusals

KEY = {"pk": {"S": "a"}, "sk": {"S": "b"}}
PUBLISHED = {"TopicArn": "arn:aws:sns:eu-west-1:000000000000:a.fifo", "Message": "a", "MessageGroupId": "a"}
# The journey has audit fail at an account without a name, whose key DynamoDB takes no more than the function does.
ON_PURPOSE = ["fanfold-audit-local-record: dynamodb.GetItem .sk: 0 bytes"]


def test_no_recorded_call_is_one_that_aws_refuses(recording) -> None:
    wrong = [
        f"{line.function}: {each}"
        for line in recording.calls
        for each in refusals(line.service, line.operation, line.parameters)
    ]
    assert sorted(set(wrong)) == ON_PURPOSE


def test_no_call_of_alerts_is_one_that_aws_refuses() -> None:
    from test_alerts_permissions import recorded

    assert [each for line in recorded() for each in refusals(line.service, line.operation, line.parameters)] == []


def updating(update: str, values: dict[str, Any]) -> dict[str, Any]:
    return {"TableName": "any", "Key": KEY, "UpdateExpression": update, "ExpressionAttributeValues": values}


@pytest.mark.parametrize(("call", "wrong"), [
    ("sqs.ReceiveMessage", {"QueueUrl": "a", "AttributeNames": ["SentTimestamp"]}),
    ("sqs.SendMessage", {"QueueUrl": "a"}),
    ("sqs.SendMessage", {"QueueUrl": "a", "MessageBody": ""}),
    ("sns.Publish", PUBLISHED | {"MessageDeduplicationId": "with spaces"}),
    ("sns.Publish", PUBLISHED | {"MessageDeduplicationId": "a" * 129}),
    ("sns.Publish", PUBLISHED | {"Message": "a" * 262_145}),
    ("sns.Publish", PUBLISHED | {"MessageAttributes": {"a b": {"DataType": "String", "StringValue": "a"}}}),
    ("sns.Publish", PUBLISHED | {"MessageAttributes": {"a": {"DataType": "String", "StringValue": ""}}}),
    ("sns.Publish", PUBLISHED | {"MessageAttributes": {
        f"a{number}": {"DataType": "String", "StringValue": "a"} for number in range(11)}}),
    ("stepfunctions.StartExecution", {"stateMachineArn": "a", "name": "BTC/USDT", "input": "{}"}),
    ("s3.PutObject", {"Bucket": "a", "Key": "a" * 1_025}),
    ("s3.PutObject", {"Bucket": "a", "Key": "a", "Colour": "red"}),
    ("ssm.GetParameter", {"Name": ""}),
    ("kms.GenerateMac", {"KeyId": "a", "MacAlgorithm": "HMAC_MD5", "Message": b"a"}),
    ("dynamodb.GetItem", {"TableName": "", "Key": KEY}),
    ("dynamodb.GetItem", {"TableName": "any", "Key": KEY | {"sk": {"S": ""}}}),
    ("dynamodb.PutItem", {"TableName": "any", "Item": KEY | {"a": {"S": "a" * 409_600}}}),
    ("dynamodb.UpdateItem", updating("SET state = :a", {":a": {"S": "a"}})),
    ("dynamodb.UpdateItem", updating("SET a = :a", {":a": {"S": "a"}, ":b": {"S": "a"}})),
    ("dynamodb.UpdateItem", updating("SET a = :a", {})),
    ("dynamodb.TransactWriteItems", {"TransactItems": [{"Delete": {"TableName": "any", "Key": KEY}}] * 2}),
    ("dynamodb.TransactWriteItems", {"TransactItems": []}),
])  # fmt: skip
def test_a_request_that_aws_refuses_is_reported(call: str, wrong: dict[str, Any]) -> None:
    service, _, operation = call.partition(".")
    assert refusals(service, operation, wrong) != []
