"""Orders of which nobody learns the end: an operator ends them, or their time, and nothing that may still be there."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from execution_service.operator_commands import handle
from fanfold.errors import BadInput, VenueUnavailable
from fanfold.messages import OrderState
from fanfold.simulation.schedules.venue import TERMS
from support.real_world import RealWorld, order

D = Decimal
WHY = "ann ended it: support says it never came"


def doubtful(fence: str = "") -> RealWorld:
    """An order that was lost on its way, at a venue that has none, and takes late requests where it has no fence."""
    world = RealWorld()
    world.venue.terms = replace(TERMS, fence=fence, cancels_all_after=False)
    world.sweep()
    world.venue.faults = ["lost before"]
    world.account().place(world.approve(order("a")))
    world.wait(60)
    world.sweep()
    return world


def rested() -> RealWorld:
    """An order that rests at its venue."""
    world = RealWorld()
    world.sweep()
    world.venue.faults = ["rests"]
    world.account().place(world.approve(order("a")))
    return world


def end(world: RealWorld, name: str = "a") -> list[str]:
    return world.account().end(name, WHY)


def test_a_doubtful_order_ends_once_no_request_can_come_any_more() -> None:
    world = doubtful()
    assert (world.record("a").doubt != "", world.ledger.real_money("main").frozen != {}) == (True, True)
    with pytest.raises(BadInput, match=r"may accept order a until 2026-03-01T.*: end it then"):
        end(world)
    world.wait(3_600)
    assert end(world) == ["order a becomes CANCELED: 0 of 2 BTC/USDT had filled"]
    assert (world.record("a").state, world.record("a").reason) == (OrderState.CANCELED, WHY)
    assert (world.ledger.real_money("main").frozen, world.ledger.accounts["main"].reserved) == ({}, 0)
    assert WHY in [update.reason for report in world.reports() for update in report.updates]
    with pytest.raises(BadInput, match="ended already: it is CANCELED"):
        end(world)
    assert world.sweep() == 0


def test_a_trade_that_comes_after_all_rings_and_freezes_its_instrument() -> None:
    world = doubtful()
    world.wait(3_600)
    end(world)
    world.venue.late = [(world.now, world.venue.requests[0])]
    world.venue.terms = replace(TERMS, fence="", window_s=1_000_000)
    for _ in range(2):
        world.wait(60)
        world.sweep()
    assert (len(world.venue.orders), world.record("a").state) == (1, OrderState.CANCELED)
    assert "EXTERNAL: the venue has what no order of this desk made" in world.events
    assert "BTC/USDT" in world.ledger.real_money("main").frozen_instruments


def test_a_late_trade_of_an_order_that_the_venue_had_named_is_booked() -> None:
    world = rested()
    (placed,) = world.venue.orders
    world.venue.orders.clear()
    end(world)
    world.wait(60)
    world.venue.fill(placed, D(2))
    world.sweep()
    assert world.record("a").state is OrderState.FILLED
    assert world.ledger.positions["main"]["trend", "BTC/USDT"].position.quantity > D("1.9")


@pytest.mark.parametrize("named", ["b", "a"])
def test_what_the_venue_knows_or_the_account_does_not_is_not_ended(named: str) -> None:
    world = rested()
    with pytest.raises(
        BadInput, match="the exchange knows order a: OPEN, 0 of 2" if named == "a" else "has no order b"
    ):
        end(world, named)
    assert world.record("a").state is OrderState.OPEN


def test_an_order_is_not_ended_while_its_venue_gives_no_answer() -> None:
    world = rested()
    world.venue.orders.clear()
    world.venue.silent = True
    with pytest.raises(VenueUnavailable):
        end(world)
    world.venue.silent = False
    assert end(world) == ["order a becomes CANCELED: 0 of 2 BTC/USDT had filled"]


def test_an_order_is_named_by_the_start_of_its_id() -> None:
    world = RealWorld()
    world.sweep()
    world.venue.faults = ["rests", "rests"]
    for name in ("abc", "abd"):
        world.account().place(world.approve(order(name, quantity="1", reserved="101")))
    world.venue.orders.clear()
    with pytest.raises(BadInput, match="ab is the start of 2 live orders of main: abc, abd"):
        end(world, "ab")
    assert end(world, "abd") == ["order abd becomes CANCELED: 0 of 1 BTC/USDT had filled"]
    assert end(world, "ab") == ["order abc becomes CANCELED: 0 of 1 BTC/USDT had filled"]


def test_an_order_that_was_never_sent_is_not_ended_by_hand() -> None:
    world = RealWorld()
    world.approve(order("a"))
    with pytest.raises(BadInput, match="was never sent"):
        end(world)


def test_an_order_that_its_venue_has_lost_ends_after_its_time() -> None:
    world = rested()
    world.venue.fill(world.venue.orders[0], D("0.5"))
    world.venue.orders.clear()
    expires_at = world.record("a").order.expires_at
    world.now = expires_at + timedelta(seconds=TERMS.margin_s - 1)
    world.sweep()
    assert (world.record("a").state, world.record("a").filled) == (OrderState.PARTIAL, D("0.5"))
    world.wait(1)
    world.sweep()
    assert (world.record("a").state, world.record("a").filled) == (OrderState.EXPIRED, D("0.5"))
    assert "does not know it any more" in world.record("a").reason
    assert world.ledger.accounts["main"].reserved == 0


def test_the_command_needs_a_live_account_an_actor_and_a_reason() -> None:
    world, noted = doubtful(), list[dict[str, str]]()
    world.wait(3_600)

    def command(**event: Any) -> dict[str, Any]:
        return handle(event, world.desk, lambda _name: world.account(), lambda _event, **figures: noted.append(figures))

    with pytest.raises(BadInput, match="no live account"):
        command(reconcile="main", end="a", actor="ann", reason="lost")
    live = replace(world.desk.accounts["main"], mode="live")
    world.desk = replace(world.desk, accounts=world.desk.accounts | {"main": live})
    with pytest.raises(BadInput, match="an actor and a reason"):
        command(reconcile="main", end="a", actor="ann")
    answer = command(reconcile="main", end="a", actor="ann", reason="lost")
    assert (answer["applied"], world.record("a").reason) == (True, "ann ended it: lost")
    assert noted == [{"account": "main", "order": "a", "actor": "ann", "why": "lost"}]
