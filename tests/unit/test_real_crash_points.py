"""The twelve points at which a process may die around a real order: one order at most, and books that agree."""

from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest

from fanfold.errors import Conflict
from fanfold.messages import OrderState
from fanfold.trading.answers import VenueOrderState
from support.crashes import Crash
from support.real_world import D, RealWorld, dies, laws, order


def ends_well(world: RealWorld, orders: int = 1) -> None:
    """Heal, and hold the laws; so many orders came to the venue."""
    world.heal()
    world.ledger.sweep()
    assert laws(world) == []
    assert len(world.venue.orders) == orders


def test_c1_before_the_approval_there_is_nothing_and_the_message_comes_again() -> None:
    world = RealWorld()
    commit = world.ledger.store.commit

    def dies_first(changes: Any) -> None:
        world.ledger.store.commit = commit
        raise Crash

    world.ledger.store.commit = dies_first
    with pytest.raises(Crash):
        world.approve(order("a"))
    assert world.ledger.orders == {}
    world.account().place(world.approve(order("a")))
    ends_well(world)


def test_c2_an_approval_that_was_never_published_is_published_by_the_sweep() -> None:
    world = RealWorld()
    publish = world.ledger.store.publish
    world.ledger.store.publish = lambda *_given, **_named: None
    approval = world.approve(order("a"))
    world.ledger.store.publish = publish
    assert approval not in world.bus.messages
    world.ledger.sweep()
    assert approval in world.bus.messages
    world.account().place(approval)
    ends_well(world)


def test_c3_an_approval_that_comes_again_is_the_same_order() -> None:
    world = RealWorld()
    approval = world.approve(order("a"))
    for _ in range(3):
        world.account().place(approval)
    ends_well(world)


def test_c4_a_crash_between_claim_and_request_is_resolved_by_a_lookup() -> None:
    world = RealWorld()
    approval = world.approve(order("a"))
    assert dies(world, lambda account: account.place(approval), 2, after=False)
    assert (world.states(), world.venue.requests) == ({"a": OrderState.SUBMITTING}, [])
    world.account().place(approval)
    assert world.venue.requests == []
    world.wait(36)
    world.account().place(approval)
    assert world.record("a").epoch == 2
    ends_well(world)


def test_c5_a_request_frozen_after_its_claim_is_refused_by_the_venue() -> None:
    world = RealWorld()
    approval = world.approve(order("a"))
    place = world.venue.place

    def frozen(request: Any) -> Any:
        world.wait(20)
        return place(request)

    world.venue.place = frozen
    world.account().place(approval)
    # The request is too late; the order is not, and goes out under a later claim.
    assert (world.states(), world.venue.orders) == ({"a": OrderState.SUBMITTING}, [])
    world.venue.place = place
    world.wait(36)
    world.account().place(approval)
    assert world.record("a").epoch == 2
    ends_well(world)


@pytest.mark.parametrize("fault", ["lost after", "error after"])
def test_c6_an_accepted_order_whose_answer_was_lost_is_found(fault: str) -> None:
    world = RealWorld()
    world.venue.faults = [fault]
    approval = world.approve(order("a"))
    world.account().place(approval)
    world.account().place(approval)
    assert (world.record("a").epoch, world.record("a").venue_order_id) == (1, "v1")
    ends_well(world)


def test_c7_an_order_accepted_late_after_a_lookup_is_found() -> None:
    world = RealWorld()
    world.venue.faults = ["late"]
    approval = world.approve(order("a"))
    world.account().place(approval)
    world.wait(1)
    world.account().place(approval)
    assert world.venue.orders == []
    world.wait(35)
    world.account().place(approval)
    assert (len(world.venue.requests), world.record("a").epoch) == (1, 1)
    ends_well(world)


def test_c8_a_crash_between_answer_and_booking_loses_nothing() -> None:
    world = RealWorld()
    approval = world.approve(order("a"))
    assert dies(world, lambda account: account.place(approval), 2, after=True)
    assert world.states() == {"a": OrderState.SUBMITTING}
    world.account().place(approval)
    assert world.record("a").venue_order_id == "v1"
    ends_well(world)


def test_c9_two_processes_with_one_message_send_one_order() -> None:
    world = RealWorld()
    approval = world.approve(order("a"))
    place = world.venue.place

    def meanwhile(request: Any) -> Any:
        world.venue.place = place
        world.account().place(approval)
        return place(request)

    world.venue.place = meanwhile
    world.account().place(approval)
    assert len(world.venue.requests) == 1
    ends_well(world)


@pytest.mark.parametrize("answer", ["too late", "rejected"])
def test_c10_a_process_that_slept_through_a_second_claim_changes_nothing(answer: str) -> None:
    world = RealWorld()
    approval = world.approve(order("a"))
    place = world.venue.place

    def asleep(request: Any) -> Any:
        world.venue.place = place
        world.wait(36)
        world.account().place(approval)
        assert world.record("a").epoch == 2
        world.venue.faults = ["rejected"] if answer == "rejected" else []
        return place(request)

    world.venue.place = asleep
    with pytest.raises(Conflict) if answer == "rejected" else nullcontext():
        world.account().place(approval)
    assert world.states() == {"a": OrderState.FILLED}
    ends_well(world)


@pytest.mark.parametrize("after", [False, True])
def test_c11_a_crash_while_booking_and_a_trade_after_the_cancel_lose_nothing(after: bool) -> None:
    world = RealWorld()
    world.venue.faults = ["rests"]
    approval = world.approve(order("a"))
    world.account().place(approval)
    (mine,) = world.venue.orders
    world.venue.fill(mine, D(1))
    for nth in range(1, 25):
        dies(world, lambda account: account.polled(world.bars()), nth, after=after)
        world.wait(1)
    assert world.record("a").filled == 1
    mine.state = VenueOrderState.CANCELED
    world.sweep()
    assert world.states() == {"a": OrderState.CANCELED}
    world.venue.fill(mine, D("0.5"))
    mine.state = VenueOrderState.CANCELED
    world.wait(60)
    world.sweep()
    assert (world.states(), world.record("a").filled) == ({"a": OrderState.CANCELED}, D("1.5"))
    ends_well(world)


def test_c12_a_message_that_nobody_could_handle_leaves_its_order_to_the_sweep() -> None:
    world = RealWorld()
    world.approve(order("a"))
    world.wait(100)
    world.sweep()
    assert world.states() == {"a": OrderState.APPROVED}
    world.wait(21)
    world.sweep()
    assert (world.states(), world.ledger.accounts["main"].reserved) == ({"a": OrderState.STALE}, 0)
    ends_well(world, 0)


def test_an_order_whose_time_is_over_is_canceled_at_the_venue_and_counts_as_expired() -> None:
    world = RealWorld()
    world.venue.faults = ["rests"]
    world.account().place(world.approve(order("a", expires_at=world.now + timedelta(seconds=90))))
    world.wait(89)
    world.sweep()
    assert world.states() == {"a": OrderState.OPEN}
    world.wait(1)
    world.sweep()
    assert (world.states(), world.record("a").reason) == ({"a": OrderState.EXPIRED}, "its time was over")
    ends_well(world)
