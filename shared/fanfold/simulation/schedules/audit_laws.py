"""Laws of the audit log: whatever fails, it has every message once, in one chain, and the day is closed."""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from fanfold.audit.verify import Days, verdicts_of
from fanfold.aws.dynamodb.views import DynamoViews
from fanfold.aws.s3.audit_log import S3Log
from fanfold.aws.s3.reports import S3Reports
from fanfold.aws.s3.seals import S3Seals
from fanfold.simulation.schedules.outcome import Outcome

AUDIT, LAKE, VIEWS = "audit", "lake", "views"


def the_log_has_no_gap_and_no_fork(outcome: Outcome) -> Iterator[str]:
    """Each record of a chain names the hash of the one before it, and there is one of each number."""
    ends: dict[str, tuple[int, str]] = {}
    for line in _lines(outcome):
        record = json.loads(line)
        stream = record["stream"]
        seq, last = ends.get(stream, (0, sha256(stream.encode()).hexdigest()))
        if (record["seq"], record["prev"]) != (seq + 1, last):
            yield f"record {record['seq']} of {stream} does not follow record {seq}"
        ends[stream] = record["seq"], sha256(line).hexdigest()


def each_message_is_in_the_log_once(outcome: Outcome) -> Iterator[str]:
    """Each message that was published is in the log once, with the same content."""
    recorded: dict[str, list[Any]] = {}
    for line in _lines(outcome):
        message = json.loads(line)["message"]
        recorded.setdefault(message["id"], []).append(message)
    published: dict[str, list[Any]] = {}
    for letter in outcome.letters:
        message = json.loads(letter.body)
        published.setdefault(message["id"], []).append(message)
    for name in sorted(recorded.keys() | published.keys()):
        count = len(recorded.get(name, []))
        if count != 1:
            yield f"{published.get(name, recorded.get(name))!r:.60} is in the log {count} times"
        elif recorded[name][0] not in published.get(name, []):
            yield f"{name} is in the log with another content"


def the_log_agrees_with_its_evidence(outcome: Outcome) -> Iterator[str]:
    """The log agrees with its heads, its views, and the seals and reports of closed days."""
    call = outcome.world.cloud.call
    days = Days(S3Seals(call, AUDIT), S3Reports(call, LAKE), None)
    for verdict in verdicts_of(S3Log(call, AUDIT), DynamoViews(call, VIEWS), days):
        if verdict.kind != "sound":
            yield f"{verdict.stream} is {verdict.kind} at record {verdict.seq}: {verdict.evidence}"


def nothing_in_the_log_is_replaced(outcome: Outcome) -> Iterator[str]:
    """No object of the log, and no seal, is written a second time or deleted."""
    for key, versions in outcome.world.cloud.s3.bucket(AUDIT).objects.items():
        if len(versions) != 1:
            yield f"{key} has {len(versions)} versions"


def all_that_is_recorded_is_in_the_lake(outcome: Outcome) -> Iterator[str]:
    """The lake has every record by the time that the day is closed."""
    views = DynamoViews(outcome.world.cloud.call, VIEWS)
    for head in views.heads():
        if views.flushed(head.stream) != head.seq:
            yield f"record {views.flushed(head.stream) + 1} of {head.stream} is not in the lake"


def the_day_is_closed(outcome: Outcome) -> Iterator[str]:
    """A day is closed and sealed once faults are over, for its fills add up to the books."""
    closed = outcome.world.closed  # type: ignore[attr-defined]
    if closed.state not in ("closed", "done"):
        yield f"the day is not closed: {closed.state} {closed.faults}"


def _lines(outcome: Outcome) -> Iterator[bytes]:
    bucket = outcome.world.cloud.s3.bucket(AUDIT)
    for key in sorted(key for key in bucket.objects if key.startswith("chain/")):
        yield from (bucket.objects[key][-1].body or b"").splitlines()
