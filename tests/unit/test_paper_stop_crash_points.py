"""A stop on paper and what takes its place, whatever call the process dies at: one of both sells, and once."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fanfold.errors import AT_ONCE
from fanfold.ledger.approvals import Approvals
from fanfold.messages import Order, OrdersApproved, OrderState, Replaced, TradingState
from fanfold.money import ZERO
from fanfold.risk.poll import PollState
from support.core_desk import A
from support.crashes import until_it_lives
from support.execution_world import AT, D, World, halted, minute, order

LEG = ("trend", A)
# Bars go from 99 to 101.
UNTOUCHED, TOUCHED = "98", "99.5"
DEATHS = [(nth, after) for nth in range(1, 25) for after in (False, True)]


def stop_at(price: str) -> Order:
    at = AT + timedelta(seconds=60)
    rests: dict[str, Any] = {"kind": "stop", "stop_price": price, "reduce_only": True, "decided_at": at}
    return order("stop", side="sell", **rests, expires_at=at + timedelta(days=1))


def protected(price: str) -> World:
    """A world that holds 2, with a stop for them at its venue."""
    world = World()
    world.place(world.approve(order("entry")))
    world.match(minute(1))
    world.now = AT + timedelta(seconds=60)
    world.place(world.approve(stop_at(price)))
    assert world.states() == {"entry": OrderState.FILLED, "stop": OrderState.OPEN}
    return world


def exit_of(world: World) -> OrdersApproved:
    """Approve an exit in the place of the stop."""
    at = AT + timedelta(seconds=120)
    replaced = msgspec.to_builtins(Replaced(order_id="stop", filled=ZERO))
    sale = order("exit", side="sell", kind="limit", limit_price="97", time_in_force="ioc", reduce_only=True,
                 decided_at=at, expires_at=at + timedelta(seconds=300), replaces=replaced)  # fmt: skip
    world.now = at
    exits: OrdersApproved = msgspec.structs.replace(world.approve(sale), id="exits", at=at)
    return exits


def sold(world: World) -> dict[str, Decimal]:
    return {fill.order_id: fill.quantity for fill in world.fills() if fill.side == "sell"}


@pytest.mark.parametrize(("nth", "after"), DEATHS)
def test_an_exit_goes_out_once_its_stop_has_ended(nth: int, after: bool) -> None:
    world = protected(UNTOUCHED)
    world.match(minute(2))
    approval = exit_of(world)
    until_it_lives(lambda fuse: world.place(approval, fuse), nth, after=after)
    world.ledger.sweep()
    world.match(minute(3))
    assert world.states() == {"entry": OrderState.FILLED, "stop": OrderState.CANCELED, "exit": OrderState.FILLED}
    assert (sold(world), world.ledger.real_money("main").stops) == ({"exit": D(2)}, {})
    world.check()


def test_a_stop_that_was_faster_blocks_the_exit() -> None:
    world = protected(TOUCHED)
    approval = exit_of(world)
    world.match(minute(2))
    world.place(approval)
    world.match(minute(3))
    assert world.states() == {"entry": OrderState.FILLED, "stop": OrderState.FILLED, "exit": OrderState.BLOCKED}
    noted = world.ledger.real_money("main").stops[LEG]
    assert (sold(world), noted.filled, noted.ended) == ({"stop": D(2)}, D(2), True)
    world.check()


def test_an_exit_that_may_not_go_out_leaves_the_stop_where_it_is() -> None:
    world = protected(UNTOUCHED)
    approval = exit_of(world)
    world.ledger.halt(halted(TradingState.HALTED))
    world.place(approval)
    assert world.states() == {"entry": OrderState.FILLED, "stop": OrderState.OPEN, "exit": OrderState.BLOCKED}


@pytest.mark.parametrize(("nth", "after"), DEATHS)
@pytest.mark.parametrize("price", [UNTOUCHED, TOUCHED])
def test_a_stop_that_is_withdrawn_ends_after_the_bar_that_it_rested_in(price: str, nth: int, after: bool) -> None:
    world = protected(price)
    book = world.ledger.book_of("main", PollState())
    withdrawn = msgspec.structs.replace(book.stops[LEG], withdrawn=True)
    Approvals(world.ledger.store, AT_ONCE).note_stops(book, {LEG: withdrawn})
    until_it_lives(lambda fuse: world.match(minute(2), fuse), nth, after=after)
    world.ledger.sweep()
    fills = price == TOUCHED
    assert world.states()["stop"] is (OrderState.FILLED if fills else OrderState.CANCELED)
    assert (LEG in world.ledger.real_money("main").stops, bool(sold(world))) == (fills, fills)
    world.match(minute(3))
    assert sum(sold(world).values(), ZERO) == (2 if fills else 0)
