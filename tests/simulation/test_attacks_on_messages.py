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


def again(world: QuietDesk, service: str, *repeated: Message) -> None:
    """Messages that a queue brings once more, whatever it brought before."""
    for number, message in enumerate(repeated):
        body = {
            "MessageId": f"again-{number}",
            "Body": messages.encode(message).decode(),
            "Attributes": {"ApproximateReceiveCount": "2", "SentTimestamp": "0", "MessageGroupId": "main"},
        }
        world.hand(service, [body])
    world.settle()


def test_every_message_of_a_day_again_in_any_order_changes_nothing() -> None:
    world = QuietDesk(built())
    long(world)
    world.tell("half", {LEG: 0.5})
    world.minutes(4, 6, a=101)
    held, cash, states = world.held(), world.cash(), world.states()
    heard = [
        message for kind in (BarsClosed, Targets, OrdersApproved, ExecutionReport) for message in world.heard(kind)
    ]
    for sequence in (heard, heard[::-1], heard[::2] + heard[1::2]):
        for service, kinds in (
            ("execution", BarsClosed | OrdersApproved),
            ("risk", BarsClosed | Targets | ExecutionReport),
        ):
            again(world, service, *(message for message in sequence if isinstance(message, kinds)))
        world.sweep()
    assert (world.held(), world.cash(), world.states()) == (held, cash, states)
    assert world.broken() == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_parts_of_a_poll_in_any_order_lead_to_one_result(order: tuple[int, ...]) -> None:
    desk_ = built(fast=instance(allocation="1", instruments=[A]) | {"params": {"fast": 1, "slow": 2}})
    world, held = QuietDesk(desk_), []
    prices = [100, 101, 103, 106, 104, 101, 99, 102]
    for minute, price in enumerate(prices, 1):
        with world.deaf("risk"):
            world.minute(minute, a=price)
        parts = [world.heard(kind)[-1] for kind in (BarsClosed, ExecutionReport) if world.heard(kind)]
        parts += world.heard(Targets)[-1:]
        again(world, "risk", *(parts[at] for at in order if at < len(parts)))
        held.append(world.held())
    straight = QuietDesk(desk_)
    wanted = []
    for minute, price in enumerate(prices, 1):
        straight.minute(minute, a=price)
        wanted.append(straight.held())
    assert held == wanted
    assert any(held)
    assert world.broken() == []


def test_bars_that_come_out_of_order_move_no_mark_back_and_fill_nothing_twice() -> None:
    world = QuietDesk(built())
    world.minute(1)
    world.tell("enter", {LEG: 1.0})
    world.minute(2)
    late = world.bars(3, a=90)
    world.now += 60
    world.minute(4, a=100)
    world.publish(late)
    world.settle()
    world.minutes(5, 6)
    assert world.held()[LEG] > 90
    assert world.broken() == []


def test_bars_without_volume_fill_nothing_and_end_nothing_that_has_time() -> None:
    limit = instance() | HOOK | {"order": "limit", "order_ttl_s": 86_400}
    world = QuietDesk(built(hook=limit))
    world.minute(1)
    world.tell("enter", {LEG: 1.0})
    for minute in range(2, 6):
        world.minute(minute, a=(100, 100, 1, 100), lots=0)
    assert (world.held(), world.states()) == ({}, [f"buy {A} OPEN"])
    world.minute(6, a=(100, 100, 99, 100))
    assert world.held() != {}
    assert world.broken() == []


def test_a_band_of_nothing_trades_within_a_tick_or_not_at_all() -> None:
    world = QuietDesk(built(limits={"collar_bps": "0"}))
    long(world)
    world.command("halt", state=TradingState.FLATTENING)
    world.minute(4, a=99)
    world.minutes(5, 7, a=99)
    assert world.held() == {}
    prices = {fill.price for fill in world.fills()}
    assert all(min(abs(price - close) for close in (99, 100)) <= D("0.03") for price in prices)
    assert world.broken() == []


@pytest.mark.parametrize("amount", ["60", "100.1"])
def test_a_bundle_whose_leg_is_below_the_least_amount_goes_out_whole_or_not_at_all(amount: str) -> None:
    document = raw(pair=instance("pairs", allocation="1"))
    document["limits"]["main"] = {"order_notional_max": "1000000", "position_notional_max": "1000000"}
    document["instruments"][B]["amount_min"] = amount
    world = QuietDesk(desk.build(document, "test"))
    for minute, b in enumerate([100, 100, 100, 100, 100, 101, 104, 109, 109], 1):
        world.minute(minute, b=b)
    assert len(world.held()) in (0, 2)
    assert world.broken() == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: type(example).__name__)
@pytest.mark.parametrize("service", ["risk", "execution"])
def test_a_poisoned_message_of_any_type_in_an_outbox_stops_no_other(service: str, example: Message) -> None:
    world = QuietDesk(built())
    poison = messages.encode(example)
    oversized = poison[:-1] + b',"x":"' + b"x" * 300_000 + b'"}'
    bodies = {
        "cut": poison[:-1],
        "older": poison.replace(b".v1", b".v0"),
        "long": oversized,
        "misnamed": poison,
        example.id: poison,
    }
    for name, body in bodies.items():
        world.table.write([world.table.putting((f"outbox#{service}", name), {"body": body})])
    world.sweep()
    world.sweep()
    left = [item["sk"] for item in world.table.query(f"outbox#{service}") if "body" in item]
    assert left == []
    aside = {item["sk"] for item in world.table.query(f"quarantine#{service}")}
    assert {"cut", "older", "long", "misnamed"} <= aside
    world.cloud.sqs.queue(world.places["audit"]).messages.clear()
    world.cloud.sqs.queue(world.places["dead-risk"]).messages.clear()
    long(world)


@pytest.mark.parametrize("body", [
    b" ", b"null", b"[]", b"{}", b"[" * 60_000, b"\xff\xfe", b'{"type":"bars-closed.v1"}',
    b'{"type":"nothing.v9","id":"x"}',
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
])  # fmt: skip
@pytest.mark.parametrize("service", ["signal", "risk", "execution"])
def test_an_invalid_message_alone_is_dead_lettered(service: str, body: bytes) -> None:
    world = QuietDesk(built())
    long(world)
    bad = {
        "MessageId": "bad",
        "Body": body.decode("utf-8", "surrogateescape"),
        "Attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "0", "MessageGroupId": "main"},
    }
    good = {**bad, "MessageId": "good", "Body": messages.encode(world.bars(4)).decode()}
    answer = world.hand(service, [bad, good])
    assert answer == {"batchItemFailures": []}
    world.now += 60
    world.settle()
    assert world.dead() == 1
    assert world.broken() == []


def test_signals_that_lapsed_or_are_of_the_future_are_refused_and_change_nothing() -> None:
    world = QuietDesk(built())
    world.minutes(1, 10)
    world.tell("late", {LEG: 1.0}, at=7)
    world.tell("ahead", {LEG: 1.0}, at=30)
    world.minutes(11, 12)
    assert world.held() == {}
    codes = [each.code for refused in world.heard(OrdersRefused) for each in refused.refusals]
    assert codes == ["STALE_SIGNAL", "STALE_SIGNAL"]
    world.tell("now", {LEG: 1.0})
    world.minutes(13, 14)
    assert world.held() != {}
    assert world.broken() == []


def test_a_topic_that_fails_for_one_message_is_swept_when_it_works_again() -> None:
    world = QuietDesk(built())
    world.minute(1)

    def failing(call: Any, service: str, operation: str, parameters: Any) -> dict[str, Any]:
        if service == "sns" and "orders" in json.dumps(parameters, default=str):
            raise AwsFault("InternalError", "later", 500)
        answer: dict[str, Any] = call(service, operation, parameters)
        return answer

    world.around = failing
    with world.deaf("risk"):
        world.tell("enter", {LEG: 1.0})
    (targets,) = world.heard(Targets)
    body = {
        "MessageId": "told",
        "Body": messages.encode(targets).decode(),
        "Attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "0", "MessageGroupId": "main"},
    }
    assert world.hand("risk", [body]) == {"batchItemFailures": [{"itemIdentifier": "told"}]}
    assert world.heard(OrdersApproved) == []
    world.around = lambda call, *parameters: call(*parameters)
    world.sweep()
    world.minutes(2, 4)
    assert world.broken() == []
