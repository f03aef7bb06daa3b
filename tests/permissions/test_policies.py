"""The evaluator decides as IAM does, and calls need what AWS's documents say."""

import pytest

from support.needs import needs
from support.policies import allowed, matches, statement

TABLE = "arn:aws:dynamodb:eu-west-1:000000000000:table/one"
BUCKET = "arn:aws:s3:::one"


def role(*documents):
    return [statement({"Effect": "Allow", **document}) for document in documents]


def test_an_action_without_an_allow_is_denied():
    assert not allowed([], "dynamodb:GetItem", TABLE)
    assert not allowed(role({"Action": "dynamodb:GetItem", "Resource": TABLE}), "dynamodb:PutItem", TABLE)
    assert not allowed(role({"Action": "dynamodb:GetItem", "Resource": TABLE}), "dynamodb:GetItem", f"{TABLE}s")


def test_a_deny_wins_wherever_it_stands():
    documents = {"Action": "s3:*", "Resource": "*"}, {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"}
    for order in (documents, documents[::-1]):
        assert allowed(role(*order), "s3:PutObject", f"{BUCKET}/key")
        assert not allowed(role(*order), "s3:DeleteObject", f"{BUCKET}/key")


@pytest.mark.parametrize(
    ("pattern", "text", "same"),
    [
        ("*", "any", True),
        ("a*c", "abbc", True),
        ("a*c", "a/b/c", True),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("a.c", "abc", False),
        ("abc", "abcd", False),
        (f"{BUCKET}/*", f"{BUCKET}/key/of/more", True),
        (f"{BUCKET}/*", BUCKET, False),
        ("[a]", "a", False),
    ],
)
def test_wildcards_are_stars_and_question_marks_alone(pattern, text, same):
    assert matches(pattern, text) is same


def test_actions_do_not_heed_case_and_resources_do():
    statements = role({"Action": "DynamoDB:getitem", "Resource": TABLE})
    assert allowed(statements, "dynamodb:GetItem", TABLE)
    assert not allowed(statements, "dynamodb:GetItem", TABLE.upper())


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"StringEquals": {"kms:ViaService": ["sqs", "sns"]}}, {"kms:ViaService": "sns"}, True),
        ({"StringEquals": {"kms:ViaService": "sqs"}}, {"kms:ViaService": "sns"}, False),
        ({"StringEquals": {"kms:ViaService": "sqs"}}, {}, False),
        ({"StringEqualsIfExists": {"kms:ViaService": "sqs"}}, {}, True),
        ({"StringNotEquals": {"kms:ViaService": "sqs"}}, {"kms:ViaService": "sns"}, True),
        ({"StringLike": {"kms:ViaService": "sqs.*"}}, {"kms:ViaService": "sqs.eu-west-1"}, True),
        ({"ArnLike": {"aws:SourceArn": "arn:*:one"}}, {"aws:SourceArn": "arn:aws:one"}, True),
        ({"Bool": {"aws:SecureTransport": "false"}}, {}, False),
        ({"Bool": {"aws:SecureTransport": True}}, {}, True),
    ],
)
def test_conditions_must_all_hold(condition, context, holds):
    statements = role({"Action": "kms:Decrypt", "Resource": "*", "Condition": condition})
    assert allowed(statements, "kms:Decrypt", "key", context) is holds


@pytest.mark.parametrize("document", [{"NotAction": "s3:*", "Resource": "*"}, {"Action": "s3:*", "NotResource": "*"}])
def test_a_statement_that_the_evaluator_does_not_know_raises(document):
    with pytest.raises(KeyError):
        role(document)


def test_an_unknown_operator_raises():
    statements = role({"Action": "*", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "::/0"}}})
    with pytest.raises(KeyError):
        allowed(statements, "s3:GetObject", BUCKET, {"aws:SourceIp": "::1"})


def test_a_transaction_needs_the_action_of_each_of_its_writes():
    kinds = ("Put", "Update", "Delete", "ConditionCheck")
    items = [{kind: {"TableName": "one"}} for kind in kinds]
    needed = needs("dynamodb", "TransactWriteItems", {"TransactItems": items}, {})
    assert needed == {(f"dynamodb:{kind}Item", TABLE, "") for kind in kinds}


def test_a_batch_needs_the_action_of_one():
    topic = "arn:aws:sns:eu-west-1:000000000000:one.fifo"
    assert needs("sns", "PublishBatch", {"TopicArn": topic}, {}) == {("sns:Publish", topic, "")}


def test_listing_is_of_the_bucket_and_reading_of_the_object():
    assert needs("s3", "ListObjectsV2", {"Bucket": "one"}, {}) == {("s3:ListBucket", BUCKET, "")}
    assert needs("s3", "GetObject", {"Bucket": "one", "Key": "a/b"}, {}) == {("s3:GetObject", f"{BUCKET}/a/b", "")}


def test_an_encrypted_resource_needs_its_key_too():
    needed = needs("s3", "PutObject", {"Bucket": "one", "Key": "a"}, {BUCKET: "the key"})
    assert needed == {("s3:PutObject", f"{BUCKET}/a", ""), ("kms:GenerateDataKey", "the key", "s3")}


def test_an_unknown_operation_raises():
    with pytest.raises(KeyError):
        needs("dynamodb", "Scan", {"TableName": "one"}, {})
