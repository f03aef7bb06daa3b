"""Every call names the expected owner of its bucket: a name that was given up may belong to somebody else tomorrow."""

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.session import Session

from fanfold.aws.client.call import UNOWNED, RecordedCall, with_expected_owner, with_recording
from fanfold.aws.client.protocol_s3 import METHODS
from fanfold.stages.account import own_buckets

OWNER = "123456789012"
S3 = Session().get_service_model("s3")
DONE = ["PutObject", "GetObject", "DeleteObject", "ListObjectsV2", "ListObjectVersions", "DeleteObjects",
        "DeleteBucketPolicy", "HeadBucket", *(name.removeprefix("s3.") for name in METHODS)]  # fmt: skip


def nothing(_service: str, _operation: str, _parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {}


def parameters_of(service: str, operation: str, owner: str = OWNER) -> Mapping[str, Any]:
    made: list[RecordedCall] = []
    with_expected_owner(with_recording(nothing, made.append), lambda: owner)(service, operation, {"Bucket": "one"})
    return made[0].parameters


@pytest.mark.parametrize("operation", DONE)
def test_every_call_to_a_bucket_names_its_owner_as_aws_calls_it(operation: str) -> None:
    assert parameters_of("s3", operation) == {"Bucket": "one", "ExpectedBucketOwner": OWNER}
    assert "ExpectedBucketOwner" in S3.operation_model(operation).input_shape.members


@pytest.mark.parametrize("operation", sorted(UNOWNED))
def test_a_call_before_the_owner_is_known_names_none(operation: str) -> None:
    assert parameters_of("s3", operation) == {"Bucket": "one"}
    shape = S3.operation_model(operation).input_shape
    assert shape is None or "ExpectedBucketOwner" not in shape.members


def test_other_services_and_desks_without_an_account_are_asked_as_before() -> None:
    assert parameters_of("dynamodb", "GetItem") == {"Bucket": "one"}
    assert parameters_of("s3", "GetObject", "") == {"Bucket": "one"}


def test_a_command_meets_the_buckets_of_its_own_account_alone_and_asks_once_whose_it_is() -> None:
    made: list[RecordedCall] = []

    def account(_service: str, operation: str, _parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {"Account": OWNER} if operation == "GetCallerIdentity" else {}

    call = own_buckets(with_recording(account, made.append))
    for operation in ("HeadBucket", "ListObjectsV2", "DeleteObjects"):
        call("s3", operation, {"Bucket": "one"})
    parameters = [recorded.parameters for recorded in made if recorded.service == "s3"]
    assert parameters == [{"Bucket": "one", "ExpectedBucketOwner": OWNER}] * 3
    assert [recorded.operation for recorded in made].count("GetCallerIdentity") == 1
