"""A stop that rests at the venue: placed, moved, replaced by an exit, and never beside another."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fanfold.messages import OrderState, TradingState
from fanfold.strategy.contract import Protected
from support.resting_world import BOTH, LEG, PAIRS, STOPS, Life, RestingWorld, bought, end_at_each_call, live_protected

D = Decimal
STOP, TRAIL = Protected(0.5, stop=0.02), Protected(0.5, trail=0.03)


def test_a_stop_rests_at_the_venue_a_poll_after_its_position_was_opened() -> None:
    world = RestingWorld()
    world.minute(1, {LEG: STOP})
    assert (world.held > 0, world.stops) == (True, [])
    world.minute(2)
    (stop,) = world.stops
    order = stop.order
    assert (order.side, order.kind, order.quantity) == ("sell", "stop", world.held)
    assert (order.stop_price, order.limit_price) == (D("98.00"), D("96.04"))
    assert (order.reduce_only, order.reserved, order.time_in_force) == (True, 0, "gtc")
    for minute in (3, 4, 5):
        world.minute(minute, a=99)
    assert [each.order.order_id for each in world.stops] == [order.order_id]
    assert len(world.orders()) == 2


def test_a_stop_that_fills_at_the_venue_leaves_the_leg_out() -> None:
    world = bought(STOP)
    world.minute(3, a=97.9)
    assert (world.held, world.stops, world.noted) == (0, [], None)
    for minute in (4, 5):
        world.minute(minute, {LEG: STOP}, a=100)
    assert len(world.orders()) == 2
    world.minute(6, {LEG: Protected(0.0)})
    world.minute(7, {LEG: STOP})
    world.minute(8)
    assert (len(world.stops), world.venue.clashes) == (1, [])


def test_the_dust_that_a_stop_leaves_does_not_close_the_next_position() -> None:
    world = RestingWorld()
    world.venue.fee_currency = "base"
    world.minute(1, {LEG: STOP})
    world.venue.fee_currency = "quote"
    world.minute(2)
    world.minute(3, a=97.9)
    assert 0 < world.held < D("0.001")
    world.minute(4, {LEG: Protected(0.0)}, a=90)
    world.minute(5, {LEG: STOP}, a=90)
    world.minute(6, a=90)
    world.minute(7, a=90)
    assert (world.held > 20, [each.order.stop_price for each in world.stops]) == (True, [D("88.21")])


def test_what_a_stop_leaves_when_the_price_falls_through_its_limit_is_closed_by_risk() -> None:
    world = bought(STOP)
    (stop,) = world.stops
    world.minute(3, a=90)
    assert (world.held, world.stops) == (0, [])
    first, _, exit_ = world.orders()
    assert exit_.replaces.order_id == stop.order.order_id
    assert (first.quantity, exit_.time_in_force, world.venue.clashes) == (exit_.quantity, "ioc", [])


@pytest.mark.parametrize(("rests", "wanted", "price"), [(STOPS, STOP, 99), (PAIRS, BOTH, 104)])
def test_a_stop_or_profit_that_filled_in_part_has_closed_the_leg_and_the_rest_is_sold(
    rests: dict[str, frozenset[str]], wanted: Protected, price: float
) -> None:
    world = bought(wanted, rests)
    (stop,) = world.stops
    world.venue.fill(stop, D(10))
    left = world.held - 10
    world.minute(3, {LEG: wanted}, a=price)
    *_, exit_ = world.orders()
    assert (exit_.quantity, exit_.replaces.filled) == (left, 10)
    assert (world.held, world.stops, world.venue.clashes) == (0, [], [])
    world.minute(4, {LEG: wanted}, a=price)
    assert (len(world.orders()), world.noted) == (3, None)


@pytest.mark.parametrize(("rests", "wanted"), [(STOPS, STOP), (PAIRS, BOTH)])
def test_an_exit_of_the_strategy_takes_the_place_of_the_stop_and_its_profit(
    rests: dict[str, frozenset[str]], wanted: Protected
) -> None:
    world = bought(wanted, rests)
    world.minute(3, {LEG: Protected(0.0)})
    assert (world.held, world.stops, world.venue.clashes) == (0, [], [])
    _, stop, exit_ = world.ledger.orders.values()
    assert (stop.state, stop.reason) == (OrderState.CANCELED, f"order {exit_.order.order_id} is in its place")
    world.minute(4)
    assert len(world.orders()) == 3


def test_a_smaller_position_gets_another_stop() -> None:
    world = bought(STOP)
    world.minute(3, {LEG: Protected(0.25, stop=0.02)})
    assert (world.stops, world.held < 30) == ([], True)
    world.minute(4)
    assert [each.order.quantity for each in world.stops] == [world.held]
    assert world.venue.clashes == []


def test_a_larger_position_keeps_its_stop_until_the_larger_one_rests() -> None:
    world = bought(STOP)
    world.minute(3, {LEG: Protected(0.8, stop=0.02)})
    assert [each.order.quantity < world.held for each in world.stops] == [True]
    world.minute(4)
    world.minute(5)
    assert [each.order.quantity for each in world.stops] == [world.held]
    assert (world.venue.clashes, len(world.orders())) == ([], 4)


def test_a_trail_moves_its_stop_up_in_steps_and_never_down() -> None:
    world = bought(TRAIL)
    levels = []
    for minute, price in enumerate((100, 100.05, 104, 104, 104, 102, 102, 110, 110, 110, 107, 107), 3):
        world.minute(minute, a=price)
        levels += [each.order.stop_price for each in world.stops]
    assert levels == sorted(levels)  # type: ignore[type-var]
    assert (set(levels), world.venue.clashes) == ({D("97.00"), D("100.88"), D("106.70")}, [])


def test_a_strategy_that_wants_no_stop_any_more_gets_its_stop_canceled() -> None:
    world = bought(STOP)
    world.minute(3, {LEG: 0.5})
    assert world.noted is not None
    assert world.noted.withdrawn
    world.minute(4)
    assert (world.stops, world.noted, world.held > 0) == ([], None, True)


@pytest.mark.parametrize(("state", "rest"), [(TradingState.HALTED, 1), (TradingState.REDUCE_ONLY, 1)])
def test_a_stop_rests_under_a_halt(state: TradingState, rest: int) -> None:
    world = bought(STOP)
    world.halt(state)
    for minute in (3, 4):
        world.minute(minute)
    assert len(world.stops) == rest


def test_flattening_cancels_the_stop_and_closes_the_position() -> None:
    world = bought(STOP)
    world.minute(3)
    world.halt(TradingState.FLATTENING)
    for minute in (4, 5, 6):
        world.minute(minute)
    assert (world.stops, world.held, world.venue.clashes) == ([], 0, [])


def test_a_stop_that_somebody_cancels_at_the_venue_is_placed_again() -> None:
    world = bought(STOP)
    (stop,) = world.stops
    world.venue.cancel(stop.order, f"v{stop.number}")
    world.minute(3)
    assert [each.order.quantity for each in world.stops] == [world.held]
    assert stop not in world.stops


def rejected(wanted: Protected = STOP, times: int = 1) -> RestingWorld:
    """A world whose venue rejects the stop of the second minute, and so many in all."""
    world = RestingWorld()
    world.minute(1, {LEG: wanted})
    world.venue.faults = ["rejected"] * times
    world.minute(2)
    return world


def test_a_stop_that_the_venue_rejects_is_sent_again_after_ten_minutes() -> None:
    world = rejected()
    for minute in range(3, 12):
        world.minute(minute)
    assert (world.stops, world.legs()[-1]) == ([], "UNPROTECTED")
    for minute in (12, 13):
        world.minute(minute)
    assert (len(world.stops), world.legs()[-1]) == (1, "OK")


def test_a_stop_that_the_venue_always_rejects_is_sent_six_times_an_hour() -> None:
    world = rejected(times=100)
    for minute in range(3, 62):
        world.minute(minute)
    assert len([order for order in world.orders() if order.protects]) == 6


def test_another_level_than_the_rejected_one_is_sent_at_once() -> None:
    world = rejected(TRAIL)
    world.minute(3, a=102)
    assert [stop.order.stop_price for stop in world.stops] == [D("98.94")]


def test_a_position_whose_stop_was_rejected_is_closed_by_risk_and_its_next_one_gets_a_stop() -> None:
    world = rejected()
    for minute, price in ((3, 97), (4, 97)):
        world.minute(minute, a=price)
    assert (world.held, world.noted) == (0, None)
    world.minute(5, {LEG: Protected(0.0)}, a=97)
    world.minute(6, {LEG: STOP}, a=97)
    for minute in (7, 8):
        world.minute(minute, a=97)
    assert len(world.stops) == 1


@pytest.mark.parametrize("rests", [{}, {"main": frozenset[str]()}])
def test_no_stop_rests_where_the_venue_has_none(rests: dict[str, frozenset[str]]) -> None:
    world = RestingWorld(rests)
    for minute in (1, 2, 3):
        world.minute(minute, {LEG: STOP} if minute == 1 else None)
    assert (world.stops, len(world.orders())) == ([], 1)


def test_a_minute_that_has_its_orders_leaves_the_stop_to_the_next() -> None:
    world = RestingWorld(orders_per_minute_max=1)
    world.minute(1, {LEG: STOP, ("slow", "ETH/USDT"): 0.1})
    for minute in (2, 3, 4):
        world.minute(minute)
    assert len(world.stops) == 1


def test_a_position_too_small_for_a_stop_says_so_once_and_that_it_has_one_again() -> None:
    world = RestingWorld()
    world.minute(1, {LEG: STOP})
    few = world.desk.instruments[LEG[1]]
    world.venue.listed[LEG[1]] = msgspec.structs.replace(few, notional_min=D(2_380))
    for minute in (2, 3, 4):
        world.minute(minute)
    assert (world.stops, world.legs()[-1]) == ([], "UNPROTECTED")
    world.venue.listed[LEG[1]] = few
    for minute in (5, 6, 7):
        world.minute(minute)
    assert len(world.stops) == 1
    assert [code for code in world.legs() if code in ("UNPROTECTED", "OK")] == ["UNPROTECTED", "OK"]


def test_an_exit_whose_stop_does_not_end_waits_and_no_other_goes_out_beside_it() -> None:
    world = bought(STOP)
    world.venue.faults = ["lost before"]
    world.minute(3, {LEG: Protected(0.0)})
    assert (len(world.stops), len(world.live())) == (1, 2)
    world.minute(4)
    assert (world.stops, world.held, world.venue.clashes) == ([], 0, [])


def test_an_exit_overtaken_by_its_stop_is_blocked() -> None:
    world = bought(STOP)
    (stop,) = world.stops
    cancel = world.venue.cancel

    def faster(*arguments: Any, **named: Any) -> Any:
        world.venue.fill(stop, stop.order.quantity)
        return cancel(*arguments, **named)

    world.venue.cancel = faster
    world.minute(3, {LEG: Protected(0.0)})
    *_, exit_ = world.ledger.orders.values()
    assert (exit_.state, world.held) == (OrderState.BLOCKED, 0)
    assert "was faster" in exit_.reason


LIVES: dict[str, Life] = {
    "it fills at the venue": [(STOP, 100), (None, 100), (None, 97.9), (STOP, 100), (None, 100)],
    "it is fallen through": [(STOP, 100), (None, 100), (None, 90), (STOP, 91), (None, 91)],
    "the strategy leaves": [(STOP, 100), (None, 100), (Protected(0.0), 100), (STOP, 101), (None, 100)],
    "the position changes": [(STOP, 100), (None, 100), (Protected(0.2, stop=0.02), 100), (STOP, 100), (None, 100)],
    "it trails": [(TRAIL, 100), (None, 100), (None, 105), (None, 110), (None, 104)],
    "it is withdrawn": [(STOP, 100), (None, 100), (0.5, 100), (STOP, 100), (None, 100)],
}


@pytest.mark.parametrize("life", LIVES)
def test_a_crash_at_any_call_leaves_a_position_without_a_stop_for_two_polls_at_most(life: str) -> None:
    end_at_each_call(RestingWorld, lambda world, nth: live_protected(world, LIVES[life], nth))
