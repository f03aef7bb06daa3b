"""Targets from outside: bars alone never move such an instance, and risk decides on what it is told at once."""

from datetime import timedelta

import pytest

from fanfold import ids
from fanfold.messages import OrdersApproved, OrdersRefused, Target, Targets
from support.core_desk import A, B, instance, plain_fold, small_desk, walk
from support.polled_risk import World, at, poll


def signal_message(weight: float, nonce: str, minute: int = 1) -> Targets:
    name = "hook"
    target = Target(signal_id=ids.derive("external", nonce), instance=name, instrument=A, timeframe="1m", weight=weight)
    return Targets(id=nonce, cause=f"webhook/{nonce}", at=at(minute), account="main", poll_id="", targets=[target])


def test_bars_alone_cause_no_target_of_an_external_instance() -> None:
    desk = small_desk(hook=instance() | {"strategy": "external", "params": {}})
    _, targets = plain_fold(desk, {("1m", name): walk(1, name, 10) for name in (A, B)})
    assert not any(targets.values())


def test_targets_of_no_poll_are_decided_on_at_once_and_leave_the_poll_that_is_gathered_alone() -> None:
    world = World()
    bars, *rest = poll(1, {})
    world.hear(bars, signal_message(0.5, "nonce-1"))
    (approved,) = world.messages_of(OrdersApproved)
    assert approved.cause == "nonce-1"
    gathered = world.gathering.read("main")
    assert (gathered.poll_id, gathered.arrived, gathered.targets, gathered.decided) == (
        "poll-p1",
        {"bars/1"},
        (),
        False,
    )
    world.hear(*rest)
    assert world.gathering.read("main").decided


def test_a_repeated_signal_causes_one_order() -> None:
    world = World()
    bars, *_ = poll(1, {})
    world.hear(bars, signal_message(0.5, "nonce-1"), signal_message(0.5, "nonce-1"))
    assert len(world.messages_of(OrdersApproved)) == 1


def test_a_signal_that_is_too_old_is_refused() -> None:
    world = World()
    bars, *_ = poll(1, {})
    world.hear(bars)
    world.now += timedelta(seconds=121)
    world.hear(signal_message(0.2, "nonce-1"))
    (refused,) = world.messages_of(OrdersRefused)
    assert [refusal.code for refusal in refused.refusals] == ["STALE_SIGNAL"]


@pytest.mark.parametrize("first", [1, 2])
def test_of_two_signals_the_newer_one_holds_whichever_comes_first(first: int) -> None:
    world = World()
    world.hear(*poll(1, {}))
    world.now = at(2) + timedelta(seconds=30)
    signals = {1: signal_message(1.0, "older", minute=1), 2: signal_message(0.0, "newer", minute=2)}
    world.hear(signals[first], signals[3 - first])
    (kept,) = world.gathering.read("main").carried.standing.values()
    assert kept.target.weight == 0.0
    assert len(world.outcome()[0]) == (1 if first == 1 else 0)
