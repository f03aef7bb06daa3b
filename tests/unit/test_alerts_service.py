"""The functions of alerts over an AWS in memory: from an event in the queue to what a channel is told."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerts_service import wiring
from alerts_service.events import read_event
from alerts_service.settings import Settings
from fanfold import desk
from fanfold.alerts.anomalies import Hour
from fanfold.alerts.daily import report_of
from fanfold.alerts.record import SETTLED_S
from fanfold.alerts.sending import ChannelFailed
from fanfold.aws.function.runtime import Runtime
from fanfold.aws.function.sqs import Arrived, SqsConsumer, consume
from fanfold.aws.telemetry.telemetry import Telemetry
from fanfold.channels.addressed import Announcement
from fanfold.errors import AT_ONCE
from fanfold.messages import ExecutionReport, LegCode, LegState, LegStatus, encode
from fanfold.simulation.cloud import MemoryCloud
from support.crashes import Crash, Fuse
from support.running import ROOT

DESK = desk.parse(
    (ROOT / "desk.toml").read_text() + "\n[alerts.phone]\n\n[alerts.mail]\nafter_s = 900\nreport = true\n"
)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Platform:
    """The notices that channels were told; it takes nothing while it is ``down``."""

    def __init__(self) -> None:
        self.announced: list[tuple[str, str, str]] = []
        self.whole: list[tuple[str, Announcement]] = []
        self.down = False

    def send(self, channel: str, announcement: Announcement) -> None:
        if self.down:
            raise ChannelFailed("it is down")
        self.whole.append((channel, announcement))
        self.announced.append((channel, announcement.title, announcement.severity))


class Stage:
    """A process of alerts with its clock, its tables, and the lines of its log."""

    def __init__(self) -> None:
        self.cloud, self.now, self.lines = MemoryCloud(), NOON, []
        self.cloud.table("alerts"), self.cloud.table("faults")
        self.cloud.call("s3", "CreateBucket", {"Bucket": "lake"})
        watch = Telemetry({}, lambda: self.now, self.lines.append)
        edge = SqsConsumer(self.cloud.call, "dead", "faults", lambda: self.now, watch, read_event)
        self.runtime = Runtime(self.cloud.call, lambda: self.now, DESK, edge, watch, AT_ONCE)
        settings = Settings(alerts_table="alerts", channels_parameter="/fanfold/test/alerts", lake_bucket="lake")
        self.process = wiring.build(self.runtime, settings)
        self.platform = Platform()
        self.process.channels = self.platform  # type: ignore[assignment]

    def hand(self, *bodies: str) -> list[Any]:
        records = [
            {"messageId": f"m{number}", "body": body, "attributes": {}, "eventSourceARN": "queue"}
            for number, body in enumerate(bodies)
        ]
        return consume({"Records": records}, self.process.heed, self.runtime.edge)["batchItemFailures"]

    def wait(self, seconds: int) -> int:
        self.now += timedelta(seconds=seconds)
        return self.process.follow_up()["open"]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def alarm(state: str, at: str = "12:00") -> str:
    changed = f"2026-03-01T{at}:00.000+0000"
    return json.dumps({"AlarmName": "fanfold-dev-bars-missing", "NewStateValue": state, "StateChangeTime": changed})


def test_an_alarm_is_told_goes_on_to_further_channels_and_ends(stage) -> None:
    assert stage.hand(alarm("ALARM")) == []
    assert stage.platform.announced == [("phone", "!! alarm fanfold-dev-bars-missing", "critical")]
    assert stage.wait(600) == 1
    assert len(stage.platform.announced) == 1
    stage.wait(300)
    assert stage.platform.announced[1:] == [("mail", "!! alarm fanfold-dev-bars-missing", "critical")]
    stage.hand(alarm("OK", "12:15"))
    assert stage.wait(SETTLED_S) == 0
    assert stage.platform.announced[2:] == [
        (name, "All clear: alarm fanfold-dev-bars-missing", "clear") for name in ("phone", "mail")
    ]


def test_a_channel_that_is_down_costs_no_delivery_of_the_queue_and_is_told_later(stage) -> None:
    stage.platform.down = True
    assert stage.hand(alarm("ALARM")) == []
    assert any("a channel did not take an alert" in line for line in stage.lines)
    stage.platform.down = False
    stage.wait(60)
    assert [channel for channel, _, _ in stage.platform.announced] == ["phone"]


def test_a_table_that_fails_leaves_the_event_to_the_queue(stage) -> None:
    def fail(*_call: object) -> dict[str, Any]:
        raise TimeoutError("no answer")

    broken = wiring.build(stage.runtime._replace(call=fail), stage.process._settings)
    records = [{"messageId": "m", "body": alarm("ALARM"), "attributes": {}}]
    answer = consume({"Records": records}, broken.notify, stage.runtime.edge)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m"}]}


def test_a_message_of_a_later_version_goes_to_the_dead_letters(stage) -> None:
    stage.cloud.call("sqs", "CreateQueue", {"QueueName": "dead"})
    assert stage.hand('{"type":"bars.v9"}', alarm("ALARM")) == []
    assert len(stage.cloud.sqs.queue("dead").messages) == 1
    assert len(stage.platform.announced) == 1


def test_what_the_filter_of_a_subscription_excludes_is_dropped_and_counted_in_no_hour(stage) -> None:
    report = ExecutionReport(id="r", cause="c", at=NOON, account="main", venue="v", matched=True)
    assert stage.hand(encode(report).decode(), alarm("ALARM")) == []
    assert any("the filter of its subscription excludes" in line for line in stage.lines)
    assert list(stage.process.hours.since("main", 0)) == []
    assert len(stage.platform.announced) == 1


def leg(code: LegCode, before: str = "", minute: int = 0) -> str:
    """A status of a leg on the wire, with the one before it."""
    state = LegState(instance="trend", instrument="BTC/USDT", code=code, detail="its stop was rejected").after(before)
    at = NOON + timedelta(minutes=minute)
    return encode(LegStatus(id=f"l{minute}", cause="c", at=at, account="main", statuses=[state])).decode()


UNPROTECTED, PROTECTED = leg(LegCode.UNPROTECTED), leg(LegCode.OK, "UNPROTECTED", 3)
BARE = "main: trend BTC/USDT is UNPROTECTED"


@pytest.mark.parametrize("bodies", [[UNPROTECTED, PROTECTED], [UNPROTECTED, UNPROTECTED, PROTECTED, PROTECTED]])
def test_a_position_without_a_stop_is_told_once_and_its_end_too(stage, bodies) -> None:
    for body in bodies:
        assert stage.hand(body) == []
    stage.wait(900)
    assert stage.platform.announced == [("phone", f"!! {BARE}", "critical"), ("phone", f"All clear: {BARE}", "clear")]
    assert stage.wait(0) == 0


def test_an_end_that_overtakes_its_beginning_leaves_nothing_open(stage) -> None:
    stage.hand(PROTECTED, UNPROTECTED)
    assert stage.wait(900) == 0
    assert [severity for _, _, severity in stage.platform.announced][-1] in ("critical", "clear")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", range(1, 7))
def test_a_process_that_dies_at_any_call_leaves_no_status_untold(stage, nth, after) -> None:
    fuse = Fuse(nth, after=after)

    def mortal(*call: Any) -> dict[str, Any]:
        return fuse.effect(lambda: stage.cloud.call(*call))

    dying = wiring.build(stage.runtime._replace(call=mortal), stage.process._settings)
    dying.channels = stage.platform
    with suppress(Crash):
        for body in (UNPROTECTED, PROTECTED):
            dying.notify(Arrived(message=read_event(body), body=body, sent_ms=0, again=False))  # type: ignore[arg-type]
    assert fuse.blown
    assert stage.hand(UNPROTECTED, PROTECTED) == []  # The queue delivers both again.
    for _ in range(3):
        stage.wait(600)
    titles = [title for _, title, _ in stage.platform.announced]
    assert {f"All clear: {BARE}", f"!! {BARE} (over)"} & set(titles)
    assert len(titles) <= 3
    assert stage.wait(0) == 0


def test_a_day_is_reported_once_with_a_picture_to_the_channels_that_want_it(stage) -> None:
    (account,) = list(DESK.accounts)[:1]
    midnight = int(NOON.timestamp()) // 86_400 * 86_400
    for hour, equity in ((-1, "1000"), (3, "990"), (20, "1010")):
        stage.process.hours.add(account, Hour(at_s=midnight + hour * 3600, fills=2, failed=1, equity=equity))
    stage.now = NOON + timedelta(hours=13)
    assert [stage.process.daily_report() for _ in range(2)] == [{"channels": ["mail"]}] * 2
    ((channel, report),) = stage.platform.whole
    assert (channel, report.title) == ("mail", "The desk on 2026-03-01")
    assert f"{account}: equity 1,010.00 (+1.00 %), lowest 990.00; 4 fills, 2 orders failed" in report.body
    assert "The day is not closed yet." in report.body
    assert report.picture.startswith(b"\x89PNG")


def test_an_account_of_few_bitcoin_is_reported_to_the_satoshi() -> None:
    hours = {"main": [Hour(at_s=-3600, equity="0.5"), Hour(at_s=0, equity="0.50123456")]}
    report = report_of("1970-01-01", 0, hours, "The day is closed.", ("mail",))
    assert "main: equity 0.50123456 (+0.25 %), lowest 0.50123456; 0 fills" in report.text
