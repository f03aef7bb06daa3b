"""Targets that come apart from their poll, late or for the second time: they order their own legs, and nothing else."""

from decimal import Decimal

import pytest

from fanfold.messages import OrdersApproved, OrderState, TradingState
from support.core_desk import A, B, instance
from support.risk_world import Wanted, World, at, built, targets_message

D = Decimal
SLOW_A, SLOW_B, HOOK_B = ("slow", A), ("slow", B), ("hook", B)
HOOK = {
    "slow": instance("breakout", timeframe="1d", allocation="0.5"),
    "hook": instance(allocation="0.5", timeframe="1d") | {"strategy": "external", "params": {}},
}


@pytest.mark.parametrize("minutes", [3, 30])
def test_targets_of_an_older_poll_that_come_again_order_nothing_that_stands(minutes: int) -> None:
    world = World(built())
    # A comes to its target and stands no more; the orders for B end without a fill, and it stands.
    world.minute(1, {SLOW_A: 0.5, SLOW_B: 0.5})
    finish_one_of_two(world)
    world.minute(2)
    world.finish(OrderState.EXPIRED, share="0")
    before = world.approved()
    assert [entry[1] for entry in before] == [A, B, B]
    world.now = at(minutes)
    for _ in range(3):
        deliver(world, 1, {SLOW_A: 0.5, SLOW_B: 0.5})
    assert world.approved() == before
    assert standing(world) == {SLOW_B: 2}
    world.minute(minutes + 1)
    assert world.approved() == [*before, before[-1]]


def test_targets_that_come_late_are_ordered_beside_those_that_wait() -> None:
    world = World(built())
    world.minute(1, {SLOW_B: 0.5})
    world.finish(OrderState.EXPIRED, share="0")
    world.minute(2)
    world.finish(OrderState.EXPIRED, share="0")
    deliver(world, 1, {SLOW_A: 0.5})
    assert world.approved()[2:] == [("buy", A, D(25))]
    assert standing(world) == {SLOW_B: 2, SLOW_A: 1}


def test_a_webhooks_signal_that_comes_again_orders_nothing() -> None:
    world = World(built(strategies=HOOK))
    world.minute(1, {SLOW_A: 0.5})
    world.hear(1, {HOOK_B: 0.5})
    world.finish(OrderState.EXPIRED, share="0")
    for _ in range(3):
        world.hear(1, {HOOK_B: 0.5})
    assert [entry[1] for entry in world.approved()] == [A, B]
    world.minute(2)
    assert sorted(entry[1] for entry in world.approved()) == [A, A, B, B]


def test_the_other_leg_of_a_late_legs_bundle_does_not_wait() -> None:
    world = World(built())
    world.minute(1, {SLOW_B: 0.5}, bundle="pair")
    world.finish(OrderState.EXPIRED, share="0")
    world.minute(2)
    world.finish(OrderState.EXPIRED, share="0")
    deliver(world, 1, {SLOW_A: -0.5}, bundle="pair")
    assert sorted(world.approved()[2:]) == [("buy", B, D(25)), ("sell", A, D(25))]


def test_late_targets_change_nothing_that_was_reported_of_legs_that_wait() -> None:
    world = World(built())
    world.hold(*SLOW_A, "10")
    world.hold(*SLOW_B, "0.04")
    world.minute(1)
    world.halt(TradingState.FLATTENING)
    world.minute(2)
    world.finish()
    world.minute(3)
    before = world.legs()
    assert before == [(*SLOW_B, "DUST"), ("", "", "FLAT")]
    for _ in range(2):
        deliver(world, 1, {SLOW_A: 0.5})
    world.minute(4)
    assert world.legs() == before


def deliver(world: World, minute: int, targets: Wanted, bundle: str = "") -> None:
    """Deliver targets of the poll of a minute."""
    world.assessor.on_targets(targets_message(minute, targets, "main", f"poll-p{minute}", bundle))


def finish_one_of_two(world: World) -> None:
    """Fill the order for A, and let that for B end without a fill."""
    orders = [order for message in world.messages_of(OrdersApproved) for order in message.orders]
    world.finish(only=[order.order_id for order in orders if order.instrument == A])
    world.finish(OrderState.EXPIRED, share="0")


def standing(world: World) -> dict[tuple[str, str], int]:
    """Return how many orders were made for each target that stands."""
    return {leg: entry.attempt for leg, entry in world.gathering.read("main").carried.standing.items()}
