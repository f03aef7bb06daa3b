"""A desk whose functions run under their deployed roles and go down every way that asks AWS for something."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import recorded_api
import recorded_close

from fanfold.audit import chain
from fanfold.audit.chain import Entry
from fanfold.aws.client.call import AwsFault, Call, Endpoint
from fanfold.aws.client.connect import connect
from fanfold.aws.client.recording import RecordedLine, read_lines
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.aws.dynamodb.table import Table
from fanfold.aws.dynamodb.views import DynamoViews
from fanfold.aws.sns import Topics
from fanfold.deployment import STAGE, dead_letters_names, queue_name
from fanfold.local.driver import invoke
from fanfold.local.launcher import REGION, Cloud
from fanfold.market import bars
from fanfold.messages import (
    BarsClosed,
    BarsRequested,
    ExecutionReport,
    Message,
    OrdersApproved,
    TradingState,
    TradingStateChanged,
    encode,
)
from support.hooked_desk import hooked
from support.trading import Desk, Outcome, closes, recorded, trade

MINUTES = 30
# The last minutes of the recordings, which no poll asks for: they are there when signal misses them.
AHEAD_S = 300
LEDGER = f"fanfold-{STAGE}-ledger"
# The functions that a queue wakes.
CONSUMERS = {"market-data": "serve", "signal": "fold", "risk": "assess", "execution": "execute", "audit": "record"}
UNKNOWN = '{"type":"bars.v9","id":"%s"}'


class Recording(NamedTuple):
    """The result of the journey: calls, denials in the functions' logs, and the outcome of further attempts."""

    calls: list[RecordedLine]
    outcome: Outcome
    denials: list[str]
    foreign: dict[str, str]
    buried: dict[str, dict[str, int]]


def record(deployed: Path, folder: Path) -> Recording:
    """Run the journey once, on a copy of a deployed AWS that holds every call against its caller's policies."""
    state, calls = folder / "state", folder / "calls.jsonl"
    foreign: dict[str, str] = {}
    buried: dict[str, dict[str, int]] = {}

    def act(desk: Desk) -> None:
        _journey(desk)
        foreign.update(_foreign(desk.cloud))
        buried.update(_without_policy(desk))

    outcome = trade(state, deployed, hooked(MINUTES), act, AUTH="true", RECORD_CALLS=str(calls))
    return Recording(read_lines(calls), outcome, _denials(state / "logs"), foreign, buried)


def _journey(desk: Desk) -> None:
    _fail_to_serve(desk)
    middle = desk.plan.start + MINUTES // 2 * 60
    closes(desk, range(desk.plan.start, middle, 60))
    command = {"account": "main", "reason": "a test", "actor": "test"}
    halted = invoke(desk.run.call, "risk", "control", command | {"action": "halt", "state": "HALTED"})
    invoke(desk.run.call, "risk", "control", command | {"action": "resume", "replaces": [halted["change"]]})
    recorded_api.hear_twice(desk)
    closes(desk, range(middle, desk.plan.until - AHEAD_S + 1, 60))
    assert desk.cloud.wait_until_quiet()
    messages = recorded(desk.run)
    _poison(desk)
    _break(desk, messages)
    _leave_behind(desk, messages)
    _skip_bars(desk, messages)
    _die_while_recording(desk)
    _hear_nothing(desk)
    desk.run.finish()
    recorded_api.read(desk)
    recorded_api.control(desk)
    assert desk.cloud.wait_until_quiet()
    recorded_close.close_days(desk)
    recorded_api.see_system(desk)
    recorded_close.fill_back(desk)


def _fail_to_serve(desk: Desk) -> None:
    """Bars are wanted whose recording can't be read."""
    wanted = BarsRequested(
        id="unreadable", cause="a test", at=_at(desk), venue="market", timeframe="1m", instruments=["BTC/USDT"],
        since_s=desk.plan.start - 600, until_s=desk.plan.start - 60,
    )  # fmt: skip
    with _hidden(desk.state / "recordings" / "BTC-USDT.bars"):
        assert _handed(desk, "market-data", [encode(wanted).decode()]) == 1


def _poison(desk: Desk) -> None:
    """Every queue gets what nobody understands."""
    for service in CONSUMERS:
        assert _handed(desk, service, [UNKNOWN % f"to {service}"]) == 0


def _break(desk: Desk, messages: list[Message]) -> None:
    """Every function keeps a fault: what it reads of its table is junk for a while; an account has no name."""
    order, later = _newest(messages, OrdersApproved), _ahead(_newest(messages, BarsClosed), 60, "to junk")
    handed = {"signal": later, "risk": _newest(messages, ExecutionReport), "execution": order}
    junk = {
        "signal": (f"fanfold-{STAGE}-folds", "market", _next_fold(desk)),
        "risk": (LEDGER, "poll#main", "poll"),
        "execution": (LEDGER, f"order#{order.orders[0].order_id}", "order"),
    }
    for service, message in handed.items():
        with _junk(desk, *junk[service]):
            assert _handed(desk, service, [encode(message).decode()]) == 1
    nameless = msgspec.structs.replace(_newest(messages, TradingStateChanged), id="nameless", account="")
    assert _handed(desk, "audit", [encode(nameless).decode()]) == 1


def _leave_behind(desk: Desk, messages: list[Message]) -> None:
    """Crashes leave messages in the outboxes; a redelivery sweeps them, and so does the schedule."""
    kinds_of = {"risk": (OrdersApproved, TradingStateChanged), "execution": (ExecutionReport, ExecutionReport)}
    handed = {"risk": _newest(messages, ExecutionReport), "execution": _newest(messages, OrdersApproved)}
    for service, kinds in kinds_of.items():
        table = Table(desk.run.call, LEDGER)
        outbox = Outbox(table, service, Topics(desk.run.call, {}))
        published = [[message for message in messages if isinstance(message, kind)] for kind in kinds]
        left = [published[0][0], published[1][-1]]
        again = partial(_handed, desk, service, [encode(handed[service]).decode()], again=True)
        on_schedule = partial(invoke, desk.run.call, service, "sweep", {})
        sweeps: list[Callable[[], object]] = [again, on_schedule]
        for sweep in sweeps:
            for message in left:
                table.write([outbox.holding(message)])
            sweep()
            assert list(table.query(f"outbox#{service}")) == []


def _skip_bars(desk: Desk, messages: list[Message]) -> None:
    """Bars come that are ahead of what signal has had: it asks for those in between, and market-data serves them."""
    early = _ahead(_newest(messages, BarsClosed), AHEAD_S, "ahead")
    assert _handed(desk, "signal", [encode(early).decode()]) == 0
    assert desk.cloud.wait_until_quiet()


def _ahead(good: BarsClosed, seconds: int, name: str) -> BarsClosed:
    """The bars of a poll that comes so much later."""
    (series, *_) = bars.unpack(good.frames)
    ahead = [bar._replace(closes_at_s=bar.closes_at_s + seconds) for bar in series.bars]
    early = msgspec.structs.replace(series, after=ahead[0].closes_at_s - 60, bars=ahead)
    return msgspec.structs.replace(good, id=name, cause=f"a poll {name}", frames=bars.pack([early]))


def _next_fold(desk: Desk) -> str:
    """The key under which signal writes next."""
    newest = next(Table(desk.run.call, f"fanfold-{STAGE}-folds").query("market", "fold#", newest_first=True))
    return f"fold#{int(newest['version']) + 1:012d}"


def _die_while_recording(desk: Desk) -> None:
    """A segment is there whose writer did not live to move the head: the next one takes it into the chain."""
    views = DynamoViews(desk.run.call, f"fanfold-{STAGE}-views")
    left, recorded = (
        TradingStateChanged(
            id=name, cause="a test", at=_at(desk), account="main", state=TradingState.ACTIVE, reason="a", actor="test"
        )
        for name in ("left behind", "found")
    )
    entry = Entry(topic="orders", message=json.loads(encode(left)), sent_ms=0)
    tip = views.tip("main")
    segment, after = chain.append(tip.head, [entry])
    views.promise(tip, after.hash)
    desk.run.call("s3", "PutObject", {"Bucket": f"fanfold-{STAGE}-audit", "Key": segment.key, "Body": segment.body})
    assert _handed(desk, "audit", [encode(recorded).decode()]) == 0
    assert views.seen(["left behind", "found"]).keys() == {"left behind", "found"}


def _hear_nothing(desk: Desk) -> None:
    """No poll comes for ten minutes, and the schedule decides: of an account that is flat, and of one that is to be."""
    command = {"account": "main", "reason": "a test", "actor": "test"}
    flatten = command | {"action": "halt", "state": "FLATTENING"}
    flattened = invoke(desk.run.call, "risk", "control", flatten)
    closes(desk, range(desk.plan.until - AHEAD_S + 60, desk.plan.until - 60, 60))
    invoke(desk.run.call, "risk", "control", command | {"action": "resume", "replaces": [flattened["change"]]})
    _sweep_late(desk)
    closes(desk, range(desk.plan.until - 60, desk.plan.until + 1, 60))
    flattened = invoke(desk.run.call, "risk", "control", flatten)
    _sweep_late(desk)
    invoke(desk.run.call, "risk", "control", command | {"action": "resume", "replaces": [flattened["change"]]})


def _sweep_late(desk: Desk) -> None:
    desk.run.set_clock(desk.plan.until + 600)
    assert invoke(desk.run.call, "risk", "sweep", {})["overdue"] == 1
    assert desk.cloud.wait_until_quiet()
    desk.run.set_clock(desk.plan.until)


def _foreign(cloud: Cloud) -> dict[str, str]:
    """The code with which each function is refused what is another's, when it asks with its own keys."""
    return {
        name: _refused(_keys_of(cloud, function["pids"][0]), name)
        for name, function in cloud.control("processes").items()
    }


def _keys_of(cloud: Cloud, pid: int) -> Call:
    pairs = (part.partition("=") for part in Path(f"/proc/{pid}/environ").read_text().split("\0"))
    environ = {name: value for name, _, value in pairs if name.startswith("AWS_")}
    return connect("light", Endpoint.of(environ | {"AWS_ENDPOINT_URL": cloud.endpoint, "AWS_REGION": REGION}))


def _refused(call: Call, function: str) -> str:
    table = "paper-book" if "-execution-" not in function else "views"
    key = {name: {"S": "any"} for name in ("pk", "sk")}
    try:
        call("dynamodb", "GetItem", {"TableName": f"fanfold-{STAGE}-{table}", "Key": key})
    except AwsFault as fault:
        return fault.code
    return "allowed"


def _without_policy(desk: Desk) -> dict[str, dict[str, int]]:
    """Count further dead letters of two subscribers: with both queues' policies, then without one of them."""
    queue = f"{desk.cloud.endpoint}/000000000000/fanfold-{STAGE}-market-data"
    request = {"QueueUrl": queue, "AttributeNames": ["Policy"]}
    policy = desk.run.call("sqs", "GetQueueAttributes", request)["Attributes"]["Policy"]
    admin = desk.cloud.call()
    letters = {"with": _told_to_all(desk, "with")}
    admin("sqs", "SetQueueAttributes", {"QueueUrl": queue, "Attributes": {"Policy": ""}})
    letters["without"] = _told_to_all(desk, "without")
    admin("sqs", "SetQueueAttributes", {"QueueUrl": queue, "Attributes": {"Policy": policy}})
    return letters


def _told_to_all(desk: Desk, name: str) -> dict[str, int]:
    before = _letters(desk)
    desk.cloud.call()("sns", "Publish", {
        "TopicArn": f"arn:aws:sns:{REGION}:000000000000:fanfold-{STAGE}-bars-requested", "Message": UNKNOWN % name,
    })  # fmt: skip
    assert desk.cloud.wait_until_quiet()
    return {service: count - before[service] for service, count in _letters(desk).items()}


def _letters(desk: Desk) -> dict[str, int]:
    names = ["ApproximateNumberOfMessages"]
    counts = dict.fromkeys(("market-data", "audit"), 0)
    for service in counts:
        for queue in dead_letters_names(service, STAGE):
            url = f"{desk.cloud.endpoint}/000000000000/{queue}"
            answer = desk.run.call("sqs", "GetQueueAttributes", {"QueueUrl": url, "AttributeNames": names})
            counts[service] += int(answer["Attributes"]["ApproximateNumberOfMessages"])
    return counts


def _handed(desk: Desk, service: str, bodies: list[str], *, again: bool = False) -> int:
    """The number of messages that a function wants to have again, when they are handed to it as its queue would."""
    records = [
        {
            "messageId": f"{service}-{number}-{abs(hash(body))}",
            "body": body,
            "attributes": {"ApproximateReceiveCount": "2" if again else "1", "MessageGroupId": f"test-{number}"},
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:{REGION}:000000000000:{queue_name(service, STAGE)}",
        }
        for number, body in enumerate(bodies)
    ]
    answer: dict[str, Any] = invoke(desk.run.call, service, CONSUMERS[service], {"Records": records})
    return len(answer["batchItemFailures"])


def _newest(messages: list[Message], kind: type[Any]) -> Any:
    return max((message for message in messages if isinstance(message, kind)), key=lambda message: message.at)


def _at(desk: Desk) -> datetime:
    return datetime.fromtimestamp(desk.plan.start, UTC)


def _denials(logs: Path) -> list[str]:
    return [line for log in logs.glob("*.log") for line in log.read_text().splitlines() if "AccessDenied" in line]


@contextmanager
def _junk(desk: Desk, table: str, pk: str, sk: str) -> Iterator[None]:
    """An item whose values nobody can read, and afterwards what it was."""
    call, key = desk.run.call, {"pk": {"S": pk}, "sk": {"S": sk}}
    before = call("dynamodb", "GetItem", {"TableName": table, "Key": key}).get("Item")
    spoiled = {name: {"S": "junk"} for name in (before or {"version": "", "rest": "", "frames": ""})}
    call("dynamodb", "PutItem", {"TableName": table, "Item": spoiled | key})
    try:
        yield
    finally:
        again = ("PutItem", {"Item": before}) if before else ("DeleteItem", {"Key": key})
        call("dynamodb", again[0], {"TableName": table, **again[1]})


@contextmanager
def _hidden(path: Path) -> Iterator[None]:
    aside = path.rename(path.with_suffix(".aside"))
    try:
        yield
    finally:
        aside.rename(path)
