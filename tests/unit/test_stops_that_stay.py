"""Resting stops that nothing can take the place of, and entries that are left when a stop has closed their leg."""

from decimal import Decimal

from fanfold.messages import OrderState, TradingState
from fanfold.strategy.contract import Protected
from support.core_desk import A
from support.resting_world import LEG, RestingWorld

D = Decimal
STOP, TRAIL = Protected(0.5, stop=0.02), Protected(0.5, trail=0.03)


def test_under_a_halt_a_stop_rests_though_its_trail_has_risen_and_moves_after_it() -> None:
    world = RestingWorld()
    world.minute(1, {LEG: TRAIL})
    world.minute(2)
    world.halt(TradingState.HALTED)
    for minute in (3, 4, 5):
        world.minute(minute, a=104)
        assert [stop.order.stop_price for stop in world.stops] == [D("97.00")]
    world.halt(TradingState.ACTIVE)
    for minute in (6, 7):
        world.minute(minute, a=104)
    assert [stop.order.stop_price for stop in world.stops] == [D("100.88")]


def test_a_stop_that_has_closed_a_leg_between_slices_ends_those_that_wait() -> None:
    world = RestingWorld(strategy={"slices": 5, "slices_over_s": 1800})
    world.minute(1, {LEG: STOP})
    world.minute(2)
    world.venue.price(A, D("97.5"))
    for minute in range(3, 12):
        world.minute(minute, a=97.5)
    slices = [record.state for record in world.ledger.orders.values() if record.order.side == "buy"]
    assert slices == [OrderState.FILLED] + 4 * [OrderState.STALE]
    assert (world.held, world.live(), world.ledger.accounts["main"].reserved) == (0, [], 0)
