"""S3 in memory: buckets with versions, conditional writes and listings by page.

A test compares it call by call with emulators. Bodies are stored as they are passed.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import md5
from itertools import islice
from typing import Any, NamedTuple

from fanfold.aws.client.call import AwsFault
from fanfold.simulation.requests import Document, reject_unknown_fields

PAGE_KEYS = 1_000
NO_VERSION = "null"


class Version(NamedTuple):
    """A version of an object; a body of None marks that the object was deleted."""

    version_id: str
    body: bytes | None
    content_type: str
    at: float

    @property
    def etag(self) -> str:
        """The entity tag: the MD5 of the body, in quotes, as S3 gives it to what was uploaded in one part."""
        return f'"{md5(self.body or b"", usedforsecurity=False).hexdigest()}"'


class ListedKey(NamedTuple):
    """A line of a listing: a version of a key, or a prefix that stands for all keys under it."""

    key: str
    version: Version | None
    newest: bool = True


class MemoryBucket:
    """One bucket: the versions of each key, the newest first. Without versioning, each key has one at most."""

    def __init__(self) -> None:
        self.versioned = False
        self.objects: dict[str, list[Version]] = {}
        self._keys: list[str] = []
        self._count = 0

    def keys_from(self, prefix: str, first: str) -> Iterator[str]:
        """Yield the keys with a prefix in order, from one on; none before them is looked at."""
        for place in range(bisect_left(self._keys, max(prefix, first)), len(self._keys)):
            if not self._keys[place].startswith(prefix):
                return
            yield self._keys[place]

    def newest(self, key: str) -> Version | None:
        """Return the newest version; None where there is none, or where the object is deleted."""
        version = next(iter(self.objects.get(key, [])), None)
        return version if version is not None and version.body is not None else None

    def add(self, key: str, body: bytes | None, content_type: str, at: float) -> Version:
        self._count += 1
        version_id = f"v{self._count}" if self.versioned else NO_VERSION
        version = Version(version_id, body, content_type, at)
        if key not in self.objects:
            insort(self._keys, key)
        kept = [other for other in self.objects.get(key, []) if other.version_id != version_id]
        self.objects[key] = [version, *kept]
        return version

    def remove(self, key: str, version_id: str) -> Version | None:
        """Remove a version for good, and return it."""
        versions = self.objects.get(key, [])
        removed = next((version for version in versions if version.version_id == version_id), None)
        kept = [version for version in versions if version is not removed]
        if kept:
            self.objects[key] = kept
        elif versions:
            del self.objects[key]
            del self._keys[bisect_left(self._keys, key)]
        return removed


class MemoryBuckets:
    """The buckets of an account. ``now`` (epoch seconds) dates what is written."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.buckets: dict[str, MemoryBucket] = {}
        self._now = now

    def call(self, operation: str, parameters: Document) -> dict[str, Any]:
        return _OPERATIONS[operation](self, parameters)

    def bucket(self, name: str) -> MemoryBucket:
        if name not in self.buckets:
            raise AwsFault("NoSuchBucket", f"The bucket {name} does not exist", 404)
        return self.buckets[name]

    def create_bucket(self, parameters: Document) -> dict[str, Any]:
        reject_unknown_fields(parameters, "Bucket", "CreateBucketConfiguration")
        self.buckets.setdefault(parameters["Bucket"], MemoryBucket())
        return {"Location": f"/{parameters['Bucket']}"}

    def put_bucket_versioning(self, parameters: Document) -> dict[str, Any]:
        reject_unknown_fields(parameters, "Bucket", "VersioningConfiguration")
        if parameters["VersioningConfiguration"] != {"Status": "Enabled"}:
            raise NotImplementedError("the S3 in memory only enables versioning")
        self.bucket(parameters["Bucket"]).versioned = True
        return {}

    def put_object(self, parameters: Document) -> dict[str, Any]:
        reject_unknown_fields(parameters, "Bucket", "Key", "Body", "ContentType", "IfNoneMatch", "IfMatch")
        bucket, key = self.bucket(parameters["Bucket"]), parameters["Key"]
        _check_condition(bucket.newest(key), parameters)
        content_type = parameters.get("ContentType", "binary/octet-stream")
        version = bucket.add(key, bytes(parameters.get("Body", b"")), content_type, self._now())
        return {"ETag": version.etag} | _version_id(bucket, version)

    def get_object(self, parameters: Document) -> dict[str, Any]:
        reject_unknown_fields(parameters, "Bucket", "Key", "VersionId")
        bucket = self.bucket(parameters["Bucket"])
        version = _wanted(bucket, parameters)
        fields = {"Body": version.body, "ContentLength": len(version.body or b""), "ContentType": version.content_type}
        return fields | {"ETag": version.etag, "LastModified": _date(version)} | _version_id(bucket, version)

    def delete_object(self, parameters: Document) -> dict[str, Any]:
        """Delete a version for good; without its id, mark the object as deleted where the bucket has versions."""
        reject_unknown_fields(parameters, "Bucket", "Key", "VersionId")
        bucket, key = self.bucket(parameters["Bucket"]), parameters["Key"]
        if "VersionId" in parameters:
            removed = bucket.remove(key, parameters["VersionId"])
            marker = {"DeleteMarker": True} if removed and removed.body is None else {}
            return {"VersionId": parameters["VersionId"]} | marker
        if not bucket.versioned:
            bucket.remove(key, NO_VERSION)
            return {}
        return {"DeleteMarker": True} | _version_id(bucket, bucket.add(key, None, "", self._now()))

    def list_objects_v2(self, parameters: Document) -> dict[str, Any]:
        fields = ("Bucket", "Prefix", "Delimiter", "StartAfter", "ContinuationToken", "MaxKeys")
        reject_unknown_fields(parameters, *fields)
        bucket = self.bucket(parameters["Bucket"])
        after = parameters.get("ContinuationToken", parameters.get("StartAfter", ""))
        keys = bucket.keys_from(parameters.get("Prefix", ""), after)
        there = (ListedKey(key, version) for key in keys if (version := bucket.newest(key)) is not None)
        page, is_truncated = _page(_grouped(there, parameters, after), parameters)
        contents = [_line(entry) for entry in page if entry.version is not None]
        prefixes = [{"Prefix": entry.key} for entry in page if entry.version is None]
        listing: dict[str, Any] = {"IsTruncated": is_truncated, "KeyCount": len(page)}
        listing |= {name: lines for name, lines in (("Contents", contents), ("CommonPrefixes", prefixes)) if lines}
        return listing | ({"NextContinuationToken": page[-1].key} if is_truncated else {})

    def list_object_versions(self, parameters: Document) -> dict[str, Any]:
        reject_unknown_fields(parameters, "Bucket", "Prefix", "KeyMarker", "VersionIdMarker", "MaxKeys")
        bucket = self.bucket(parameters["Bucket"])
        page, is_truncated = _page(_versions(bucket, parameters), parameters)
        listing: dict[str, Any] = {"IsTruncated": is_truncated}
        for name, marks in (("Versions", False), ("DeleteMarkers", True)):
            lines = [_version_line(entry) for entry in page if (_version(entry).body is None) == marks]
            listing |= {name: lines} if lines else {}
        if not is_truncated:
            return listing
        return listing | {"NextKeyMarker": page[-1].key, "NextVersionIdMarker": _version(page[-1]).version_id}


_OPERATIONS: dict[str, Callable[[MemoryBuckets, Document], dict[str, Any]]] = {
    "CreateBucket": MemoryBuckets.create_bucket,
    "PutBucketVersioning": MemoryBuckets.put_bucket_versioning,
    "PutObject": MemoryBuckets.put_object,
    "GetObject": MemoryBuckets.get_object,
    "DeleteObject": MemoryBuckets.delete_object,
    "ListObjectsV2": MemoryBuckets.list_objects_v2,
    "ListObjectVersions": MemoryBuckets.list_object_versions,
}


def _check_condition(newest: Version | None, parameters: Document) -> None:
    """Raise S3's fault where a write's condition does not hold: no object there, or one with this entity tag."""
    if "IfNoneMatch" in parameters:
        if parameters["IfNoneMatch"] != "*":
            raise AwsFault("NotImplemented", "If-None-Match of a write takes * alone", 501)
        if newest is not None:
            raise _precondition_failed()
    if "IfMatch" in parameters:
        if newest is None:
            raise AwsFault("NoSuchKey", "The specified key does not exist.", 404)
        if newest.etag.strip('"') != parameters["IfMatch"].strip('"'):
            raise _precondition_failed()


def _precondition_failed() -> AwsFault:
    return AwsFault("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412)


def _wanted(bucket: MemoryBucket, parameters: Document) -> Version:
    """Return the version that a request names, or the newest."""
    key = parameters["Key"]
    if "VersionId" not in parameters:
        version = bucket.newest(key)
        if version is None:
            raise AwsFault("NoSuchKey", "The specified key does not exist.", 404)
        return version
    named = parameters["VersionId"]
    version = next((version for version in bucket.objects.get(key, []) if version.version_id == named), None)
    if version is None:
        raise AwsFault("NoSuchVersion", "The specified version does not exist.", 404)
    if version.body is None:
        raise AwsFault("MethodNotAllowed", "The specified method is not allowed against this resource.", 405)
    return version


def _page(entries: Iterator[ListedKey], parameters: Document) -> tuple[list[ListedKey], bool]:
    """Return the entries of a page, and whether there are more."""
    page = list(islice(entries, parameters.get("MaxKeys", PAGE_KEYS)))
    return page, next(entries, None) is not None


def _grouped(entries: Iterator[ListedKey], parameters: Document, after: str) -> Iterator[ListedKey]:
    """Yield the entries behind a key; keys that share more than the prefix up to the delimiter are one entry."""
    prefix, delimiter = parameters.get("Prefix", ""), parameters.get("Delimiter", "")
    last = ""
    for entry in entries:
        head, end, _ = entry.key.removeprefix(prefix).partition(delimiter) if delimiter else ("", "", "")
        group = f"{prefix}{head}{end}" if end else ""
        # A page that ended with a prefix continues behind all of its keys.
        if entry.key <= after or (group and group == after):
            continue
        if not group:
            yield entry
        elif group != last:
            last = group
            yield ListedKey(group, None)


def _versions(bucket: MemoryBucket, parameters: Document) -> Iterator[ListedKey]:
    """Yield all versions of a prefix behind a marker: by key, each key's newest first."""
    after, version_after = parameters.get("KeyMarker", ""), parameters.get("VersionIdMarker", "")
    for key in bucket.keys_from(parameters.get("Prefix", ""), after):
        if key == after and not version_after:
            continue
        entries = [ListedKey(key, version, at == 0) for at, version in enumerate(bucket.objects[key])]
        if key == after:
            ids = [version.version_id for version in bucket.objects[key]]
            entries = entries[ids.index(version_after) + 1 :] if version_after in ids else entries
        yield from entries


def _version(entry: ListedKey) -> Version:
    assert entry.version is not None
    return entry.version


def _version_id(bucket: MemoryBucket, version: Version) -> dict[str, str]:
    return {"VersionId": version.version_id} if bucket.versioned else {}


def _date(version: Version) -> datetime:
    return datetime.fromtimestamp(int(version.at), UTC)


def _line(entry: ListedKey) -> dict[str, Any]:
    version = _version(entry)
    return {"Key": entry.key, "LastModified": _date(version), "ETag": version.etag, "Size": len(version.body or b"")}


def _version_line(entry: ListedKey) -> dict[str, Any]:
    version = _version(entry)
    line = {"Key": entry.key, "VersionId": version.version_id, "IsLatest": entry.newest, "LastModified": _date(version)}
    return line if version.body is None else line | {"ETag": version.etag, "Size": len(version.body)}
