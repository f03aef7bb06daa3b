"""A sale that rests and reduces a position: a stop rests for what it leaves, and never for its coins."""

from decimal import Decimal

import pytest

from fanfold.messages import OrderState
from fanfold.strategy.contract import Protected
from support.resting_world import LEG, RestingWorld, end_at_each_call

D = Decimal
STOP, LESS = Protected(0.5, stop=0.02), Protected(0.2, stop=0.02)


def reduced(wanted: Protected = LESS) -> RestingWorld:
    """A world in which the stop of the whole position made room for a limit sale that rests."""
    world = RestingWorld(strategy={"order": "limit", "order_ttl_s": 600})
    world.minute(1, {LEG: STOP})
    world.minute(2)
    world.venue.faults = ["", "rests"]
    world.minute(3, {LEG: wanted})
    world.minute(4)
    return world


def quantities(world: RestingWorld) -> list[Decimal]:
    return [stop.order.quantity for stop in world.stops]


def test_a_stop_rests_for_what_a_resting_sale_leaves() -> None:
    world = reduced()
    *_, sale, stop = world.ledger.orders.values()
    assert (sale.state, sale.order.side, sale.order.kind) == (OrderState.OPEN, "sell", "limit")
    assert quantities(world) == [stop.order.quantity] == [world.held - sale.order.quantity]
    for minute in (5, 6):
        world.minute(minute)
    assert (len(world.orders()), world.venue.clashes) == (4, [])


def test_the_stop_stays_when_the_sale_has_filled() -> None:
    world = reduced()
    (stop,) = world.stops
    (sale,) = [placed for placed in world.venue.orders if placed.order.side == "sell" and placed.order.kind == "limit"]
    world.venue.fill(sale, sale.order.quantity)
    for minute in (5, 6, 7):
        world.minute(minute)
    assert (world.stops, stop.order.quantity, world.venue.clashes) == ([stop], world.held, [])


def test_a_stop_for_the_whole_takes_its_place_when_the_sale_has_ended_without_a_fill() -> None:
    world = reduced()
    for minute in range(5, 19):
        world.minute(minute, {LEG: STOP})
    assert (quantities(world), world.venue.clashes) == ([world.held], [])


def test_a_trail_moves_the_stop_beside_a_sale() -> None:
    world = RestingWorld(strategy={"order": "limit", "order_ttl_s": 600})
    world.minute(1, {LEG: Protected(0.5, trail=0.03)})
    world.minute(2)
    world.venue.faults = ["", "rests"]
    world.minute(3, {LEG: Protected(0.2, trail=0.03)})
    for minute in range(4, 9):
        world.minute(minute, a=104)
    assert [stop.order.stop_price for stop in world.stops] == [D("100.88")]
    assert (quantities(world)[0] < world.held, world.venue.clashes) == (True, [])


def test_a_stop_that_fills_beside_a_sale_leaves_that_to_sell_the_rest() -> None:
    world = reduced()
    left = world.held - quantities(world)[0]
    world.minute(5, a=97.9)
    assert (world.held, world.stops, world.venue.clashes) == (left, [], [])
    for minute in range(6, 22):
        world.minute(minute, a=97.9)
    assert (world.held, world.venue.clashes) == (0, [])


def test_no_stop_rests_for_a_position_that_is_on_sale_as_a_whole() -> None:
    world = reduced(Protected(0.0))
    assert (world.stops, world.held > 0, world.legs()) == ([], True, [])


@pytest.mark.parametrize("then", [None, STOP, Protected(0.0)])
def test_a_crash_at_any_call_never_offers_more_than_is_held(then: Protected | None) -> None:
    def live(world: RestingWorld, _nth: int) -> None:
        world.minute(1, {LEG: STOP})
        world.minute(2)
        world.venue.faults = ["", "rests"]
        world.minute(3, {LEG: LESS})
        world.minute(4)
        for minute in range(5, 10):
            world.minute(minute, {LEG: then} if then and minute == 5 else None)
            assert len(world.stops) <= 1

    end_at_each_call(lambda: RestingWorld(strategy={"order": "limit", "order_ttl_s": 120}), live)
