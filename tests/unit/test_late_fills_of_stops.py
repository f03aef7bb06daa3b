"""A fill of a stop that is told after another stop took its place is booked, and the one that rests stays noted."""

from decimal import Decimal

import pytest

from fanfold.strategy.contract import Protected
from fanfold.trading.answers import VenueOrderState
from support.resting_world import LEG, bought

D = Decimal


@pytest.mark.parametrize("share", [D("0.5"), D(1)])
def test_a_late_fill_of_an_earlier_stop_does_not_hide_the_stop_that_rests(share: Decimal) -> None:
    world = bought(Protected(0.5, trail=0.02))
    (first,) = world.stops
    for minute in (3, 4, 5):
        world.minute(minute, a=110)
    (second,) = world.stops
    assert first is not second
    held = world.held
    # The cancel met it on its way.
    world.venue.fill(first, first.order.quantity * share)
    first.state = VenueOrderState.CANCELED
    for minute in (6, 7, 8):
        world.minute(minute, a=110)
    assert world.held == held - first.order.quantity * share
    assert second.state is VenueOrderState.CANCELED
    rests = [stop.order.quantity for stop in world.stops]
    assert rests == ([] if share == 1 else [world.held.quantize(D("0.001"), "ROUND_DOWN")])
    assert len(world.venue.clashes) <= 1
    assert [record.order.order_id for record in world.live()] == [stop.order.order_id for stop in world.stops]


def test_a_leg_that_is_bought_again_has_one_stop() -> None:
    world = bought(Protected(0.5, trail=0.02))
    (first,) = world.stops
    for minute in (3, 4, 5):
        world.minute(minute, a=110)
    world.venue.fill(first, first.order.quantity / 2)
    first.state = VenueOrderState.CANCELED
    world.minute(6, {LEG: 0.0}, a=110)
    world.minute(7, {LEG: Protected(0.5, trail=0.02)}, a=110)
    world.minute(8, a=110)
    (stop,) = world.stops
    assert world.noted is not None
    assert (world.noted.order_id, world.noted.ended) == (stop.order.order_id, False)
