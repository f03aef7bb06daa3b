"""Verify on an AWS: versions and deletions are read, days are sealed and signed, and a look at a day reads a day."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audit_service.record import record
from audit_service.report import Findings, report
from audit_service.verify import ChainBroken, verify_one
from fanfold.audit import chain
from fanfold.audit.chain import Entry
from fanfold.audit.daily_report import DayReport
from fanfold.audit.verdict import Verdict
from fanfold.audit.verify import Days, verdicts_of
from fanfold.aws.client.call import Call, RecordedCall, with_recording
from fanfold.aws.dynamodb.views import DynamoViews
from fanfold.aws.s3.audit_log import S3Log, first_version, versions_of
from fanfold.aws.s3.reports import S3Reports
from fanfold.aws.s3.seals import KmsSigner, S3Seals
from fanfold.errors import AT_ONCE, BadInput
from support.audit_examples import AUDIT, LAKE, VIEWS, arrival, create_everything, minute
from support.emulator import Cloud, Emulator, through_boto3

DAY, NEXT_DAY = "2026-01-31", "2026-02-01"
KEY = {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}


class Desk:
    """Audit's parts on an AWS, with a key; ``seen`` has the calls."""

    def __init__(self, call: Call, admin: Call) -> None:
        create_everything(admin)
        self.seen: list[RecordedCall] = []
        self.call = with_recording(call, self.seen.append)
        self.log, self.views = S3Log(self.call, AUDIT), DynamoViews(self.call, VIEWS)
        signer = KmsSigner(self.call, admin("kms", "CreateKey", KEY)["KeyMetadata"]["KeyId"])
        self.days = Days(S3Seals(self.call, AUDIT), S3Reports(self.call, LAKE), signer)

    def record(self, *minutes: int) -> None:
        for n in minutes:
            record([arrival(message) for message in minute(n)], self.log, self.views, AT_ONCE)

    def close(self, day: str = DAY) -> DayReport:
        chains = [
            {"stream": head.stream, "kind": "sound", "records": head.seq, "hash": head.hash}
            for head in self.views.heads()
        ]
        findings = Findings(day=day, compacted={"days": 0}, chains=chains, accounts=[])
        return report(findings, self.days.reports, self.days.seals, self.days.signer)

    def broken(self) -> Verdict:
        (verdict,) = [judged for judged in verdicts_of(self.log, self.views, self.days) if judged.kind != "sound"]
        return verdict

    def verify(self, stream: str = "main", day: str = NEXT_DAY) -> Verdict:
        return verify_one(stream, day, self.log, self.views, *self.days)

    def put(self, key: str, body: bytes, bucket: str = AUDIT) -> None:
        self.call("s3", "PutObject", {"Bucket": bucket, "Key": key, "Body": body})


@pytest.fixture
def desk(ministack_session: Emulator) -> Desk:
    ministack_session.reset()
    call = through_boto3(ministack_session.endpoint)
    return Desk(call, call)


@pytest.fixture
def everywhere(cloud: Cloud) -> Desk:
    return Desk(cloud.call, cloud.admin)


def test_a_closed_day_is_sealed_signed_and_sound(everywhere: Desk) -> None:
    everywhere.record(0, 1)
    assert everywhere.close().state == "closed"
    assert everywhere.days.reports.is_closed(DAY)
    assert everywhere.days.seals.is_sealed(DAY)
    verdicts = verdicts_of(everywhere.log, everywhere.views, everywhere.days)
    assert [(verdict.stream, verdict.kind, verdict.records) for verdict in verdicts] == [
        ("main", "sound", 6),
        ("market-sim", "sound", 2),
        ("reports", "sound", 1),
    ]


def test_a_day_that_is_closed_again_keeps_its_seal(desk: Desk) -> None:
    desk.record(0)
    desk.close()
    before = list(desk.days.seals.history())
    desk.record(1)
    desk.close()
    assert list(desk.days.seals.history()) == before
    assert [stored_seal.shadow for stored_seal in before] == [""]


def test_a_seal_that_was_put_there_first_is_refused(desk: Desk) -> None:
    desk.put(f"seals/{DAY}.json", b"{}")
    desk.record(0)
    with pytest.raises(BadInput, match="sealed as another day"):
        desk.close()
    assert not desk.days.reports.is_closed(DAY)


def test_a_signature_by_another_key_is_invalid(everywhere: Desk) -> None:
    other = everywhere.call("kms", "CreateKey", KEY)["KeyMetadata"]["KeyId"]
    signed, key = KmsSigner(everywhere.call, other).sign(b"digest"), everywhere.days.signer
    assert key is not None
    assert not key.signed(b"digest", signed)
    assert key.signed(b"digest", key.sign(b"digest"))


def test_a_key_has_a_creation_date_and_a_missing_key_one_after_all_days(everywhere: Desk) -> None:
    key = everywhere.days.signer
    assert key is not None
    assert f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}" <= key.since() <= f"{datetime.now(UTC):%Y-%m-%d}"
    none = KmsSigner(everywhere.call, "alias/fanfold-nowhere-seals")
    assert none.since() > "9999"


def test_a_report_that_was_changed_with_its_seal_lacks_the_signature(desk: Desk) -> None:
    desk.record(0)
    desk.close()
    forger = Days(desk.days.seals, desk.days.reports, KmsSigner(desk.call, _other_key(desk)))
    key = f"seals/{DAY}.json"
    (version,) = versions_of(desk.call, AUDIT, key)
    gone = {"Bucket": AUDIT, "Key": key, "VersionId": version.ids[0], "BypassGovernanceRetention": True}
    desk.call("s3", "DeleteObject", gone)
    findings = Findings(day=DAY, compacted={"days": 0}, chains=[], accounts=[])
    report(findings, forger.reports, forger.seals, forger.signer)
    assert (desk.broken().stream, desk.broken().evidence) == ("reports", "its signature is not that of the stage's key")
    with pytest.raises(ChainBroken, match="signature"):
        desk.verify()


def _other_key(desk: Desk) -> str:
    return str(desk.call("kms", "CreateKey", KEY)["KeyMetadata"]["KeyId"])


def test_verify_finds_what_was_put_on_top_of_a_segment(everywhere: Desk) -> None:
    everywhere.record(0, 1, 2)
    key = chain.segment_key("main", 4)
    everywhere.put(key, everywhere.log.read(key).replace(b"100.10", b"100.20"))
    verdict = everywhere.broken()
    assert (verdict.stream, verdict.kind, verdict.seq, verdict.segment) == ("main", "shadowed", 4, key)


def test_verify_finds_a_segment_that_a_deletion_hides(everywhere: Desk) -> None:
    everywhere.record(0, 1)
    key = chain.segment_key("main", 1)
    everywhere.call("s3", "DeleteObject", {"Bucket": AUDIT, "Key": key})
    verdict = everywhere.broken()
    assert (verdict.kind, verdict.seq, verdict.segment) == ("shadowed", 1, key)
    assert "1 versions and 1 deletions" in verdict.evidence


def test_a_hidden_object_is_read_as_it_was_first_written(everywhere: Desk) -> None:
    for body in (b"first", b"second"):
        everywhere.put("chain/x/1", body)
    everywhere.call("s3", "DeleteObject", {"Bucket": AUDIT, "Key": "chain/x/1"})
    (versions,) = versions_of(everywhere.call, AUDIT, "chain/x/")
    assert (len(versions.ids), versions.deletions) == (2, 1)
    assert first_version(everywhere.call, AUDIT, versions).body == b"first"


def test_versions_go_on_over_pages(desk: Desk) -> None:
    for n in range(3):
        for key in ("chain/x/1", "chain/x/2", "chain/x/3"):
            desk.put(key, b"%d" % n)

    def paged(service: str, operation: str, parameters: Any) -> dict[str, Any]:
        more = {"MaxKeys": 2} if operation == "ListObjectVersions" else {}
        return desk.call(service, operation, {**parameters, **more})

    assert [(versions.key, len(versions.ids)) for versions in versions_of(paged, AUDIT, "chain/x/")] == [
        ("chain/x/1", 3),
        ("chain/x/2", 3),
        ("chain/x/3", 3),
    ]
    assert [version.key for version in versions_of(paged, AUDIT, "chain/x/", "chain/x/1")] == ["chain/x/2", "chain/x/3"]


def removed(desk: Desk, key: str) -> None:
    (version,) = [named for named in versions_of(desk.call, AUDIT, key) if named.key == key]
    for version_id in version.ids:
        desk.call(
            "s3",
            "DeleteObject",
            {"Bucket": AUDIT, "Key": key, "VersionId": version_id, "BypassGovernanceRetention": True},
        )


def test_verify_misses_a_segment_that_is_gone_for_good(desk: Desk) -> None:
    desk.record(0)
    removed(desk, chain.segment_key("main", 1))
    assert (desk.broken().kind, desk.broken().seq) == ("cut off", 1)


def test_verify_finds_where_a_rewritten_history_begins(desk: Desk) -> None:
    desk.record(0, 1, 2)
    head = chain.start("market-sim")
    for n in range(3):
        bars_arrival = arrival(minute(n)[0])
        raw = bars_arrival.raw | ({"cause": "other"} if n else {})
        segment, head = chain.append(head, [Entry(topic="bars", message=raw, sent_ms=bars_arrival.sent_ms)])
        removed(desk, segment.key)
        desk.put(segment.key, segment.body)
    assert (desk.broken().kind, desk.broken().seq) == ("forked", 2)


Attack = Callable[[Desk], object]
NEXT_MESSAGE = {"type": "execution-report.v1", "id": "lie", "cause": "x", "at": "2026-02-01T00:00:00Z",
                "account": "main", "venue": "sim", "cash": "1000000", "version": 999}  # fmt: skip


@pytest.mark.parametrize("garbage", [False, True])
def test_a_foreign_object_at_the_next_segment_is_not_adopted_and_loses_nothing(everywhere: Desk, garbage: bool) -> None:
    everywhere.record(0)
    head = everywhere.views.head("main")
    segment, _ = chain.append(head, [Entry(topic="executions", message=NEXT_MESSAGE, sent_ms=1)])
    everywhere.put(segment.key, b"garbage\n" if garbage else segment.body)
    everywhere.record(1, 2)
    assert everywhere.views.read(("books", "main"))["cash"] == "998"
    assert everywhere.views.head("main").seq == 9
    verdict = everywhere.broken()
    assert (verdict.kind, verdict.seq, verdict.segment) == ("foreign", 4, segment.key)


def test_the_daily_verification_reads_only_records_after_the_closed_day(desk: Desk) -> None:
    desk.record(0)
    desk.close()
    desk.record(1)
    desk.seen.clear()
    assert (desk.verify().kind, desk.verify().records) == ("sound", 6)
    read = {recorded.parameters["Key"] for recorded in desk.seen if recorded.operation == "GetObject" and "chain" in
            recorded.parameters["Key"]}  # fmt: skip
    assert read == {chain.segment_key("main", 4)}
    assert not any(recorded.operation in {"Scan", "ListObjectsV2"} for recorded in desk.seen)


def test_the_daily_verification_finds_a_head_behind_the_closed_day(desk: Desk) -> None:
    desk.record(0)
    before = desk.views.head("main")
    desk.record(1)
    desk.close()
    removed(desk, chain.segment_key("main", 4))
    desk.views.commit(desk.views.head("main"), before)
    with pytest.raises(ChainBroken, match="closed day"):
        desk.verify()


def test_the_daily_verification_finds_records_cut_since_by_the_lake(desk: Desk) -> None:
    desk.record(0)
    desk.close()
    before = desk.views.head("main")
    desk.record(1)
    desk.views.advance("main", 0, desk.views.head("main").seq)
    removed(desk, chain.segment_key("main", 4))
    desk.views.commit(desk.views.head("main"), before)
    with pytest.raises(ChainBroken, match="the lake has record 6"):
        desk.verify()


@pytest.mark.parametrize("what", ["view", "report"])
def test_the_daily_verification_compares_views_with_the_report(desk: Desk, what: str) -> None:
    desk.record(0)
    desk.close()
    desk.record(1)
    if what == "view":
        desk.call("dynamodb", "DeleteItem", {"TableName": VIEWS, "Key": {
            "pk": {"S": "account#main"}, "sk": {"S": "books"}}})  # fmt: skip
    else:
        desk.put(f"reports/dt={DAY}/day.json", b"{}", LAKE)
    with pytest.raises(ChainBroken, match="books" if what == "view" else "day.json"):
        desk.verify()


def test_recording_during_a_verification_is_no_fault(desk: Desk) -> None:
    desk.record(0)
    waiting = [lambda: desk.record(1)]

    def interrupt(service: str, operation: str, parameters: Any) -> dict[str, Any]:
        if operation in {"ListObjectVersions", "Scan"} and waiting:
            waiting.pop()()
        return desk.call(service, operation, parameters)

    log, views = S3Log(interrupt, AUDIT), DynamoViews(interrupt, VIEWS)
    assert [verdict.kind for verdict in verdicts_of(log, views)] == ["sound", "sound"]
