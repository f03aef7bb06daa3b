"""A strategy leaves the desk file while it holds a position: that is told, its stop closes it, nothing else does."""

from decimal import Decimal
from typing import Any

import pytest

from fanfold.strategy.contract import Protected
from support.core_desk import A, B, instance
from support.risk_world import D, Wanted, World, built

SLOW = {"slow": instance("breakout", timeframe="1d", allocation="0.5")}
LEFT: dict[str, dict[str, Any]] = {
    "removed": {"other": instance("breakout", timeframe="1d", allocation="0.5")},
    "renamed": {"swift": instance("breakout", timeframe="1d", allocation="0.5")},
    "without the instrument": {"slow": instance("breakout", timeframe="1d", allocation="0.5", instruments=[B])},
}


def left(strategies: dict[str, Any], wanted: Wanted) -> World:
    """A world whose strategy holds ten of A, after a deploy without it."""
    world = World(built(strategies=SLOW))
    world.minute(1, wanted)
    world.finish()
    deploy(world, strategies)
    return world


def deploy(world: World, strategies: dict[str, Any]) -> None:
    world.desk = built(strategies=strategies)
    world.restart()


def held(world: World) -> Decimal:
    return world.ledger.positions["main"]["slow", A].position.quantity


@pytest.mark.parametrize("strategies", LEFT.values(), ids=LEFT)
def test_a_position_that_no_strategy_trades_is_told_once_until_it_is_closed(strategies: dict[str, Any]) -> None:
    world = left(strategies, {("slow", A): 1.0})
    before = held(world)
    for minute in (2, 3, 4):
        world.minute(minute, a=90)
    assert world.legs() == [("slow", A, "ORPHANED")]
    assert held(world) == before > 0
    deploy(world, SLOW)
    world.minute(5, {("slow", A): 0.0})
    world.finish()
    world.minute(6)
    assert world.legs()[1:] == [("slow", A, "OK")]
    assert held(world) == 0


@pytest.mark.parametrize("strategies", LEFT.values(), ids=LEFT)
def test_the_stop_of_a_position_closes_it_when_its_strategy_is_gone(strategies: dict[str, Any]) -> None:
    world = left(strategies, {("slow", A): Protected(1.0, stop=0.02)})
    quantity = held(world)
    world.minute(2)
    world.minute(3, a=97)
    world.finish()
    assert world.approved()[1:] == [("sell", A, quantity)]
    assert held(world) == 0


def test_what_is_gone_from_the_desk_file_can_be_closed_and_not_be_enlarged() -> None:
    world = left(LEFT["removed"], {("slow", A): 1.0})
    quantity = held(world)
    world.minute(2, {("slow", A): 0.5})
    world.minute(3, {("slow", A): -1.0})
    assert set(world.refused()) == {("UNKNOWN_INSTANCE", A)}
    world.minute(4, {("slow", A): 0.0})
    assert world.approved()[1:] == [("sell", A, quantity)]


def test_an_exit_of_what_is_unknown_and_not_held_is_refused() -> None:
    world = World(built(strategies=SLOW))
    world.hold("renamed", A, "10")
    world.minute(1)
    world.minute(2, {("unheard", A): 0.0, ("slow", "GONE/USDT"): 0.0})
    assert sorted(world.refused()) == [("UNKNOWN_INSTANCE", A), ("UNKNOWN_INSTRUMENT", "GONE/USDT")]
    assert world.legs() == [("renamed", A, "ORPHANED")]
    assert D(10) == world.ledger.positions["main"]["renamed", A].position.quantity
