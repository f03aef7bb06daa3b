"""An answer that came otherwise than it was sent is as good as none: it is asked for again, and never believed."""

import zlib
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import pytest

from fanfold.aws.client import protocol_json, protocol_s3
from fanfold.aws.client.call import NO_ANSWER, AwsFault
from fanfold.aws.client.connect import with_retries
from fanfold.aws.client.http import HttpResponse

ITEM = b'{"Item":{"pk":{"S":"a"}}}'
BODY = b"a segment of the chain"


def headed(name: str, value: str, body: bytes, status: int = 200) -> HttpResponse:
    return HttpResponse(status, {name: value}, body)


def crc(body: bytes) -> str:
    return str(zlib.crc32(body))


def checksum(body: bytes) -> str:
    return b64encode(sha256(body).digest()).decode()


def test_an_item_is_checked_against_dynamodb_s_checksum() -> None:
    read = protocol_json.PROTOCOL.response
    assert read("GetItem", headed("x-amz-crc32", crc(ITEM), ITEM)) == {"Item": {"pk": {"S": "a"}}}
    assert read("GetItem", HttpResponse(200, {}, ITEM)) == {"Item": {"pk": {"S": "a"}}}
    with pytest.raises(AwsFault, match="DamagedAnswer") as damaged:
        read("GetItem", headed("x-amz-crc32", crc(ITEM), ITEM.replace(b"a", b"b")))
    assert damaged.value.status == NO_ANSWER


@pytest.mark.parametrize("cut", [BODY[:-1], BODY.replace(b"a", b"A"), b""])
def test_an_object_is_checked_against_the_checksum_it_was_written_with(cut: bytes) -> None:
    read = protocol_s3.PROTOCOL.response
    assert read("GetObject", headed("x-amz-checksum-sha256", checksum(BODY), BODY))["Body"] == BODY
    protocol_s3.PROTOCOL.check("GetObject", headed("x-amz-checksum-sha256", checksum(BODY), BODY))
    with pytest.raises(AwsFault, match="DamagedAnswer"):
        protocol_s3.PROTOCOL.check("GetObject", headed("x-amz-checksum-sha256", checksum(BODY), cut))


def test_a_part_of_an_object_has_no_checksum_of_its_own() -> None:
    protocol_s3.PROTOCOL.check("GetObject", headed("x-amz-checksum-sha256", checksum(BODY), BODY[:4], 206))
    protocol_s3.PROTOCOL.check("GetObject", headed("x-amz-checksum-sha256", f"{checksum(BODY)}-2", BODY))


def test_every_object_is_written_with_its_checksum() -> None:
    parameters = {"Bucket": "audit", "Key": "chain/1", "Body": BODY, "IfNoneMatch": "*", "ExpectedBucketOwner": "123"}
    headers = protocol_s3.PROTOCOL.request("s3.PutObject", parameters).headers
    assert headers["x-amz-checksum-sha256"] == checksum(BODY)
    assert headers["x-amz-sdk-checksum-algorithm"] == "SHA256"
    assert headers["x-amz-expected-bucket-owner"] == "123"


def test_a_damaged_answer_is_requested_again() -> None:
    answers = [headed("x-amz-crc32", "1", ITEM), headed("x-amz-crc32", crc(ITEM), ITEM)]

    def call(_service: str, operation: str, _parameters: Mapping[str, Any]) -> dict[str, Any]:
        return protocol_json.PROTOCOL.response(operation, answers.pop(0))

    pauses: list[float] = []
    assert with_retries(call, pauses.append, lambda: 1.0)("dynamodb", "GetItem", {}) == {"Item": {"pk": {"S": "a"}}}
    assert len(pauses) == 1
