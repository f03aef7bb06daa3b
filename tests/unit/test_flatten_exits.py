"""FLATTEN's exits go out at market, and again at every poll until the account is flat."""

from decimal import Decimal

from core_desk import A, instance
from risk_world import World, built

from fanfold.messages import Halt, State


def test_an_exit_is_ordered_again_at_every_poll_however_long_flatten_takes() -> None:
    world = World(built())
    world.hold("slow", A, "10")
    world.halt(Halt.FLATTEN)
    for minute in range(1, 9):
        world.minute(minute)
        world.finish(State.EXPIRED, share="0.1")
    assert len(world.approved()) == 8
    assert world.refused() == []


def test_flatten_goes_out_at_market_where_the_strategy_orders_with_limits() -> None:
    world = World(built(strategies={"slow": instance("breakout", timeframe="1d", allocation="1", order="limit")}))
    world.hold("slow", A, "10")
    world.halt(Halt.FLATTEN)
    world.minute(1)
    (order,) = world.finish()
    assert (order.time_in_force, order.limit_price) == ("ioc", Decimal(98))
