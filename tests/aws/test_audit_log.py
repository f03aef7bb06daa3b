"""Every message is recorded once, whatever fails; the views know the newest; verify finds what was touched."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from audit_service.record import Arrival, record
from fanfold.audit import chain
from fanfold.audit.verify import verdicts_of as verify
from fanfold.audit.views import order_version
from fanfold.aws.client.call import Call, RecordedCall, with_recording
from fanfold.aws.dynamodb.views import DynamoViews
from fanfold.aws.s3.audit_log import S3Log
from fanfold.errors import AT_ONCE, Conflict
from fanfold.messages import Fill, Message, Order, OrderState, Targets, TradingState, TradingStateChanged
from support.audit_examples import AUDIT, START, VIEWS, arrival, create_everything, minute, order, report
from support.emulator import Cloud, Emulator, through_boto3


@pytest.fixture
def call(ministack_session: Emulator) -> Call:
    ministack_session.reset()
    on_ministack = through_boto3(ministack_session.endpoint)
    create_everything(on_ministack)
    return on_ministack


@pytest.fixture
def everywhere(cloud: Cloud) -> Call:
    create_everything(cloud.admin)
    return cloud.call


def ports(call: Call) -> tuple[S3Log, DynamoViews]:
    return S3Log(call, AUDIT), DynamoViews(call, VIEWS)


def arrivals(*minutes: int) -> list[Arrival]:
    return [arrival(message) for n in minutes for message in minute(n)]


def ids_in(log: S3Log, stream: str) -> list[str]:
    lines = [line for _, body in log.segments(stream) for line in body.splitlines()]
    return [chain.read(line).message["id"] for line in lines]


def verdicts(call: Call) -> dict[str, str]:
    return {verdict.stream: verdict.kind for verdict in verify(*ports(call))}


class Crash(BaseException):
    """The process is gone."""


def crashing_after(call: Call, operation: str, nth: int = 1) -> Call:
    """The same call, but the process dies after the nth call of an operation has taken effect."""
    left = [nth]

    def crash(service: str, name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        answer = call(service, name, parameters)
        left[0] -= name == operation
        if left[0] == 0 and name == operation:
            raise Crash
        return answer

    return crash


def test_messages_are_chained_by_account_and_by_venue(everywhere: Call) -> None:
    log, views = ports(everywhere)
    record(arrivals(0, 1), log, views, AT_ONCE)
    assert log.streams() == ["main", "market-sim"]
    assert ids_in(log, "market-sim") == ["bars-0", "bars-1"]
    assert ids_in(log, "main") == [f"{kind}-{n}" for n in (0, 1) for kind in ("targets", "approved", "report")]
    assert verdicts(everywhere) == {"main": "sound", "market-sim": "sound"}


def test_a_redelivered_message_is_recorded_once(everywhere: Call) -> None:
    log, views = ports(everywhere)
    record(arrivals(0, 0), log, views, AT_ONCE)
    record(arrivals(0, 1), log, DynamoViews(everywhere, VIEWS), AT_ONCE)
    record(arrivals(1, 0), log, views, AT_ONCE)
    assert ids_in(log, "market-sim") == ["bars-0", "bars-1"]
    assert verdicts(everywhere) == {"main": "sound", "market-sim": "sound"}


def test_a_batch_costs_one_segment_a_stream_and_writes_each_view_once(call: Call) -> None:
    seen: list[RecordedCall] = []
    log, views = ports(with_recording(call, seen.append))
    record([arrival(minute(n)[kind]) for n in range(5) for kind in (0, 1)], log, views, AT_ONCE)
    names = [recorded.operation for recorded in seen]
    # The bars change no view, the targets of five minutes one; the last write of a stream moves its head.
    stream = ["UpdateItem", "PutObject", "BatchWriteItem", "PutItem"]
    assert names == ["GetItem", "GetItem", "BatchGetItem", *stream, *stream, "PutItem"]


# Six views and the head of the account's stream, and the head of the market's.
EFFECTS = [("UpdateItem", 1), ("PutObject", 1), ("BatchWriteItem", 1), *(("PutItem", nth) for nth in range(1, 9)),
           ("UpdateItem", 2), ("PutObject", 2), ("BatchWriteItem", 2), ("BatchGetItem", 1)]  # fmt: skip


@pytest.mark.parametrize(("operation", "nth"), EFFECTS)
def test_a_crash_between_any_two_effects_loses_and_doubles_nothing(call: Call, operation: str, nth: int) -> None:
    with pytest.raises(Crash):
        record(arrivals(0), *ports(crashing_after(call, operation, nth)), AT_ONCE)
    # What comes back may be in another company and order.
    log, views = ports(call)
    record(arrivals(1)[::-1], log, views, AT_ONCE)
    record(arrivals(0), log, views, AT_ONCE)
    for stream, count in {"main": 6, "market-sim": 2}.items():
        assert len(ids_in(log, stream)) == len(set(ids_in(log, stream))) == count
    assert verdicts(call) == {"main": "sound", "market-sim": "sound"}
    assert views.seen(["report-0", "bars-0", "report-1"]).keys() == {"report-0", "bars-0", "report-1"}
    assert views.read(("books", "main"))["cash"] == "999"
    assert len(views.trades("main", "2026-01-31")) == 2


def test_two_workers_in_turn_extend_one_chain(everywhere: Call) -> None:
    first, other = ports(everywhere), ports(everywhere)
    for n in range(4):
        record(arrivals(n), *(first if n % 2 else other), AT_ONCE)
    assert ids_in(first[0], "market-sim") == [f"bars-{n}" for n in range(4)]
    assert verdicts(everywhere) == {"main": "sound", "market-sim": "sound"}


def interrupted(call: Call, operation: str, meanwhile: Callable[[], None]) -> Call:
    """The same call, but something happens once, right before the first call of an operation."""
    waiting = [meanwhile]

    def interrupt(service: str, name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if name == operation and waiting:
            waiting.pop()()
        return call(service, name, parameters)

    return interrupt


@pytest.mark.parametrize(
    "operation", ["GetItem", "BatchGetItem", "UpdateItem", "PutObject", "BatchWriteItem", "PutItem"]
)
@pytest.mark.parametrize("mine", [(0,), (0, 1)])
def test_a_message_that_two_workers_hold_is_recorded_once(call: Call, operation: str, mine: tuple[int, ...]) -> None:
    other = ports(call)
    log, views = ports(interrupted(call, operation, lambda: record(arrivals(0, 2), *other, AT_ONCE)))
    record(arrivals(*mine), log, views, AT_ONCE)
    held = sorted({0, 2, *mine})
    assert sorted(ids_in(log, "market-sim")) == [f"bars-{n}" for n in held]
    assert sorted(set(ids_in(log, "main"))) == sorted(ids_in(log, "main"))
    assert verdicts(call) == {"main": "sound", "market-sim": "sound"}


def test_a_worker_that_always_conflicts_raises_an_error(call: Call) -> None:
    class Busy(DynamoViews):
        def commit(self, *_: object) -> None:
            raise Conflict("always")

    with pytest.raises(Conflict):
        record(arrivals(0), S3Log(call, AUDIT), Busy(call, VIEWS), AT_ONCE)


def test_more_messages_and_views_than_one_segment_takes_are_all_there(call: Call) -> None:
    log, views = ports(call)
    fills = [msgspec.structs.replace(report(0, START).fills[0], trade_id=f"t{n}") for n in range(130)]
    many = [msgspec.structs.replace(report(0, START), id=f"many-{n}", fills=[]) for n in range(50)]
    big = msgspec.structs.replace(report(1, START), fills=fills)
    record([arrival(message) for message in [*many, big]], log, views, AT_ONCE)
    assert len(ids_in(log, "main")) == 51
    assert len(list(log.segments("main"))) == 2
    assert len(views.trades("main", "2026-01-31")) == 130


def by_version(call: Call, messages: list[Message]) -> DynamoViews:
    log, views = ports(call)
    for message in messages:
        record([arrival(message)], log, views, AT_ONCE)
    return views


@pytest.mark.parametrize("backwards", [False, True])
def test_views_hold_the_newest_whatever_the_order_of_arrival(everywhere: Call, backwards: bool) -> None:
    late = msgspec.structs.replace(report(0, START), id="late", updates=report(0, START).updates[:1], fills=[])
    messages = [
        late,
        *minute(0)[1:],
        *minute(3)[1:],
        TradingStateChanged(
            id="halt", cause="", at=START, account="main", state=TradingState.HALTED, reason="drill", actor="me"
        ),
    ]
    views = by_version(everywhere, messages[::-1] if backwards else messages)
    assert msgspec.convert(views.read(("order", "main", "o0"))["order"], Order) == order(0, START)
    assert views.read(("order-state", "main", "o0"))["state"] == "FILLED"
    (position,) = views.of_account("main", "position")
    assert position["position"]["quantity"] == "0.4"
    assert views.read(("books", "main"))["cash"] == "997"
    assert views.read(("trading-state", "main"))["state"] == "HALTED"
    assert views.read(("matched", "main"))["through"].startswith("2026-01-31T23:58")
    assert views.read(("targets", "main", "trend", "0001-0001"))["targets"][0]["signal_id"] == "s3"
    prices = [msgspec.convert(trade["fill"], Fill).price for trade in views.trades("main", "2026-01-31")]
    assert prices == [Decimal("100.10")] * 2


def test_why_can_walk_from_a_fill_back_to_its_bars(everywhere: Call) -> None:
    log, views = ports(everywhere)
    record(arrivals(0), log, views, AT_ONCE)
    path, message_id = [], "report-0"
    while view := views.read(("message", message_id)):
        path.append(view["topic"])
        message_id = view["cause"]
    assert path == ["executions", "orders", "targets", "bars"]
    assert msgspec.json.decode(views.read(("message", "targets-0"))["body"], type=Targets).id == "targets-0"


def test_a_large_message_is_found_by_its_segment(call: Call) -> None:
    log, views = ports(call)
    large = msgspec.structs.replace(minute(0)[2], orders=[order(n, START) for n in range(90)])
    record([arrival(large)], log, views, AT_ONCE)
    view = views.read(("message", large.id))
    assert "body" not in view
    assert chain.read(log.read(view["segment"]).splitlines()[0]).message["id"] == large.id


def test_a_segment_is_never_written_over(everywhere: Call) -> None:
    log, _ = ports(everywhere)
    assert [log.create("chain/x/1", b"first"), log.create("chain/x/1", b"second")] == [True, False]
    assert log.read("chain/x/1") == b"first"


def test_recording_does_not_load_pyarrow() -> None:
    loaded = "audit_service.record, fanfold.aws.s3.audit_log, fanfold.aws.dynamodb.views"
    check = f"import sys, {loaded}; sys.exit('pyarrow' in sys.modules)"
    subprocess.run([sys.executable, "-c", check], env={"PYTHONPATH": ":".join(sys.path)}, check=True)


def test_a_filled_order_is_newer_than_a_canceled_one_and_more_filled_newer_than_less() -> None:
    early = [
        order_version(state, Decimal(0)) for state in (OrderState.APPROVED, OrderState.SUBMITTING, OrderState.OPEN)
    ]
    partly = [order_version(OrderState.PARTIAL, Decimal(filled)) for filled in ("0.5", "9", "10")]
    versions = [
        *early,
        *partly,
        *(order_version(state, Decimal(10)) for state in (OrderState.CANCELED, OrderState.FILLED)),
    ]
    assert versions == sorted(versions)
    assert len(set(versions)) == len(versions)
