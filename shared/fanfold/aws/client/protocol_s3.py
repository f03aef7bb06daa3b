"""S3's REST protocol: objects and their listing."""

import hashlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote_plus
from xml.etree.ElementTree import Element

from fanfold.aws.client.http import HttpRequest, HttpResponse, Protocol, damaged_response, percent_encode, query_of
from fanfold.aws.client.protocol_query import read_fault, read_tree
from fanfold.errors import BadInput

METHODS = {
    "s3.PutObject": "PUT",
    "s3.GetObject": "GET",
    "s3.HeadObject": "HEAD",
    "s3.DeleteObject": "DELETE",
    "s3.ListObjectsV2": "GET",
    "s3.ListObjectVersions": "GET",
}
LISTINGS = frozenset({"s3.ListObjectsV2", "s3.ListObjectVersions"})
HEADERS = {
    "BypassGovernanceRetention": "x-amz-bypass-governance-retention",
    "CacheControl": "cache-control",
    "ChecksumMode": "x-amz-checksum-mode",
    "ContentEncoding": "content-encoding",
    "ContentType": "content-type",
    "ExpectedBucketOwner": "x-amz-expected-bucket-owner",
    "IfMatch": "if-match",
    "IfNoneMatch": "if-none-match",
    "ObjectLockLegalHoldStatus": "x-amz-object-lock-legal-hold",
    "ObjectLockMode": "x-amz-object-lock-mode",
    "ObjectLockRetainUntilDate": "x-amz-object-lock-retain-until-date",
    "Range": "range",
    "SSEKMSKeyId": "x-amz-server-side-encryption-aws-kms-key-id",
    "ServerSideEncryption": "x-amz-server-side-encryption",
    "StorageClass": "x-amz-storage-class",
}
QUERY = {
    "ContinuationToken": "continuation-token",
    "Delimiter": "delimiter",
    "KeyMarker": "key-marker",
    "MaxKeys": "max-keys",
    "Prefix": "prefix",
    "StartAfter": "start-after",
    "VersionId": "versionId",
    "VersionIdMarker": "version-id-marker",
}
# A part of an object, asked for by Range, comes with 206.
WHOLE = 200
OTHERS = frozenset({"Bucket", "Key", "Body", "Metadata", "ChecksumAlgorithm"})


def _flag(text: str) -> bool:
    return text.lower() == "true"


# Header -> what it is called in a response, and how it is read.
ANSWERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "accept-ranges": ("AcceptRanges", str),
    "cache-control": ("CacheControl", str),
    "content-encoding": ("ContentEncoding", str),
    "content-length": ("ContentLength", int),
    "content-range": ("ContentRange", str),
    "content-type": ("ContentType", str),
    "etag": ("ETag", str),
    "last-modified": ("LastModified", parsedate_to_datetime),
    "x-amz-checksum-sha256": ("ChecksumSHA256", str),
    "x-amz-checksum-type": ("ChecksumType", str),
    "x-amz-delete-marker": ("DeleteMarker", _flag),
    "x-amz-object-lock-legal-hold": ("ObjectLockLegalHoldStatus", str),
    "x-amz-object-lock-mode": ("ObjectLockMode", str),
    "x-amz-object-lock-retain-until-date": ("ObjectLockRetainUntilDate", datetime.fromisoformat),
    "x-amz-server-side-encryption": ("ServerSideEncryption", str),
    "x-amz-server-side-encryption-aws-kms-key-id": ("SSEKMSKeyId", str),
    "x-amz-storage-class": ("StorageClass", str),
    "x-amz-version-id": ("VersionId", str),
}
# What a write and a deletion say; the rest of their headers is about the answer itself.
WRITTEN = frozenset(
    {
        "ChecksumSHA256",
        "ChecksumType",
        "DeleteMarker",
        "ETag",
        "SSEKMSKeyId",
        "ServerSideEncryption",
        "VersionId",
    }
)
LISTED: dict[str, Callable[[str], Any]] = {
    "ChecksumAlgorithm": lambda text: [text],
    "IsLatest": _flag,
    "IsTruncated": _flag,
    "KeyCount": int,
    "LastModified": datetime.fromisoformat,
    "MaxKeys": int,
    "Size": int,
}
# A listing asks for these percent-encoded, for XML cannot carry every key.
ENCODED = frozenset({"Delimiter", "Key", "KeyMarker", "NextKeyMarker", "Prefix", "StartAfter"})
# Element -> the list that it is in.
REPEATED = {
    "Contents": "Contents",
    "CommonPrefixes": "CommonPrefixes",
    "Version": "Versions",
    "DeleteMarker": "DeleteMarkers",
}


def _request(operation: str, parameters: Mapping[str, Any]) -> HttpRequest:
    _check(operation, parameters)
    query = {QUERY[key]: str(value) for key, value in parameters.items() if key in QUERY}
    if operation == "s3.ListObjectsV2":
        query |= {"list-type": "2", "encoding-type": "url"}
    if operation == "s3.ListObjectVersions":
        query |= {"versions": "", "encoding-type": "url"}
    path = f"/{percent_encode(parameters.get('Key', ''), '/')}"
    body = _body(parameters.get("Body", b""))
    headers = _headers(operation, parameters, body)
    return HttpRequest(METHODS[operation], path, query_of(query), headers, body, parameters["Bucket"])


def _check(operation: str, parameters: Mapping[str, Any]) -> None:
    if operation not in METHODS:
        raise BadInput(f"the light client does not know {operation}; take boto3")
    unknown = sorted(parameters.keys() - HEADERS.keys() - QUERY.keys() - OTHERS)
    if unknown:
        raise BadInput(f"the light client does not know {unknown[0]} of {operation}; take boto3")
    # Without a key, S3 would take the deletion of an object for that of its bucket.
    needed = ("Bucket",) if operation in LISTINGS else ("Bucket", "Key")
    missing = [name for name in needed if not parameters.get(name)]
    if missing:
        raise BadInput(f"{operation} needs {missing[0]}")


def _body(body: bytes | str) -> bytes:
    return body.encode() if isinstance(body, str) else body


def _headers(operation: str, parameters: Mapping[str, Any], body: bytes) -> dict[str, str]:
    headers = {HEADERS[key]: _header(value) for key, value in parameters.items() if key in HEADERS}
    for key, value in parameters.get("Metadata", {}).items():
        if not f"{key}{value}".isascii():
            raise BadInput(f"metadata {key!r} of an S3 object has letters outside ASCII; encode it first")
        headers[f"x-amz-meta-{key.lower()}"] = value
    if operation == "s3.GetObject":
        headers.setdefault("x-amz-checksum-mode", "ENABLED")
    if operation == "s3.PutObject":
        if parameters.get("ChecksumAlgorithm", "SHA256") != "SHA256":
            raise BadInput(f"the light client does not know checksum {parameters['ChecksumAlgorithm']}; take SHA256")
        # Object Lock wants a checksum with every write.
        headers["x-amz-sdk-checksum-algorithm"] = "SHA256"
        headers["x-amz-checksum-sha256"] = _checksum(body)
    return headers


def _header(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _response(operation: str, answer: HttpResponse) -> dict[str, Any]:
    if f"s3.{operation}" in LISTINGS:
        return _listing(read_tree(answer.body))
    headers = {key: read(answer.headers[name]) for name, (key, read) in ANSWERS.items() if name in answer.headers}
    if operation not in {"GetObject", "HeadObject"}:
        return {key: value for key, value in headers.items() if key in WRITTEN}
    prefix = "x-amz-meta-"
    headers["Metadata"] = {
        name.lower().removeprefix(prefix): value
        for name, value in answer.headers.items()
        if name.lower().startswith(prefix)
    }
    return headers | ({"Body": answer.body} if operation == "GetObject" else {})


def _check_body(operation: str, answer: HttpResponse) -> None:
    """Verify a whole object against the checksum it was written with. That of an object in parts covers the parts."""
    checksum = answer.headers.get("x-amz-checksum-sha256", "") if operation == "GetObject" else ""
    if checksum and answer.status == WHOLE and "-" not in checksum and checksum != _checksum(answer.body):
        raise damaged_response("GetObject")


def _checksum(body: bytes) -> str:
    return b64encode(hashlib.sha256(body).digest()).decode()


def _listing(tree: Element) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for element in tree:
        if element.tag in REPEATED:
            entry = {child.tag: _listed(child) for child in element if child.tag != "Owner"}
            document.setdefault(REPEATED[element.tag], []).append(entry)
        else:
            document[element.tag] = _listed(element)
    return document


def _listed(element: Element) -> Any:
    text = element.text or ""
    if element.tag in ENCODED:
        return unquote_plus(text)
    return LISTED.get(element.tag, str)(text)


PROTOCOL = Protocol(_request, _response, read_fault, _check_body)
