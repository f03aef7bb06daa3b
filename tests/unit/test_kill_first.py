"""A kill cancels by the ids that the desk holds, before it asks for anything else; no stranger's oddity stops it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from fanfold.errors import VenueUnavailable
from fanfold.messages import OrderState, TradingState
from fanfold.trading.terms import BINANCE
from fanfold.venues.ccxt import structures
from support.core_desk import A, B
from support.execution_world import halted
from support.real_world import D, RealWorld, order


def resting(*names: str) -> RealWorld:
    """A reconciled account with entries that rest at the venue."""
    world = RealWorld()
    world.sweep()
    for name in names:
        world.venue.faults = ["rests"]
        world.account().place(world.approve(order(name, expires_at=world.now + timedelta(hours=9))))
    return world


def refuses(world: RealWorld, name: str, only: str = "") -> None:
    """Let the venue refuse a kind of reading, of one instrument alone where one is named."""
    ask: Callable[..., Any] = getattr(world.venue, name)

    def refused(*arguments: Any) -> Any:
        if only in ("", *arguments):
            raise VenueUnavailable(f"box: {name} is under maintenance")
        return ask(*arguments)

    setattr(world.venue, name, refused)


@pytest.mark.parametrize("reading", ["trades", "open_orders"])
def test_a_kill_cancels_whatever_reading_fails(reading: str) -> None:
    world = resting("entry", "other")
    refuses(world, reading)
    world.wait(10)
    world.halt(TradingState.HALTED)
    with pytest.raises(VenueUnavailable, match=reading):
        world.account().cancel_barred(halted(TradingState.HALTED, world.now))
    assert [placed.state for placed in world.venue.orders] == ["CANCELED", "CANCELED"]
    assert set(world.states().values()) == {OrderState.CANCELED}


def test_a_kill_cancels_every_order_before_it_reads_anything() -> None:
    world = resting("entry", "other")
    calls = list[str]()
    for name in ("request_cancel", "trades", "open_orders", "find"):
        ask_venue: Callable[..., Any] = getattr(world.venue, name)
        setattr(
            world.venue, name, lambda *arguments, ask=ask_venue, name=name: (calls.append(name), ask(*arguments))[1]
        )
    world.halt(TradingState.HALTED)
    world.account().cancel_barred(halted(TradingState.HALTED, world.now))
    assert calls[:3] == ["request_cancel", "request_cancel", "trades"]


def test_a_sweep_cancels_before_it_looks_up_what_is_unknown() -> None:
    world = resting("entry")
    world.venue.faults = ["lost after"]
    world.account().place(world.approve(order("unknown", B)))
    world.wait(60)
    world.halt(TradingState.HALTED)
    refuses(world, "find")
    refuses(world, "trades")
    world.sweep()
    assert world.venue.orders[0].state == "CANCELED"


def test_rules_that_the_venue_does_not_state_of_one_instrument_keep_no_order_of_another_waiting() -> None:
    world = resting("entry")
    refuses(world, "rules", B)
    world.venue.fill(world.venue.orders[0], D(1))
    cold = world.account()
    world.wait(60)
    cold.polled(world.bars())
    assert world.record("entry").filled == D(1)
    world.venue.listed[A] = msgspec.structs.replace(world.venue.listed[A], tick=D("0.5"))
    world.wait(3_600)
    world.sweep()
    assert set(world.ledger.real_money("main").rules) == {A}
    assert "the venue's rules are not known" in world.events


def test_an_open_order_in_a_state_that_nobody_knows_is_open() -> None:
    pending = {"id": "9", "symbol": B, "side": "sell", "amount": "1", "filled": "0", "status": "PENDING_NEW"}
    with pytest.raises(VenueUnavailable, match="PENDING_NEW"):
        structures.order(pending, BINANCE)
    assert structures.open_order(pending, BINANCE).state == "OPEN"
    assert structures.open_order(pending | {"status": "closed"}, BINANCE).state == "CANCELED"
