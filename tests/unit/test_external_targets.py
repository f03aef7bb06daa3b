"""Targets from outside: bars alone never move such an instance, and risk decides on what it is told at once."""

from datetime import timedelta

from core_desk import A, B, instance, plain_fold, small_desk, walk
from test_verbs_risk import DESK, World, at, poll

from fanfold import names
from fanfold.messages import OrdersApproved, OrdersRefused, Target, Targets


def told(weight: float, nonce: str) -> Targets:
    name = next(iter(DESK.strategies))
    target = Target(signal_id=names.name("external", nonce), instance=name, instrument=A, timeframe="1m", weight=weight)
    return Targets(id=nonce, cause=f"webhook/{nonce}", at=at(1), account="main", batch="", targets=[target])


def test_bars_alone_say_nothing_for_an_external_instance() -> None:
    desk = small_desk(hook=instance() | {"strategy": "external", "params": {}})
    _, targets = plain_fold(desk, {("1m", name): walk(1, name, 10) for name in (A, B)})
    assert not any(targets.values())


def test_targets_of_no_poll_are_decided_on_at_once_and_leave_the_poll_that_is_gathered_alone() -> None:
    world, alone = World(), World()
    bars, *rest = poll(1, {})
    world.hear(bars, told(0.5, "nonce-1"))
    (approved,) = world.told(OrdersApproved)
    assert approved.cause == "nonce-1"
    alone.hear(bars)
    assert world.gathering.read("main") == alone.gathering.read("main")
    world.hear(*rest)
    assert world.gathering.read("main").decided


def test_a_signal_again_is_one_order_and_an_old_one_is_refused() -> None:
    world = World()
    bars, *_ = poll(1, {})
    world.hear(bars, told(0.5, "nonce-1"), told(0.5, "nonce-1"))
    assert len(world.told(OrdersApproved)) == 1
    world.now += timedelta(seconds=121)
    world.hear(told(0.2, "nonce-2"))
    assert len(world.told(OrdersRefused)) == 1
