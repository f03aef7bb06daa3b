"""Attacks on messages: told twice, late, in another order, by other figures, or as nobody can read them."""

import json
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from external_desk import HOOK, LEG, built, long
from quiet_desk import QuietDesk

from fanfold import desk, messages
from fanfold.aws.client.call import AwsFault
from fanfold.messages import (
    BarsClosed,
    ExecutionReport,
    Message,
    OrdersApproved,
    OrdersRefused,
    Targets,
    TradingState,
)
from fanfold_dev.documents.message_examples import EXAMPLES
from support.core_desk import A, B, instance, raw

D = Decimal


def again(one: QuietDesk, service: str, *some: Message) -> None:
    """Messages that a queue brings once more, whatever it brought before."""
    for number, message in enumerate(some):
        body = {
            "MessageId": f"again-{number}",
            "Body": messages.encode(message).decode(),
            "Attributes": {"ApproximateReceiveCount": "2", "SentTimestamp": "0", "MessageGroupId": "main"},
        }
        one.hand(service, [body])
    one.settle()


def test_every_message_of_a_day_again_in_any_order_changes_nothing() -> None:
    one = QuietDesk(built())
    long(one)
    one.tell("half", {LEG: 0.5})
    one.minutes(4, 6, a=101)
    held, cash, states = one.held(), one.cash(), one.states()
    told = [message for kind in (BarsClosed, Targets, OrdersApproved, ExecutionReport) for message in one.heard(kind)]
    for some in (told, told[::-1], told[::2] + told[1::2]):
        again(one, "execution", *(one_ for one_ in some if isinstance(one_, BarsClosed | OrdersApproved)))
        again(one, "risk", *(one_ for one_ in some if isinstance(one_, BarsClosed | Targets | ExecutionReport)))
        one.sweep()
    assert (one.held(), one.cash(), one.states()) == (held, cash, states)
    assert one.broken() == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_parts_of_a_poll_in_any_order_lead_to_one_result(order: tuple[int, ...]) -> None:
    desk_ = built(fast=instance(allocation="1", instruments=[A]) | {"params": {"fast": 1, "slow": 2}})
    one, held = QuietDesk(desk_), []
    prices = [100, 101, 103, 106, 104, 101, 99, 102]
    for minute, price in enumerate(prices, 1):
        with one.deaf("risk"):
            one.minute(minute, a=price)
        some = [one.heard(kind)[-1] for kind in (BarsClosed, ExecutionReport) if one.heard(kind)] + one.heard(Targets)[
            -1:
        ]
        again(one, "risk", *(some[at] for at in order if at < len(some)))
        held.append(one.held())
    straight = QuietDesk(desk_)
    wanted = []
    for minute, price in enumerate(prices, 1):
        straight.minute(minute, a=price)
        wanted.append(straight.held())
    assert held == wanted
    assert any(held)
    assert one.broken() == []


def test_bars_that_come_out_of_order_move_no_mark_back_and_fill_nothing_twice() -> None:
    one = QuietDesk(built())
    one.minute(1)
    one.tell("enter", {LEG: 1.0})
    one.minute(2)
    late = one.bars(3, a=90)
    one.now += 60
    one.minute(4, a=100)
    one.publish(late)
    one.settle()
    one.minutes(5, 6)
    assert one.held()[LEG] > 90
    assert one.broken() == []


def test_bars_without_volume_fill_nothing_and_end_nothing_that_has_time() -> None:
    limit = instance() | HOOK | {"order": "limit", "order_ttl_s": 86_400}
    one = QuietDesk(built(hook=limit))
    one.minute(1)
    one.tell("enter", {LEG: 1.0})
    for minute in range(2, 6):
        one.minute(minute, a=(100, 100, 1, 100), lots=0)
    assert (one.held(), one.states()) == ({}, [f"buy {A} OPEN"])
    one.minute(6, a=(100, 100, 99, 100))
    assert one.held() != {}
    assert one.broken() == []


def test_a_band_of_nothing_trades_within_a_tick_or_not_at_all() -> None:
    one = QuietDesk(built(limits={"collar_bps": "0"}))
    long(one)
    one.command("halt", state=TradingState.FLATTENING)
    one.minute(4, a=99)
    one.minutes(5, 7, a=99)
    assert one.held() == {}
    prices = {fill.price for fill in one.fills()}
    assert all(min(abs(price - close) for close in (99, 100)) <= D("0.03") for price in prices)
    assert one.broken() == []


@pytest.mark.parametrize("amount", ["60", "100.1"])
def test_a_bundle_whose_leg_is_below_the_least_amount_goes_out_whole_or_not_at_all(amount: str) -> None:
    found = raw(pair=instance("pairs", allocation="1"))
    found["limits"]["main"] = {"order_notional_max": "1000000", "position_notional_max": "1000000"}
    found["instruments"][B]["amount_min"] = amount
    one = QuietDesk(desk.build(found, "test"))
    for minute, b in enumerate([100, 100, 100, 100, 100, 101, 104, 109, 109], 1):
        one.minute(minute, b=b)
    assert len(one.held()) in (0, 2)
    assert one.broken() == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("service", ["risk", "execution"])
def test_a_poisoned_message_of_any_type_in_an_outbox_stops_no_other(service: str, example: Message) -> None:
    one = QuietDesk(built())
    poison = messages.encode(example)
    long_one = poison[:-1] + b',"x":"' + b"x" * 300_000 + b'"}'
    bodies = {
        "cut": poison[:-1],
        "older": poison.replace(b".v1", b".v0"),
        "long": long_one,
        "misnamed": poison,
        example.id: poison,
    }
    for name, body in bodies.items():
        one.table.write([one.table.putting((f"outbox#{service}", name), {"body": body})])
    one.sweep()
    one.sweep()
    left = [item["sk"] for item in one.table.query(f"outbox#{service}") if "body" in item]
    assert left == []
    aside = {item["sk"] for item in one.table.query(f"quarantine#{service}")}
    assert {"cut", "older", "long", "misnamed"} <= aside
    one.cloud.sqs.queue(one.places["audit"]).messages.clear()
    one.cloud.sqs.queue(one.places["dead-risk"]).messages.clear()
    long(one)


@pytest.mark.parametrize("body", [
    b" ", b"null", b"[]", b"{}", b"[" * 60_000, b"\xff\xfe", b'{"type":"bars-closed.v1"}',
    b'{"type":"nothing.v9","id":"x"}',
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
])  # fmt: skip
@pytest.mark.parametrize("service", ["signal", "risk", "execution"])
def test_what_is_no_message_goes_to_the_dead_letters_alone(service: str, body: bytes) -> None:
    one = QuietDesk(built())
    long(one)
    bad = {
        "MessageId": "bad",
        "Body": body.decode("utf-8", "surrogateescape"),
        "Attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "0", "MessageGroupId": "main"},
    }
    good = {**bad, "MessageId": "good", "Body": messages.encode(one.bars(4)).decode()}
    answer = one.hand(service, [bad, good])
    assert answer == {"batchItemFailures": []}
    one.now += 60
    one.settle()
    assert one.dead() == 1
    assert one.broken() == []


def test_signals_that_lapsed_or_are_of_the_future_are_refused_and_change_nothing() -> None:
    one = QuietDesk(built())
    one.minutes(1, 10)
    one.tell("late", {LEG: 1.0}, at=7)
    one.tell("ahead", {LEG: 1.0}, at=30)
    one.minutes(11, 12)
    assert one.held() == {}
    codes = [each.code for told in one.heard(OrdersRefused) for each in told.refusals]
    assert codes == ["STALE_SIGNAL", "STALE_SIGNAL"]
    one.tell("now", {LEG: 1.0})
    one.minutes(13, 14)
    assert one.held() != {}
    assert one.broken() == []


def test_a_topic_that_fails_for_one_message_is_swept_when_it_works_again() -> None:
    one = QuietDesk(built())
    one.minute(1)

    def failing(call: Any, service: str, operation: str, parameters: Any) -> dict[str, Any]:
        if service == "sns" and "orders" in json.dumps(parameters, default=str):
            raise AwsFault("InternalError", "later", 500)
        answer: dict[str, Any] = call(service, operation, parameters)
        return answer

    one.around = failing
    with one.deaf("risk"):
        one.tell("enter", {LEG: 1.0})
    (told,) = one.heard(Targets)
    body = {
        "MessageId": "told",
        "Body": messages.encode(told).decode(),
        "Attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "0", "MessageGroupId": "main"},
    }
    assert one.hand("risk", [body]) == {"batchItemFailures": [{"itemIdentifier": "told"}]}
    assert one.heard(OrdersApproved) == []
    one.around = lambda call, *asked: call(*asked)
    one.sweep()
    one.minutes(2, 4)
    assert one.broken() == []
