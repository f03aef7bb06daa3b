"""A stop and a profit that rest at the venue as a pair: one order of ours, whichever half fills."""

from decimal import Decimal

import pytest

from fanfold.strategy.contract import Protected
from support.resting_world import BOTH, LEG, PAIRS, STOPS, Life, RestingWorld, bought, end_at_each_call, live_protected

D = Decimal
TRAIL = Protected(0.5, trail=0.03, take_profit=0.08)


def levels(world: RestingWorld) -> list[tuple[Decimal | None, Decimal | None]]:
    return [(each.order.stop_price, each.order.profit_price or None) for each in world.stops]


def test_stop_and_profit_rest_as_one_order_a_poll_after_the_position_was_opened() -> None:
    world = bought(BOTH, PAIRS)
    assert levels(world) == [(D("98.00"), D("105.00"))]
    (pair,) = world.stops
    assert (pair.order.quantity, pair.order.limit_price) == (world.held, D("96.04"))
    for minute in (3, 4):
        world.minute(minute, a=103)
    assert (world.stops, len(world.orders())) == ([pair], 2)


@pytest.mark.parametrize("price", [105.5, 97.5])
def test_whichever_half_fills_leaves_the_leg_out(price: float) -> None:
    world = bought(BOTH, PAIRS)
    world.minute(3, a=price)
    assert (world.held, world.stops, world.noted) == (0, [], None)
    for minute in (4, 5):
        world.minute(minute, {LEG: BOTH}, a=100)
    assert len(world.orders()) == 2
    (out,) = world.polls.read("main").carried.protections
    assert out.reason.startswith("stop at 98.00 or profit at 105.00: ")
    world.minute(6, {LEG: Protected(0.0)})
    world.minute(7, {LEG: BOTH})
    world.minute(8)
    assert (len(world.stops), world.venue.clashes) == (1, [])


def test_the_profit_stays_where_it_is_when_the_trail_rises_below_it() -> None:
    world, known = bought(TRAIL, PAIRS), []
    for minute, price in enumerate((100, 104, 104, 104, 107, 107, 107), 3):
        world.minute(minute, a=price)
        known += levels(world)
    assert set(known) == {(D("97.00"), D("108.00")), (D("100.88"), D("108.00")), (D("103.79"), D("108.00"))}


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        (Protected(0.5, stop=0.02, take_profit=0.07), (D("98.00"), D("107.00"))),
        (Protected(0.5, stop=0.02), (D("98.00"), None)),
    ],
)
def test_another_profit_or_none_takes_the_place_of_the_pair(
    then: Protected, expected: tuple[Decimal, Decimal | None]
) -> None:
    world = bought(BOTH, PAIRS)
    for minute in (3, 4):
        world.minute(minute, {LEG: then})
    assert (levels(world), world.venue.clashes) == ([expected], [])


def test_a_profit_joins_a_stop_when_that_is_placed_anew() -> None:
    world = bought(Protected(0.5, stop=0.02), PAIRS)
    for minute in (3, 4):
        world.minute(minute, {LEG: BOTH})
    assert levels(world) == [(D("98.00"), None)]
    for minute in (5, 6, 7):
        world.minute(minute, {LEG: Protected(0.8, stop=0.02, take_profit=0.05)})
    assert levels(world) == [(D("98.00"), D("105.00"))]


def test_a_pair_that_the_venue_rejects_is_followed_by_the_stop_alone() -> None:
    world = RestingWorld(PAIRS)
    world.minute(1, {LEG: BOTH})
    world.venue.faults = ["rejected"]
    world.minute(2)
    assert world.stops == []
    for minute in range(3, 16):
        world.minute(minute)
        assert levels(world) == [(D("98.00"), None)]
    assert (len(world.orders()), world.legs()) == (3, ["UNPROTECTED", "OK"])


def test_risk_takes_the_profit_where_the_stop_rests_alone() -> None:
    world = RestingWorld(STOPS)
    world.minute(1, {LEG: BOTH})
    world.minute(2)
    assert levels(world) == [(D("98.00"), None)]
    world.minute(3, a=105.5)
    assert (world.held, world.stops, world.venue.clashes) == (0, [], [])


def test_a_profit_without_a_stop_is_left_to_risk() -> None:
    world = bought(Protected(0.5, take_profit=0.05), PAIRS)
    assert world.stops == []
    world.minute(3, a=105.5)
    assert world.held == 0


LIVES: dict[str, Life] = {
    "its profit fills": [(BOTH, 100), (None, 100), (None, 105.5), (BOTH, 100), (None, 100)],
    "its stop fills": [(BOTH, 100), (None, 100), (None, 97.9), (BOTH, 100), (None, 100)],
    "the strategy leaves": [(BOTH, 100), (None, 100), (Protected(0.0), 100), (BOTH, 101), (None, 100)],
    "the profit moves": [(BOTH, 100), (None, 100), (Protected(0.5, stop=0.02, take_profit=0.09), 100), (None, 100)],
    "it trails": [(TRAIL, 100), (None, 100), (None, 104), (None, 107), (None, 109)],
}


@pytest.mark.parametrize("life", LIVES)
def test_a_crash_at_any_call_leaves_a_position_without_a_pair_for_two_polls_at_most(life: str) -> None:
    def live(world: RestingWorld, nth: int) -> None:
        live_protected(world, LIVES[life], nth)
        assert all(each.order.profit_price for each in world.stops)

    end_at_each_call(lambda: RestingWorld(PAIRS), live)
