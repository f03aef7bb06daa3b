"""Reports of parity in the lake's bucket: parity/dt=2026-01-31.json, the newest of each day."""

import msgspec

from fanfold.audit.parity import ParityReport
from fanfold.aws.s3.audit_log import pages_of
from fanfold.local.session import Session

PREFIX = "parity/dt="
_decode = msgspec.json.Decoder(ParityReport).decode


def store(session: Session, report: ParityReport) -> None:
    """Write a day's report, over an earlier one of that day."""
    session.call(
        "s3",
        "PutObject",
        {
            "Bucket": session.bucket("lake"),
            "Key": f"{PREFIX}{report.day}.json",
            "Body": msgspec.json.encode(report),
            "ContentType": "application/json",
        },
    )


def newest(session: Session) -> ParityReport | None:
    """Return the report of the newest day that has one."""
    bucket = session.bucket("lake")
    pages = pages_of(session.call, {"Bucket": bucket, "Prefix": PREFIX})
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    return _decode(session.call("s3", "GetObject", {"Bucket": bucket, "Key": max(keys)})["Body"]) if keys else None


def summary(report: ParityReport) -> str:
    """Return a day's report in a line."""
    differences = len(report.differences)
    if not differences:
        return f"{report.day}: {report.orders:,} orders and {report.fills:,} fills as in the back-test"
    unexplained = f"{report.unexplained:,} UNEXPLAINED" if report.unexplained else "none unexplained"
    return f"{report.day}: {report.orders:,} orders, {differences:,} differences, {unexplained}"
