"""Slices in execution, on paper and at a real venue: each is sent when it is due, once, or ends with a reason."""

from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from execution_service import approved
from fanfold.messages import Order, OrdersApproved, OrderState, TradingState
from support.crashes import Crash, Fuse
from support.execution_world import AT, World, halted, minute, order
from support.real_world import RealWorld, dies

D = Decimal
LATE = timedelta(seconds=121)
SENT = (OrderState.OPEN, OrderState.FILLED)


def slices(count_: int = 3, every_s: int = 120) -> list[Order]:
    """Slices that are due two minutes apart; each lasts five minutes from when it is due."""
    waits = [timedelta(seconds=number * every_s) for number in range(count_)]
    later: list[dict[str, Any]] = [{"due_at": AT + wait} if wait else {} for wait in waits]
    return [
        order(f"slice-{number}", expires_at=AT + wait + timedelta(seconds=300), **due)
        for number, (wait, due) in enumerate(zip(waits, later, strict=True))
    ]


def states(world: World | RealWorld) -> list[OrderState]:
    return [world.states()[name] for name in sorted(world.states())]


def test_slices_are_sent_when_they_are_due_and_meet_the_bar_after() -> None:
    world = World()
    world.place(world.approve(*slices()))
    assert states(world) == [OrderState.OPEN, OrderState.APPROVED, OrderState.APPROVED]
    for number in range(1, 7):
        world.now = AT + timedelta(minutes=number)
        world.sweep()
        world.match(minute(number))
        world.check()
    # A fill is dated by the close of its bar.
    assert [fill.at - AT for fill in world.fills()] == [timedelta(minutes=number) for number in (1, 3, 5)]
    assert states(world) == [OrderState.FILLED] * 3


def test_a_slice_that_was_sent_early_meets_no_bar_from_before_it_was_due() -> None:
    world = World()
    world.book.add(slices(2)[1])
    world.place(world.approve(*slices(2)))
    world.match(minute(1))
    world.match(minute(2))
    assert [fill.order_id for fill in world.fills()] == ["slice-0"]


def test_the_message_again_sends_a_slice_that_is_due_and_leaves_one_that_waits() -> None:
    world = World()
    message = world.approve(*slices())
    world.now = AT + timedelta(seconds=120)
    world.place(message)
    # The first is of an old signal by then.
    world.now = AT + LATE
    world.place(message)
    assert states(world) == [OrderState.OPEN, OrderState.OPEN, OrderState.APPROVED]


def test_a_slice_that_nobody_sent_in_time_ends_as_stale_and_says_when_it_was_due() -> None:
    world = World()
    world.place(world.approve(*slices()))
    world.now = AT + timedelta(seconds=120) + LATE
    world.sweep()
    assert states(world)[1:] == [OrderState.STALE, OrderState.OPEN]
    assert world.ledger.orders["slice-1"].reason == "the slice was due at 2026-03-01T00:02:00+00:00"
    assert world.ledger.accounts["main"].reserved == D("403")
    world.check()


def test_a_halt_between_slices_ends_those_that_wait() -> None:
    world = World()
    world.place(world.approve(*slices()))
    world.ledger.halt(halted(TradingState.HALTED))
    world.sweep()
    assert states(world)[1:] == [OrderState.BLOCKED] * 2
    assert world.ledger.orders["slice-2"].reason == "the account is HALTED"
    world.check()


def withdrawn(*names: str) -> OrdersApproved:
    return OrdersApproved(id="back", cause="t", at=AT, account="main", orders=[], withdrawn=list(names))


def test_slices_that_are_taken_back_end_but_for_those_that_were_sent() -> None:
    world = World()
    world.place(world.approve(*slices()))
    message = withdrawn("slice-0", "slice-1", "slice-2", "never")
    approved.withdraw(world.ledger, message, world.matcher().cancel)
    approved.withdraw(world.ledger, message, world.matcher().cancel)
    assert states(world) == [OrderState.OPEN, OrderState.STALE, OrderState.STALE]
    assert "another target" in world.ledger.orders["slice-1"].reason
    world.now = AT + timedelta(seconds=240)
    assert world.sweep() == 0
    world.check()


def test_slices_that_are_taken_back_before_their_approval_comes_are_not_sent() -> None:
    world = World()
    message = world.approve(*slices())
    approved.withdraw(world.ledger, withdrawn("slice-1", "slice-2"), world.matcher().cancel)
    world.place(message)
    assert states(world) == [OrderState.OPEN, OrderState.STALE, OrderState.STALE]


@pytest.mark.parametrize("after", [False, True])
def test_a_process_that_dies_at_any_call_sends_no_slice_twice(*, after: bool) -> None:
    for nth in count(1):
        world = World()
        world.place(world.approve(*slices(2)))
        world.match(minute(1))
        world.now = AT + timedelta(seconds=120)
        try:
            world.sweep(Fuse(nth, after=after))
        except Crash:
            died = True
        else:
            died = False
        for number in (2, 3, 4):
            world.now = AT + timedelta(minutes=number, seconds=6)
            world.ledger.sweep()
            world.sweep()
            world.match(minute(number))
        assert states(world) == [OrderState.FILLED] * 2
        assert len(world.fills()) == 2
        world.check()
        if not died:
            assert nth > 2
            return


def test_at_a_real_venue_each_slice_is_one_request_when_it_is_due() -> None:
    world = RealWorld()
    message = world.approve(*slices())
    world.account().place(message)
    assert [len(world.claimed(f"slice-{number}")) for number in range(3)] == [1, 0, 0]
    world.wait(60)
    world.sweep()
    assert [len(world.claimed(f"slice-{number}")) for number in range(3)] == [1, 0, 0]
    for _ in range(4):
        world.wait(60)
        world.account().sweep_due(world.ledger.live("main"))
    assert [len(world.claimed(f"slice-{number}")) for number in range(3)] == [1, 1, 1]


def test_at_a_real_venue_a_halt_and_a_late_sweep_end_the_slices_that_wait() -> None:
    world = RealWorld()
    world.account().place(world.approve(*slices()))
    world.wait(120 + 121)
    world.sweep()
    assert (world.states()["slice-1"], world.states()["slice-2"] in SENT) == (OrderState.STALE, True)
    world = RealWorld()
    world.account().place(world.approve(*slices()))
    world.halt(TradingState.HALTED)
    world.sweep()
    assert states(world)[1:] == [OrderState.BLOCKED] * 2


@pytest.mark.parametrize("after", [False, True])
def test_at_a_real_venue_a_process_that_dies_at_any_call_sends_no_slice_twice(*, after: bool) -> None:
    for nth in range(1, 60):
        world = RealWorld()
        world.account().place(world.approve(*slices(2)))
        world.wait(120)
        died = dies(world, lambda account: account.sweep_due(world.ledger.live("main")), nth, after=after)  # noqa: B023
        world.heal()
        names = [request.order.order_id for request in world.venue.requests]
        assert len(names) == len(set(names)) <= 2
        if not died:
            break
    else:
        pytest.fail("it died at every call")
