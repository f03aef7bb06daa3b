"""An instrument leaves the desk file of a real account: a stop of it rests on, and its rules are the venue's."""

from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from fanfold.desk import Desk
from fanfold.messages import OrderState, TradingState
from fanfold.risk.policy import prepare
from fanfold.strategy.contract import Protected
from support.core_desk import A, B
from support.real_world import RealWorld, order
from support.resting_world import LEG, STOPS, RestingWorld
from support.risk_world import halted

D = Decimal


def without_a(desk: Desk) -> Desk:
    """Return a desk that has A nowhere any more."""
    venues = {name: replace(venue, symbols=[B]) for name, venue in desk.venues.items()}
    strategies = {name: replace(each, instruments=[B]) for name, each in desk.strategies.items()}
    return replace(desk, venues=venues, strategies=strategies, instruments={B: desk.instruments[B]})


def protected() -> RestingWorld:
    """A world with a stop of A at the venue, which takes its fees in the coin: the position is no multiple of a lot."""
    world = RestingWorld()
    world.venue.fee_currency = "base"
    world.minute(1, {LEG: Protected(0.5, stop=0.02)})
    world.minute(2)
    assert world.held % D("0.001") > 0
    return world


def stopped_by(world: RestingWorld) -> list[str]:
    return [stop.order.order_id for stop in world.stops]


def test_a_stop_rests_on_where_only_risk_has_the_desk_file_without_its_instrument() -> None:
    world = protected()
    before = stopped_by(world)
    world.plan = prepare(without_a(world.desk), STOPS)
    for minute in (3, 4, 5):
        world.minute(minute)
    assert (stopped_by(world), len(before), len(world.orders())) == (before, 1, 2)


def test_a_stop_rests_on_and_fills_where_the_whole_desk_has_lost_its_instrument() -> None:
    world = protected()
    before = stopped_by(world)
    world.desk = without_a(world.desk)
    world.plan = prepare(world.desk, STOPS)
    for minute in (3, 4, 5):
        world.minute(minute)
    assert (stopped_by(world), len(before), len(world.orders())) == (before, 1, 2)
    world.minute(6, a=97.9)
    assert (world.stops, world.held < D("0.001")) == ([], True)


def test_flattening_sells_whole_lots_of_what_the_desk_file_has_lost() -> None:
    world = protected()
    world.desk = without_a(world.desk)
    world.plan = prepare(world.desk, STOPS)
    world.minute(3)
    world.ledger.halt(halted(TradingState.FLATTENING, "main", "all"), rearm=False)
    for minute in (4, 5, 6):
        world.minute(minute)
    *_, exit_ = world.orders()
    assert (exit_.side, exit_.quantity % D("0.001")) == ("sell", 0)
    assert {world.ledger.orders[each.order_id].state for each in world.orders()} <= {
        OrderState.FILLED,
        OrderState.CANCELED,
    }


def test_the_venues_rules_of_what_is_held_count_where_the_desk_file_has_none() -> None:
    world = RealWorld()
    world.sweep()
    terms: dict[str, Any] = {"kind": "limit", "limit_price": "100.1", "time_in_force": "ioc"}
    world.account().place(world.approve(order("a", quantity="2", decided_at=world.now, **terms)))
    world.heal()
    assert world.record("a").state is OrderState.FILLED
    world.desk = without_a(world.desk)
    assert f"the desk file has no rules of {A}; v's count" in world.account().reconcile()
    assert world.account().reconcile() == []
    assert world.ledger.real_money("main").rules[A].rules == world.venue.listed[A]
