"""A position is closed when its protection is reached, whatever its strategy says, and stays closed."""

from decimal import Decimal
from typing import Any

import pytest

from fanfold.messages import LegStatus, OrdersRefused, OrderState, TradingState
from fanfold.strategy.contract import Protected
from support.core_desk import A, B, instance
from support.risk_world import World, built

D = Decimal
SLOW_A, SLOW_B = ("slow", A), ("slow", B)
STOP, PROFIT, TRAIL = Protected(1.0, stop=0.02), Protected(1.0, take_profit=0.05), Protected(1.0, trail=0.03)


def bought(wanted: Protected, **prices: Any) -> World:
    """A world in which the first minute's target was filled at 100."""
    world = World(built(daily_loss_max="1", drawdown_max="1"))
    world.minute(1, {SLOW_A: wanted}, **prices)
    world.finish()
    return world


def sides(world: World) -> list[str]:
    return [side for side, _, _ in world.approved()]


@pytest.mark.parametrize(
    ("wanted", "keeps", "closes"),
    [
        (STOP, [99, 98.01, 120], 98),
        (PROFIT, [95, 104.99], 105),
        (TRAIL, [110, 106.71], 106.7),
        (TRAIL, [97.01], 97),
        (STOP._replace(weight=-1.0), [101.99], 102),
        (PROFIT._replace(weight=-1.0), [95.01], 95),
        (TRAIL._replace(weight=-1.0), [90, 92.69], 92.7),
        (Protected(1.0, stop=0.1, trail=0.05), [108, 102.61], 102.6),
    ],
)
def test_a_position_is_closed_at_the_first_bar_at_its_level_and_not_before(
    wanted: Protected, keeps: list[float], closes: float
) -> None:
    world = bought(wanted)
    for minute, price in enumerate(keeps, 2):
        world.minute(minute, a=price)
        assert len(world.approved()) == 1, price
    world.minute(2 + len(keeps), a=closes)
    (entered, _, quantity), (closed, _, whole) = world.approved()
    assert {entered, closed} == {"buy", "sell"}
    assert quantity == whole
    (order,) = world.finish()
    assert (order.reduce_only, order.time_in_force) == (True, "ioc")


def test_the_same_weight_again_is_no_new_signal_but_the_other_side_and_a_new_start_are() -> None:
    world = bought(STOP)
    world.minute(2, a=97)
    world.finish()
    world.minute(3, {SLOW_A: STOP}, a=99)
    world.minute(4, {SLOW_A: STOP._replace(weight=0.5)}, a=99)
    assert sides(world) == ["buy", "sell"]
    world.minute(5, {SLOW_A: Protected(0.0)}, a=99)
    world.minute(6, {SLOW_A: STOP}, a=99)
    assert sides(world) == ["buy", "sell", "buy"]
    world.finish()
    world.minute(7, a=90)
    world.finish()
    world.minute(8, {SLOW_A: STOP._replace(weight=-0.5)}, a=90)
    assert sides(world) == ["buy", "sell", "buy", "sell", "sell"]


def test_a_leg_that_was_stopped_out_says_so_once_and_that_it_trades_again() -> None:
    world = bought(STOP)
    for minute in (2, 3, 4):
        world.minute(minute, {SLOW_A: STOP}, a=97)
        world.finish()
    world.minute(5, {SLOW_A: 0.0}, a=97)
    assert world.legs() == [(*SLOW_A, "STOPPED_OUT"), (*SLOW_A, "OK")]
    first = world.messages_of(LegStatus)[0].statuses[0]
    assert first.detail == "stop: 97.00 is 2 % or more below the cost of 100.00"


def test_an_exit_that_does_not_fill_is_ordered_again_until_it_does() -> None:
    world = bought(STOP)
    world.minute(2, a=97)
    world.finish(OrderState.EXPIRED, share="0")
    world.minute(3, a=99)
    world.finish(OrderState.EXPIRED, share="0.5")
    world.minute(4, {SLOW_A: STOP}, a=99)
    world.finish()
    world.minute(5, a=99)
    assert sides(world) == ["buy", "sell", "sell", "sell"]
    assert len(world.ledger.orders) == 4


def test_the_dust_of_an_exit_is_sold_as_soon_as_it_is_worth_an_order_however_late() -> None:
    """An exit is no strategy's signal: it does not grow old."""
    world = bought(STOP)
    world.minute(2, a=97)
    world.finish(OrderState.EXPIRED, share="0.5")
    world.minute(3, a=97)
    world.finish(OrderState.EXPIRED, share="0.9984")
    for minute in range(4, 9):
        world.minute(minute, a=97)
    assert sides(world) == ["buy", "sell", "sell"]
    # Twice it was tried before; this is a try of its own.
    world.minute(9, a=130)
    assert [(side, quantity) for side, _, quantity in world.approved()][3:] == [("sell", D("0.04"))]
    assert world.messages_of(OrdersRefused) == []


def test_the_best_price_is_of_this_position_and_not_of_the_one_before() -> None:
    world = bought(TRAIL)
    world.minute(2, a=200)
    world.minute(3, {SLOW_A: 0.0}, a=199)
    world.finish()
    world.minute(4, {SLOW_A: TRAIL}, a=100)
    world.finish()
    world.minute(5, a=99)
    assert sides(world) == ["buy", "sell", "buy"]


def test_a_protection_is_that_of_the_newest_target() -> None:
    world = bought(STOP)
    world.minute(2, {SLOW_A: Protected(1.0, stop=0.5)}, a=100)
    world.minute(3, a=90)
    assert sides(world) == ["buy"]
    world.minute(4, {SLOW_A: 1.0}, a=90)
    world.minute(5, a=40)
    assert "sell" not in sides(world)


def test_a_process_that_starts_again_knows_the_protections() -> None:
    world = bought(TRAIL)
    world.minute(2, a=150)
    world.restart()
    world.minute(3, a=140)
    assert sides(world) == ["buy", "sell"]


def test_under_reduce_only_and_after_a_halt_a_protection_still_closes() -> None:
    world = bought(STOP)
    world.halt(TradingState.REDUCE_ONLY)
    world.minute(2, a=97)
    assert sides(world) == ["buy", "sell"]
    world.finish(OrderState.EXPIRED, share="0")
    world.halt(TradingState.HALTED)
    world.minute(3, a=97)
    assert sides(world) == ["buy", "sell"]
    world.halt(TradingState.ACTIVE)
    world.minute(4, a=99)
    assert sides(world) == ["buy", "sell", "sell"]


def test_all_legs_of_a_bundle_are_closed_with_the_first() -> None:
    world = World(built(strategies={"pair": instance("pairs", timeframe="1d", allocation="1", instruments=[A, B])}))
    world.minute(1, {("pair", A): Protected(0.5, stop=0.02), ("pair", B): Protected(-0.5, stop=0.02)}, bundle="b")
    world.finish()
    world.minute(2, a=97)
    assert sorted(world.approved()[2:]) == [("buy", B, world.approved()[1][2]), ("sell", A, world.approved()[0][2])]


def test_a_level_that_is_reached_by_a_missing_price_is_not_reached() -> None:
    world = bought(STOP)
    world.minute(2, a=0)
    assert sides(world) == ["buy"]


def test_an_exit_that_fills_in_part_is_ordered_again_while_its_strategy_speaks_at_each_bar() -> None:
    world = bought(STOP)
    for minute in range(2, 7):
        world.minute(minute, {SLOW_A: STOP}, a=97)
        world.finish(OrderState.EXPIRED, share="0.5")
    assert world.refused() == []
    assert sides(world) == ["buy", "sell", "sell", "sell", "sell", "sell"]
