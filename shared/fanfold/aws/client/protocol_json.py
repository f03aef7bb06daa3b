"""The AWS JSON protocol: DynamoDB, KMS, SQS, Secrets Manager, SSM, Step Functions and CloudWatch."""

import zlib
from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from fanfold.aws.client.call import AwsFault, Reason
from fanfold.aws.client.http import HttpRequest, HttpResponse, Protocol, damaged_response

TARGETS = {
    "dynamodb": "DynamoDB_20120810",
    "kms": "TrentService",
    "sqs": "AmazonSQS",
    "secretsmanager": "secretsmanager",
    "ssm": "AmazonSSM",
    "stepfunctions": "AWSStepFunctions",
    "cloudwatch": "GraniteServiceVersion20100801",
}
VERSIONS = {"kms": "1.1", "secretsmanager": "1.1", "ssm": "1.1"}
# The members that carry bytes, which go over the wire in base 64.
BLOBS = frozenset({"B", "BinaryValue", "Mac", "SecretBinary"})
# The operations that answer with times, as epoch seconds.
TIMES = frozenset({"DescribeKey", "GetSecretValue", "GetParameter"})
BLOB_LISTS = frozenset({"BS", "BinaryListValues"})
_QUOTED = (b'"B"', b'"BS"', b'"BinaryValue"', b'"Mac"', b'"SecretBinary"')


def _request(operation: str, parameters: Mapping[str, Any]) -> HttpRequest:
    service, _, name = operation.partition(".")
    version = VERSIONS.get(service, "1.0")
    headers = {"content-type": f"application/x-amz-json-{version}", "x-amz-target": f"{TARGETS[service]}.{name}"}
    # msgspec writes bytes in base 64, as the protocol wants them.
    return HttpRequest("POST", "/", "", headers, msgspec.json.encode(dict(parameters)))


def _response(operation: str, answer: HttpResponse) -> dict[str, Any]:
    # Only DynamoDB sends this header.
    checksum = answer.headers.get("x-amz-crc32")
    if checksum is not None and int(checksum) != zlib.crc32(answer.body):
        raise damaged_response(operation)
    document = _read(answer.body)
    if operation in TIMES:
        _decode_times(document.get("Parameter") or document.get("KeyMetadata") or document)
    return document


def _decode_times(value: dict[str, Any]) -> None:
    for key, entry in value.items():
        if key.endswith("Date") and isinstance(entry, int | float):
            value[key] = datetime.fromtimestamp(entry, UTC)


def _read(body: bytes) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode(body) if body else {}
    if any(name in body for name in _QUOTED):
        _decode_blobs(document)
    return document


def _decode_blobs(value: object) -> None:
    """Turn base 64 into bytes, in place.

    The names alone decide: an attribute that is itself called B holds a dict, and no table has a name so short.
    """
    if isinstance(value, list):
        for entry in value:
            _decode_blobs(entry)
    elif isinstance(value, dict):
        for key, entry in value.items():
            if key in BLOBS and isinstance(entry, str):
                value[key] = b64decode(entry)
            elif key in BLOB_LISTS and isinstance(entry, list):
                value[key] = [b64decode(blob) for blob in entry]
            else:
                _decode_blobs(entry)


def _fault(answer: HttpResponse) -> AwsFault:
    try:
        error = _read(answer.body)
    except msgspec.DecodeError:
        # A gateway in front of the service speaks HTML.
        return AwsFault(str(answer.status), answer.body[:200].decode(errors="replace"), answer.status)
    code = str(error.get("__type", answer.status)).rpartition("#")[2]
    message = error.get("message") or error.get("Message") or ""
    # SQS names its faults as its older protocol did, in a header.
    code = (answer.headers.get("x-amzn-query-error") or code).partition(";")[0]
    return AwsFault(code, message, answer.status, _reasons(code, message, error))


def _reasons(code: str, message: str, error: dict[str, Any]) -> tuple[Reason, ...]:
    if code == "ConditionalCheckFailedException":
        return (Reason("ConditionalCheckFailed", message, error.get("Item", {})),)
    return tuple(
        Reason(reason.get("Code") or "None", reason.get("Message") or "", reason.get("Item") or {})
        for reason in error.get("CancellationReasons") or []
    )


PROTOCOL = Protocol(_request, _response, _fault)
