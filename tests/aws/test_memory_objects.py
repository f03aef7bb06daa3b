"""S3 in memory answers as emulators do, call by call; versions by the order in which they were written."""

from collections.abc import Mapping
from itertools import count
from typing import Any

import pytest
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from sequences import Emulation, run_sequences

from fanfold.aws.client.call import AwsFault, Call
from fanfold.simulation.cloud import MemoryCloud

NUMBERS = count()
PAGES_MAX = 100
KEYS = st.sampled_from(["a", "chain/s/1", "chain/s/2", "chain/t/1", "chain/é", "seals/1.json", "seals/2.json"])
PREFIXES = st.sampled_from(["", "chain/", "chain/s/", "seals/", "none/"])
BODIES = st.sampled_from([b"", b"1", b"2", b"two\n"])
KEPT = ("Body", "ContentLength", "ETag", "DeleteMarker", "IsTruncated", "KeyCount")


class Side:
    """A bucket of one of the two, whose versions are named by the order in which they were written."""

    def __init__(self, call: Call, bucket: str, versioned: bool) -> None:
        self._call = call
        self._bucket = bucket
        self.names: dict[str, str] = {"null": "null"}
        self.ids: list[str] = []
        call("s3", "CreateBucket", {"Bucket": bucket, "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}})
        if versioned:
            call("s3", "PutBucketVersioning", {"Bucket": bucket, "VersioningConfiguration": {"Status": "Enabled"}})

    def answer(self, operation: str, parameters: Mapping[str, Any]) -> Any:
        """Return the answer's fields that the product reads, or the fault's code and status."""
        try:
            response = self._call("s3", operation, {"Bucket": self._bucket, **parameters})
        except AwsFault as fault:
            return fault.code, fault.status
        return self._fields(response)

    def _fields(self, response: Mapping[str, Any]) -> dict[str, Any]:
        body = response.get("Body")
        fields = {name: response[name] for name in KEPT if name in response}
        fields |= {"Body": body if isinstance(body, bytes | None) else body.read()}
        fields |= {"Contents": [self._line(line) for line in response.get("Contents", [])]}
        for name in ("Versions", "DeleteMarkers"):
            fields |= {name: [self._line(line) for line in response.get(name, [])]}
        fields |= {"Prefixes": [line["Prefix"] for line in response.get("CommonPrefixes", [])]}
        return fields | {"Version": self._name(response.get("VersionId"))}

    def pages(self, operation: str, parameters: Mapping[str, Any], marks: Mapping[str, str]) -> list[Any]:
        """Return a listing's pages; ``marks`` says which field of a page continues as which parameter."""
        pages: list[Any] = []
        more: dict[str, Any] = {}
        for _ in range(PAGES_MAX):
            response = self._call("s3", operation, {"Bucket": self._bucket, **parameters, **more})
            pages.append(self._fields(response))
            if not response.get("IsTruncated"):
                return pages
            more = {name: response[field] for field, name in marks.items()}
        raise AssertionError(f"{operation} {parameters} has no end: {pages[-1]}")

    def _line(self, line: Mapping[str, Any]) -> Any:
        named = self._name(line.get("VersionId"))
        return line["Key"], named, line.get("IsLatest"), line.get("ETag"), line.get("Size")

    def _name(self, version_id: str | None) -> str | None:
        if version_id is None:
            return None
        if version_id not in self.names:
            self.names[version_id] = f"version {len(self.names)}"
            self.ids.append(version_id)
        return self.names[version_id]


class Both(RuleBasedStateMachine):
    """The same calls to the bucket in memory and to the emulator's."""

    emulator: Emulation
    versioned = True

    def __init__(self) -> None:
        super().__init__()
        name = f"bucket-{next(NUMBERS)}"
        self.sides = [Side(call, name, self.versioned) for call in (MemoryCloud().call, self.emulator.call)]

    def both(self, operation: str, *parameters: Mapping[str, Any]) -> None:
        each = parameters if len(parameters) == len(self.sides) else parameters * len(self.sides)
        memory, emulator = (side.answer(operation, own) for side, own in zip(self.sides, each, strict=True))
        assert memory == emulator, (operation, each)

    @rule(key=KEYS, body=BODIES, new=st.booleans())
    def put(self, key: str, body: bytes, new: bool) -> None:
        self.both("PutObject", {"Key": key, "Body": body, **({"IfNoneMatch": "*"} if new else {})})

    @rule(key=KEYS, body=BODIES, old=BODIES)
    def put_over(self, key: str, body: bytes, old: bytes) -> None:
        """Write over an object of a known content."""
        bucket = MemoryCloud().s3
        bucket.create_bucket({"Bucket": "b"})
        etag = bucket.put_object({"Bucket": "b", "Key": "k", "Body": old})["ETag"]
        self.both("PutObject", {"Key": key, "Body": body, "IfMatch": etag})

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        self.both("GetObject", {"Key": key})

    @rule(key=KEYS, data=st.data(), deletes=st.booleans())
    def of_a_version(self, key: str, data: st.DataObject, deletes: bool) -> None:
        """Read a version, or delete it for good."""
        if self.sides[0].ids:
            at = data.draw(st.integers(0, len(self.sides[0].ids) - 1))
            each = [{"Key": key, "VersionId": side.ids[at]} for side in self.sides]
            there = self.sides[0].answer("GetObject", each[0]) != ("NoSuchVersion", 404)
            assume(there or self.emulator.name != "moto")  # moto does not name a version that it does not have.
            self.both("DeleteObject" if deletes else "GetObject", *each)

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        there = self.sides[0].answer("GetObject", {"Key": key}) != ("NoSuchKey", 404)
        assume(there or self.emulator.name != "moto")  # moto marks nothing where there is no object.
        self.both("DeleteObject", {"Key": key})

    @rule(prefix=PREFIXES, grouped=st.booleans(), size=st.none() | st.integers(1, 3), after=st.none() | KEYS)
    def list_keys(self, prefix: str, grouped: bool, size: int | None, after: str | None) -> None:
        parameters: dict[str, Any] = {"Prefix": prefix} | ({"Delimiter": "/"} if grouped else {})
        parameters |= ({"MaxKeys": size} if size else {}) | ({"StartAfter": after} if after and not grouped else {})
        marks = {"NextContinuationToken": "ContinuationToken"}
        memory, emulator = (side.pages("ListObjectsV2", parameters, marks) for side in self.sides)
        assert memory == emulator, parameters

    @rule(prefix=PREFIXES, size=st.none() | st.integers(1, 3), after=st.none() | KEYS)
    def list_versions(self, prefix: str, size: int | None, after: str | None) -> None:
        assume(self.versioned)  # Without versions, ministack repeats a key on the next page.
        parameters: dict[str, Any] = {"Prefix": prefix} | ({"MaxKeys": size} if size else {})
        # moto begins no listing of versions at a key.
        parameters |= {"KeyMarker": after} if after and self.emulator.name != "moto" else {}
        marks = {"NextKeyMarker": "KeyMarker", "NextVersionIdMarker": "VersionIdMarker"}
        memory, emulator = (side.pages("ListObjectVersions", parameters, marks) for side in self.sides)
        assert memory == emulator, parameters


@pytest.mark.parametrize("versioned", [True, False])
def test_s3_in_memory_answers_as_an_emulator_does(emulator: Emulation, versioned: bool) -> None:
    Both.emulator, Both.versioned = emulator, versioned
    run_sequences(Both)
