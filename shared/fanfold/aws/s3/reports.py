"""Day reports in the lake's bucket: reports/dt=2026-01-31/day.json and day.md, or failed.json and failed.md."""

from collections.abc import Iterator

import msgspec

from fanfold.audit.daily_report import Closing, DayOfAccount, DayReport
from fanfold.audit.ports import Pages
from fanfold.aws.client.call import AwsFault, Call, not_found, precondition_failed
from fanfold.aws.s3.audit_log import pages_of

PREFIX = "reports/dt="
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(DayReport).decode


class S3Reports:
    """See fanfold.audit.ports.Reports."""

    def __init__(self, call: Call, bucket: str) -> None:
        self._call = call
        self._bucket = bucket

    def is_closed(self, day: str) -> bool:
        pages = pages_of(self._call, {"Bucket": self._bucket, "Prefix": _key(day, "day.md")})
        return any(page.get("Contents") for page in pages)

    def store(self, report: DayReport) -> DayReport:
        if report.state == "failed":
            self._put(_key(report.day, "failed.json"), _encode(report), "application/json")
            return report
        key = _key(report.day, "day.json")
        try:
            self._put(key, _encode(report), "application/json", IfNoneMatch="*")
        except AwsFault as fault:
            if not precondition_failed(fault):
                raise
            return self._read(key)
        return report

    def show(self, report: DayReport, page: str) -> None:
        name = "day.md" if report.state == "closed" else "failed.md"
        self._put(_key(report.day, name), page.encode(), "text/markdown; charset=utf-8")

    def closings(self, before: str) -> dict[str, Closing]:
        return {
            account.account: _closing(account, report) for report in self._newest(before) for account in report.accounts
        }

    def bodies(self) -> dict[str, Pages]:
        return {day: self.body(day) for day in sorted({_day(key) for key in self._keys() if _is_of_closed(key)})}

    def stored(self, day: str) -> bytes:
        body: bytes = self._call("s3", "GetObject", {"Bucket": self._bucket, "Key": _key(day, "day.json")})["Body"]
        return body

    def body(self, day: str) -> Pages:
        return Pages(self._get(_key(day, "day.json")), self._get(_key(day, "day.md")))

    def last(self, since: str) -> tuple[DayReport, bool] | None:
        """Return the report of the newest day from one on, and whether its close is done; None where there is none.

        A day that failed and was closed later counts as closed.
        """
        there = {key for key in self._keys(since) if key.endswith((".json", "/day.md"))}
        days = sorted({_day(key) for key in there}, reverse=True)
        if not days:
            return None
        closed = _key(days[0], "day.json") in there
        report = self._read(_key(days[0], "day.json" if closed else "failed.json"))
        return report, _key(days[0], "day.md") in there

    def _newest(self, before: str) -> list[DayReport]:
        """Return the newest closed report of an earlier day, if there is one."""
        earlier = [key for key in self._keys() if key.endswith("/day.json") and key < _key(before, "")]
        return [self._read(max(earlier))] if earlier else []

    def _keys(self, since: str = "") -> Iterator[str]:
        start = {"StartAfter": f"{PREFIX}{since}"} if since else {}
        for page in pages_of(self._call, {"Bucket": self._bucket, "Prefix": PREFIX} | start):
            yield from (entry["Key"] for entry in page.get("Contents", []))

    def _get(self, key: str) -> bytes:
        try:
            body: bytes = self._call("s3", "GetObject", {"Bucket": self._bucket, "Key": key})["Body"]
        except AwsFault as fault:
            if not not_found(fault):
                raise
            return b""
        return body

    def _read(self, key: str) -> DayReport:
        return _decode(self._call("s3", "GetObject", {"Bucket": self._bucket, "Key": key})["Body"])

    def _put(self, key: str, body: bytes, kind: str, **condition: str) -> None:
        parameters = {"Bucket": self._bucket, "Key": key, "Body": body, "ContentType": kind}
        self._call("s3", "PutObject", parameters | condition)


def _closing(account: DayOfAccount, report: DayReport) -> Closing:
    """Return where an account's day began. Older reports, without ``through``, have the length of its chain."""
    lengths = {chain.stream: chain.records for chain in report.chains}
    through = account.before.through or lengths.get(account.account, 0)
    return msgspec.structs.replace(account.before, through=through)


def _key(day: str, name: str) -> str:
    return f"{PREFIX}{day}/{name}"


def _day(key: str) -> str:
    return key.removeprefix(PREFIX).partition("/")[0]


def _is_of_closed(key: str) -> bool:
    return key.endswith(("/day.json", "/day.md"))
