"""The sweeps that were submitted to the lake's bucket, as far as the HTTP API tells of them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from fanfold.api.system_schemas import ResearchRun
from fanfold.aws.client.call import Call
from fanfold.aws.s3.audit_log import pages_of

PREFIX = "research/sweeps/"
DOCUMENT = "/sweep.json"
# So many of the newest are told; each is an object to read.
SWEEPS_MAX = 50


class _Window(msgspec.Struct, frozen=True):
    since: int
    until: int


class _Instance(msgspec.Struct, frozen=True):
    strategy: str
    timeframe: str


class _Strategies(msgspec.Struct, frozen=True):
    strategies: dict[str, _Instance]


class _Job(msgspec.Struct, frozen=True):
    desk: _Strategies
    configurations: list[Any]
    markets: list[list[str]]
    windows: list[_Window]


class _Submitted(msgspec.Struct, frozen=True):
    """The fields of fanfold.research.on_aws.submission.SubmittedSweep that are told; audit's image has no numpy."""

    sweep: str
    job: _Job


class S3Sweeps:
    """The sweeps of one bucket."""

    def __init__(self, call: Call, bucket: str) -> None:
        self._call = call
        self._bucket = bucket
        self.place = f"s3://{bucket}/{PREFIX}"

    def submitted(self) -> Iterator[ResearchRun]:
        """Yield the newest sweeps."""
        documents = [
            (entry["LastModified"], entry["Key"])
            for page in pages_of(self._call, {"Bucket": self._bucket, "Prefix": PREFIX})
            for entry in page.get("Contents", [])
            if entry["Key"].endswith(DOCUMENT)
        ]
        for at, key in sorted(documents, reverse=True)[:SWEEPS_MAX]:
            body = self._call("s3", "GetObject", {"Bucket": self._bucket, "Key": key})["Body"]
            yield _run(msgspec.json.decode(body, type=_Submitted), at)


def _run(submitted: _Submitted, at: datetime) -> ResearchRun:
    job = submitted.job
    (instance,) = job.desk.strategies.values()
    since, until = min(window.since for window in job.windows), max(window.until for window in job.windows)
    return ResearchRun(
        run=submitted.sweep,
        kind="sweep",
        made_at=at,
        strategy=instance.strategy,
        instruments=",".join(dict.fromkeys(name for market in job.markets for name in market)),
        timeframe=instance.timeframe,
        since=datetime.fromtimestamp(since, at.tzinfo),
        until=datetime.fromtimestamp(until, at.tzinfo),
        trials=len(job.configurations) * len(job.markets) * len(job.windows),
    )
