"""FLATTENING's exits go out at market, and again at every poll until the account is flat."""

from decimal import Decimal

from fanfold.messages import LegStatus, OrderState, TradingState
from support.core_desk import A, B, instance
from support.risk_world import World, built


def test_an_exit_is_ordered_again_at_every_poll_however_long_flatten_takes() -> None:
    world = World(built())
    world.hold("slow", A, "10")
    world.halt(TradingState.FLATTENING)
    for minute in range(1, 9):
        world.minute(minute)
        world.finish(OrderState.EXPIRED, share="0.1")
    assert len(world.approved()) == 8
    assert world.refused() == []


def test_flatten_goes_out_at_market_where_the_strategy_orders_with_limits() -> None:
    world = World(built(strategies={"slow": instance("breakout", timeframe="1d", allocation="1", order="limit")}))
    world.hold("slow", A, "10")
    world.halt(TradingState.FLATTENING)
    world.minute(1)
    (order,) = world.finish()
    assert (order.time_in_force, order.limit_price) == ("ioc", Decimal(98))


def test_a_position_of_which_no_bar_was_ever_seen_is_closed_within_the_band_of_its_average_cost() -> None:
    world = World(built())
    world.hold("slow", B, "3", "33.333333333333333")
    world.halt(TradingState.FLATTENING)
    world.minute(1, b=0)
    (order,) = world.finish(OrderState.EXPIRED, share="0")
    assert (order.side, order.quantity, order.time_in_force, order.reduce_only) == ("sell", 3, "ioc", True)
    assert (order.limit_price, order.reference_price) == (Decimal("32.67"), Decimal("33.3333333333"))
    (message,) = world.messages_of(LegStatus)
    assert [(status.instrument, status.code) for status in message.statuses] == [(B, "NO_PRICE")]
    assert "within the band of 33.3333333333, its average cost" in message.statuses[0].detail
    # What it is worth is not known by that: day and peak wait for a bar.
    assert world.gathering.read("main").carried.last_equity is None
    world.minute(2, b=50)
    (order,) = world.finish()
    assert (order.reference_price, order.quantity) == (50, 3)
    world.minute(3, b=50)
    assert world.legs()[1:] == [("slow", B, "OK"), ("", "", "FLAT")]


def test_outside_flatten_a_position_without_a_price_is_not_ordered() -> None:
    world = World(built())
    world.hold("slow", B, "3")
    world.halt(TradingState.REDUCE_ONLY)
    world.minute(1, {("slow", B): 0.0}, b=0)
    assert world.approved() == []
    assert world.legs() == [("slow", B, "NO_PRICE")]
