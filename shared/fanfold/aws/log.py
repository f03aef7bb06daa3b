"""The audit log as objects that are written once; the bucket's own Object Lock keeps them."""

from collections.abc import Iterator
from typing import Any

from fanfold.audit_chain import segment_key
from fanfold.aws.calls import AwsFault, Call, precondition_failed

PREFIX = "chain/"


class S3Log:
    """The segments of all chains in one bucket."""

    def __init__(self, call: Call, bucket: str) -> None:
        self._call = call
        self._bucket = bucket

    def create(self, key: str, body: bytes) -> bool:
        parameters = {"Bucket": self._bucket, "Key": key, "Body": body, "IfNoneMatch": "*"}
        try:
            self._call("s3", "PutObject", parameters | {"ContentType": "application/jsonl"})
        except AwsFault as fault:
            if not precondition_failed(fault):
                raise
            return False
        return True

    def read(self, key: str) -> bytes:
        body: bytes = self._call("s3", "GetObject", {"Bucket": self._bucket, "Key": key})["Body"]
        return body

    def streams(self) -> list[str]:
        pages = pages_of(self._call, {"Bucket": self._bucket, "Prefix": PREFIX, "Delimiter": "/"})
        prefixes = [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", [])]
        return [prefix.removeprefix(PREFIX).rstrip("/") for prefix in prefixes]

    def segments(self, stream: str, after: int = 0) -> Iterator[tuple[str, bytes]]:
        start = {"Prefix": f"{PREFIX}{stream}/", "StartAfter": segment_key(stream, after)}
        for page in pages_of(self._call, {"Bucket": self._bucket} | start):
            for found in page.get("Contents", []):
                yield found["Key"], self.read(found["Key"])


def pages_of(call: Call, parameters: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The pages of a listing, each asked for when it is needed."""
    page = call("s3", "ListObjectsV2", parameters)
    yield page
    while page.get("IsTruncated"):
        page = call("s3", "ListObjectsV2", parameters | {"ContinuationToken": page["NextContinuationToken"]})
        yield page
