"""The audit log as objects that are written once; the bucket's own Object Lock keeps them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from fanfold.audit.chain import segment_key
from fanfold.audit.ports import StoredObject
from fanfold.aws.client.call import AwsFault, Call, precondition_failed

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
        prefixes = [prefix["Prefix"] for page in pages for prefix in page.get("CommonPrefixes", [])]
        return [prefix.removeprefix(PREFIX).rstrip("/") for prefix in prefixes]

    def segments(self, stream: str, after: int = 0) -> Iterator[tuple[str, bytes]]:
        start = {"Prefix": f"{PREFIX}{stream}/", "StartAfter": segment_key(stream, after)}
        for page in pages_of(self._call, {"Bucket": self._bucket} | start):
            for entry in page.get("Contents", []):
                yield entry["Key"], self.read(entry["Key"])

    def history(self, stream: str, after: int = 0) -> Iterator[StoredObject]:
        behind = segment_key(stream, after) if after else ""
        return history_of(self._call, self._bucket, f"{PREFIX}{stream}/", behind)


class Versions(NamedTuple):
    """A key's versions by their ids, the newest first, and how often it was deleted."""

    key: str
    ids: list[str]
    deletions: int


def history_of(call: Call, bucket: str, prefix: str, after: str = "") -> Iterator[StoredObject]:
    """Yield the objects of a prefix behind a key, each as it was first written, with what was done to it since."""
    return (first_version(call, bucket, versions) for versions in versions_of(call, bucket, prefix, after))


def first_version(call: Call, bucket: str, versions: Versions) -> StoredObject:
    """Return the object as it was first written; b"" if only deletions are left of it."""
    key, ids, deletions = versions
    if len(ids) == 1 and not deletions:
        return StoredObject(key, call("s3", "GetObject", {"Bucket": bucket, "Key": key})["Body"], "")
    body = call("s3", "GetObject", {"Bucket": bucket, "Key": key, "VersionId": ids[-1]})["Body"] if ids else b""
    return StoredObject(key, body, f"it has {len(ids)} versions and {deletions} deletions")


def versions_of(call: Call, bucket: str, prefix: str, after: str = "") -> Iterator[Versions]:
    """Yield the keys of a prefix behind a key, in order; the versions of one may go on over pages."""
    parameters = {"Bucket": bucket, "Prefix": prefix} | ({"KeyMarker": after} if after else {})
    ids: dict[str, list[str]] = {}
    deletions: dict[str, int] = {}
    while True:
        page = call("s3", "ListObjectVersions", parameters)
        for version in page.get("Versions", []):
            ids.setdefault(version["Key"], []).append(version["VersionId"])
        for version in page.get("DeleteMarkers", []):
            deletions[version["Key"]] = deletions.get(version["Key"], 0) + 1
        over = not page.get("IsTruncated")
        for key in sorted(ids.keys() | deletions.keys()):
            if over or key < page["NextKeyMarker"]:
                yield Versions(key, ids.pop(key, []), deletions.pop(key, 0))
        if over:
            return
        parameters |= {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}


def pages_of(call: Call, parameters: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the pages of a listing, each requested on demand."""
    page = call("s3", "ListObjectsV2", parameters)
    yield page
    while page.get("IsTruncated"):
        page = call("s3", "ListObjectsV2", parameters | {"ContinuationToken": page["NextContinuationToken"]})
        yield page
