"""An order that another process sends while one reconciles is known to be the desk's own, whenever it comes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from fanfold.errors import VenueUnavailable
from fanfold.ledger.changes import BookTrade
from fanfold.messages import OrderState, TradingState
from support.real_world import D, RealWorld, dies, laws, order


@contextmanager
def between(world: RealWorld, read: str, nth: int, act: Any) -> Iterator[None]:
    """Let somebody act right before the nth time that the venue is asked for what it has."""
    ask, calls = getattr(world.venue, read), 0

    def read_later(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth:
            act()
        return ask(*arguments)

    setattr(world.venue, read, read_later)
    yield
    delattr(world.venue, read)
    assert calls >= nth, f"{read} was not called {nth} times"


# The calls of a process that sends an order: it claims it, and asks its venue.
SENT, ALL = 2, 99


@pytest.mark.parametrize("answer", ["booked", "lost after", "not booked"])
@pytest.mark.parametrize("rests", [False, True])
@pytest.mark.parametrize(("read", "nth"), [("trades", 1), ("trades", 2), ("open_orders", 1), ("balances", 1)])
def test_it_is_no_strangers_and_its_instrument_is_not_frozen(read: str, nth: int, rests: bool, answer: str) -> None:
    world = RealWorld()
    world.venue.faults = ["rests"]
    world.account().place(world.approve(order("first")))
    world.venue.fill(world.venue.orders[0], D(1))
    world.sweep()

    def send() -> None:
        world.venue.faults = ["rests"] if rests else [answer] if answer == "lost after" else []
        message = world.approve(order("second"))
        died = dies(world, lambda account: account.place(message), SENT if answer == "not booked" else ALL, after=True)
        assert (died, len(world.venue.orders)) == (answer == "not booked", 2)

    world.wait(60)
    with between(world, read, nth, send):
        world.sweep()
    assert world.events.count("EXTERNAL: the venue has what no order of this desk made") == 0
    assert world.ledger.real_money("main").frozen == {}
    world.heal()
    assert (laws(world), world.ledger.real_money("main").frozen) == ([], {})


def test_a_venue_that_does_not_arm_its_cancel_of_everything_is_followed_and_reconciled_all_the_same() -> None:
    world = RealWorld()
    world.sweep()
    world.venue.faults = ["rests"]
    world.account().place(world.approve(order("a")))
    world.halt(TradingState.HALTED)

    def refused(within_s: int) -> bool:
        raise VenueUnavailable("51000 timeOut")

    world.venue.arm_cancel_all = refused
    world.wait(60)
    world.sweep()
    assert world.record("a").state is OrderState.CANCELED
    assert "the venue's cancel of everything is not armed" in world.events
    assert world.ledger.real_money("main").baseline
    assert "the venue does not answer" not in world.events


def test_what_is_booked_right_before_the_live_orders_are_read_freezes_nothing() -> None:
    """Another process has an order filled while balances are read, and books it after the flows were read."""
    world = RealWorld()
    world.sweep()
    store, commit, live = world.ledger.store, world.ledger.store.commit, world.ledger.store.live
    booking: list[Any] = []

    def send() -> None:
        def hold_back(changes: Any) -> None:
            (booking.append if any(isinstance(change, BookTrade) for change in changes) else commit)(changes)

        store.commit = hold_back
        world.account().place(world.approve(order("first")))
        store.commit = commit

    def live_after_booking(account: str) -> Any:
        if booking:
            commit(booking.pop())
        return live(account)

    store.live = live_after_booking
    with between(world, "balances", 1, send):
        world.account().reconcile()
    assert world.record("first").state is OrderState.FILLED
    assert (world.ledger.real_money("main").frozen, world.events) == ({}, [])


def test_an_account_that_its_venue_does_not_answer_for_is_alarmed_of_after_a_quarter_of_an_hour() -> None:
    world, alarm = RealWorld(), "an account is not reconciled"
    account = world.account()
    account.reconcile()
    world.venue.silent = True
    for _ in range(14):
        account.reconcile()
        world.wait(60)
    assert world.events.count(alarm) == 0
    account.reconcile()
    assert world.events.count(alarm) == 1
    world.venue.silent = False
    account.reconcile()
    world.venue.silent = True
    world.wait(60)
    account.reconcile()
    assert world.events.count(alarm) == 1
