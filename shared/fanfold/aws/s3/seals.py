"""Seals of closed days in the audit bucket, whose Object Lock keeps them (seals/2026-01-31.json), and their signer."""

from collections.abc import Iterator
from datetime import UTC

from fanfold.audit.ports import StoredObject
from fanfold.audit.verify import Days
from fanfold.aws.client.call import AwsFault, Call, precondition_failed
from fanfold.aws.s3.audit_log import first_version, history_of, pages_of, versions_of
from fanfold.aws.s3.reports import S3Reports

PREFIX = "seals/"
NEVER = "9999-12-31"


class S3Seals:
    """See fanfold.audit.ports.Seals."""

    def __init__(self, call: Call, bucket: str) -> None:
        self._call = call
        self._bucket = bucket

    def is_sealed(self, day: str) -> bool:
        pages = pages_of(self._call, {"Bucket": self._bucket, "Prefix": _key(day)})
        return any(page.get("Contents") for page in pages)

    def newest(self, before: str) -> StoredObject | None:
        earlier = [
            versions for versions in versions_of(self._call, self._bucket, PREFIX) if versions.key < _key(before)
        ]
        return first_version(self._call, self._bucket, earlier[-1]) if earlier else None

    def store(self, day: str, body: bytes) -> bytes:
        parameters = {"Bucket": self._bucket, "Key": _key(day), "Body": body, "ContentType": "application/json"}
        try:
            self._call("s3", "PutObject", parameters | {"IfNoneMatch": "*"})
        except AwsFault as fault:
            if not precondition_failed(fault):
                raise
            kept: bytes = self._call("s3", "GetObject", {"Bucket": self._bucket, "Key": _key(day)})["Body"]
            return kept
        return body

    def history(self) -> Iterator[StoredObject]:
        return history_of(self._call, self._bucket, PREFIX)


class KmsSigner:
    """A KMS key for message authentication: nobody can sign without its rights, and the key itself never leaves KMS."""

    def __init__(self, call: Call, key: str) -> None:
        self._key = key
        self._asked = {"KeyId": key, "MacAlgorithm": "HMAC_SHA_256"}
        self._call = call
        self._since = ""

    def since(self) -> str:
        """See fanfold.audit.ports.Signer; NEVER for a key that does not exist."""
        if not self._since:
            try:
                made = self._call("kms", "DescribeKey", {"KeyId": self._key})["KeyMetadata"]["CreationDate"]
                self._since = f"{made.astimezone(UTC):%Y-%m-%d}"
            except AwsFault as fault:
                if fault.code != "NotFoundException":
                    raise
                self._since = NEVER
        return self._since

    def sign(self, digest: bytes) -> bytes:
        mac: bytes = self._call("kms", "GenerateMac", self._asked | {"Message": digest})["Mac"]
        return mac

    def signed(self, digest: bytes, signature: bytes) -> bool:
        try:
            answer = self._call("kms", "VerifyMac", self._asked | {"Message": digest, "Mac": signature})
        except AwsFault as fault:
            if fault.code not in {"KMSInvalidMacException", "NotFoundException"}:
                raise
            return False
        return bool(answer["MacValid"])


def closed_days(call: Call, audit: str, lake: str, key: str) -> Days:
    """Return the closed days of a stage, from its two buckets and its key, "" where it has none."""
    return Days(S3Seals(call, audit), S3Reports(call, lake), KmsSigner(call, key) if key else None)


def _key(day: str) -> str:
    return f"{PREFIX}{day}.json"
