"""The views that status queries read: the newest of each thing, whatever the order of arrival, as the ledger has it."""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
import pytest
from msgspec import UNSET, UnsetType

from audit_service.record import record
from fanfold.audit.queries import leg_states, newest_orders, order_of, orders_of
from fanfold.aws.client.call import Call
from fanfold.aws.dynamodb.views import DynamoViews
from fanfold.aws.s3.audit_log import S3Log
from fanfold.codes import Code
from fanfold.errors import AT_ONCE
from fanfold.messages import (
    ExecutionReport,
    LegCode,
    LegState,
    LegStatus,
    Message,
    Order,
    OrdersApproved,
    OrdersRefused,
    Refusal,
    TradingState,
    TradingStateChanged,
)
from support.audit_examples import AUDIT, START, VIEWS, arrival, create_everything, order
from support.emulator import Emulator, through_boto3
from support.order_messages import update_of

Tell = Callable[..., DynamoViews]

LATER = START + timedelta(seconds=29)


@pytest.fixture
def tell(ministack_session: Emulator) -> Tell:
    """Record messages in their order, each by itself and a millisecond after the one before; the views of them."""
    ministack_session.reset()
    call: Call = through_boto3(ministack_session.endpoint)
    create_everything(call)
    log, views = S3Log(call, AUDIT), DynamoViews(call, VIEWS)

    def recorded(*messages: Message, backwards: bool = False) -> DynamoViews:
        arrivals = [arrival(entry)._replace(sent_ms=n) for n, entry in enumerate(messages, 1)]
        for arriving in arrivals[::-1] if backwards else arrivals:
            record([arriving], log, views, AT_ONCE)
        return views

    return recorded


def decided(at: datetime) -> Order:
    return msgspec.structs.replace(order(0, at), order_id="o0")


def refused(at: datetime = START, code: Code = Code.KILL_STATE, name: str = "refused") -> OrdersRefused:
    refusal = Refusal(order=decided(at), code=code, detail="by hand")
    return OrdersRefused(id=name, cause="t", at=at, account="main", refusals=[refusal])


def approved(at: datetime) -> OrdersApproved:
    return OrdersApproved(id="approved", cause="t", at=at, account="main", orders=[decided(at)])


def filled(at: datetime) -> ExecutionReport:
    update = update_of(order(0, at))
    return ExecutionReport(id="filled", cause="approved", at=at, account="main", venue="sim", updates=[update])


def halt(name: str, state: TradingState, reason: str) -> TradingStateChanged:
    return TradingStateChanged(id=name, cause="x", at=START, account="main", state=state, reason=reason, actor="anna")


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("first", [START, LATER + timedelta(minutes=1)])
def test_an_order_that_was_refused_and_approved_is_what_the_ledger_has(
    tell: Tell, first: datetime, backwards: bool
) -> None:
    views = tell(refused(first), approved(LATER), filled(LATER), backwards=backwards)
    view = order_of(views, "main", "o0")
    assert (view["state"], view["code"], view["filled"]) == ("FILLED", "", order(0, LATER).quantity)
    assert (view["decided_at"], view["message_id"]) == (LATER, "approved")
    assert [view["state"] for view in orders_of(views, "main")] == ["FILLED"]


def test_an_order_of_two_decisions_is_listed_once(tell: Tell) -> None:
    views = tell(refused(), approved(LATER))
    assert [view["state"] for _, view in newest_orders(views, "main")] == ["APPROVED"]


def test_two_decisions_of_one_time_keep_an_entry_each(tell: Tell) -> None:
    both = OrdersRefused(id="both", cause="t", at=LATER, account="main", refusals=[
        Refusal(order=refused_order, code=Code.MISSING_DATA, detail="")
        for refused_order in (decided(LATER), msgspec.structs.replace(decided(LATER), order_id="a1"))
    ])  # fmt: skip
    views = tell(both, refused(LATER))
    assert sorted(view["order_id"] for _, view in newest_orders(views, "main")) == ["a1", "o0"]
    assert [ids for _, ids in views.decisions("main", "")] == [["o0"], ["o0", "a1"]]


def test_an_order_whose_approval_is_not_recorded_yet_is_not_refused(tell: Tell) -> None:
    view = order_of(tell(refused(), filled(LATER)), "main", "o0")
    assert (view["state"], view["code"]) == ("FILLED", "")


@pytest.mark.parametrize("backwards", [False, True])
def test_an_order_that_was_refused_twice_has_its_last_reason(tell: Tell, backwards: bool) -> None:
    views = tell(refused(), refused(LATER, Code.CASH, "again"), backwards=backwards)
    assert order_of(views, "main", "o0")["code"] == "CASH"


@pytest.mark.parametrize("backwards", [False, True])
def test_of_halts_at_one_time_the_last_sent_holds(tell: Tell, backwards: bool) -> None:
    halts = (
        halt("h1", TradingState.HALTED, "first"),
        halt("h2", TradingState.ACTIVE, "second"),
        halt("h3", TradingState.HALTED, "third"),
    )
    views = tell(*halts, backwards=backwards)
    assert (views.read(("trading-state", "main"))["reason"], views.head("main").seq) == ("third", 3)


def leg(
    name: str, code: LegCode, instrument: str = "BTC/USDT", at: datetime = START, was: LegCode | UnsetType = UNSET
) -> LegStatus:
    state = LegState(instance="trend", instrument=instrument, code=code, detail=name, was=was)
    return LegStatus(id=name, cause="b", at=at, account="main", statuses=[state])


def states_of(views: DynamoViews) -> list[tuple[str, str, str]]:
    return [(state["instrument"], state["code"], state["detail"]) for state in leg_states(views, "main")]


@pytest.mark.parametrize("backwards", [False, True])
def test_a_leg_has_its_last_published_state(tell: Tell, backwards: bool) -> None:
    recovered = leg("n2", LegCode.OK, was=LegCode.FAULT)
    statuses = leg("n1", LegCode.FAULT), recovered, leg("n3", LegCode("WEATHER"), "ETH/USDT", LATER)
    views = tell(*statuses, backwards=backwards)
    assert states_of(views) == [("BTC/USDT", "OK", "n2"), ("ETH/USDT", "WEATHER", "n3")]
    assert leg_states(views, "main")[1]["at"] == LATER


@pytest.mark.parametrize("backwards", [False, True])
def test_what_signal_reports_of_a_leg_leaves_what_risk_does(tell: Tell, backwards: bool) -> None:
    signal = leg("s1", LegCode.MISSING_BARS), leg("s2", LegCode.OK, at=LATER, was=LegCode.MISSING_BARS)
    views = tell(signal[0], leg("r1", LegCode.STOPPED_OUT), signal[1], backwards=backwards)
    assert states_of(views) == [("BTC/USDT", "STOPPED_OUT", "r1"), ("BTC/USDT", "OK", "s2")]


def test_an_ok_that_says_of_nothing_what_it_was_ends_the_states_of_both(tell: Tell) -> None:
    views = tell(leg("s1", LegCode.FAULT), leg("r1", LegCode.NO_PRICE), leg("n1", LegCode.OK))
    assert states_of(views) == [("BTC/USDT", "OK", "n1")] * 2
