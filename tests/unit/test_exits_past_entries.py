"""Exits at a real venue go out whatever an entry of their leg does, and together never sell more than is held."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from execution_service import approved
from fanfold.codes import Code
from fanfold.messages import OrdersApproved, OrderState, TradingState
from fanfold.risk.decision import decide
from fanfold.risk.exposure import Exposure
from fanfold.risk.policy import prepare
from fanfold.simulation.schedules.venue import TERMS
from fanfold.strategy.contract import Protected
from fanfold.trading.answers import VenueOrderState
from support import risk_world
from support.core_desk import instance
from support.execution_world import AT as START
from support.execution_world import World, order
from support.resting_world import LEG, RestingWorld
from support.risk_desk import AT, BTC, NOW, book, desk, target

D = Decimal
LIMIT = {"order": "limit", "order_ttl_s": 86_400}


def doubtful(wanted: Protected | float) -> RestingWorld:
    """A leg that is held, with a purchase whose end nobody learns: its venue takes late requests, and has none."""
    world = RestingWorld({})
    world.venue.terms = replace(TERMS, fence="", cancels_all_after=False)
    world.minute(1, {LEG: wanted})
    world.minute(2)
    world.venue.faults = ["lost before"]
    return world


def lost(wanted: Protected | float) -> RestingWorld:
    """A leg that is held, with a purchase that rests; its venue no longer knows the order."""
    world = RestingWorld({}, LIMIT)
    world.minute(1, {LEG: wanted})
    world.minute(2)
    world.venue.faults = ["rests"]
    return world


def ask_for_more(world: RestingWorld, wanted: Protected | float) -> None:
    world.minute(3, {LEG: wanted})
    for placed in [placed for placed in world.venue.orders if placed.state is VenueOrderState.OPEN]:
        world.venue.orders.remove(placed)
    for minute in (4, 5):
        world.minute(minute)


def by_its_strategy(world: RestingWorld) -> None:
    world.minute(6, {LEG: 0.0})


def under_reduce_only(world: RestingWorld) -> None:
    world.halt(TradingState.REDUCE_ONLY)
    world.minute(6, {LEG: 0.0})


def by_flattening(world: RestingWorld) -> None:
    world.halt(TradingState.FLATTENING)
    world.minute(6)


def by_a_stop_that_risk_keeps(world: RestingWorld) -> None:
    world.minute(6, a=97)


@pytest.mark.parametrize("entry", [doubtful, lost])
@pytest.mark.parametrize("leave", [by_its_strategy, under_reduce_only, by_flattening, by_a_stop_that_risk_keeps])
def test_an_exit_waits_for_no_entry(
    entry: Callable[[Protected | float], RestingWorld], leave: Callable[[RestingWorld], None]
) -> None:
    world = entry(Protected(0.3, stop=0.02))
    ask_for_more(world, Protected(0.6, stop=0.02))
    held, unknown = world.held, [record.order.side for record in world.live()]
    assert (held > 10, unknown) == (True, ["buy"])
    leave(world)
    assert (world.held, [record.order.side for record in world.live()], world.venue.clashes) == (0, ["buy"], [])


def test_an_exit_takes_back_the_entry_that_it_goes_out_past() -> None:
    world = lost(0.3)
    world.minute(3, {LEG: 0.6})
    assert [record.order.side for record in world.live()] == ["buy"]
    world.minute(4, {LEG: 0.0})
    assert (world.held, world.live(), world.venue.clashes) == (0, [], [])
    (entry,) = [record for record in world.ledger.orders.values() if "took the entry back" in record.reason]
    assert entry.state is OrderState.CANCELED


def test_a_target_to_hold_what_is_held_takes_back_the_entry() -> None:
    world = lost(0.3)
    world.minute(3, {LEG: 0.6})
    held = world.held
    world.minute(4, {LEG: 0.3})
    world.minute(5)
    assert (world.held, world.live()) == (held, [])


def test_an_entry_that_is_wanted_in_part_stays() -> None:
    world = lost(0.3)
    world.minute(3, {LEG: 0.6})
    (entry,) = world.live()
    for minute in (4, 5):
        world.minute(minute, {LEG: 0.5})
        assert [record.order.order_id for record in world.live()] == [entry.order.order_id]


LIVE = prepare(replace(desk(), accounts={n: replace(a, mode="live") for n, a in desk().accounts.items()}))
PAPER = prepare(desk())
lots = st.integers(0, 60).map(lambda count: D(count) / 10)


@given(held=lots, buying=lots, share=st.floats(0, 1), weight=st.floats(0, 1), state=st.sampled_from(TradingState))
def test_all_sales_of_a_leg_together_are_for_no_more_than_it_holds(
    held: Decimal, buying: Decimal, share: float, weight: float, state: TradingState
) -> None:
    selling = D(int(held * 10 * D(share))) / 10
    leg = Exposure(quantity=held, cost=held * 100).ordered(buying).ordered(-selling)
    assert (leg.buying, leg.selling, leg.lowest, leg.highest) == (buying, selling, held - selling, held + buying)
    decision = decide(
        [target(weight, instance="s")], book("spot", held={("s", BTC): leg}, trading_state=state), LIVE, at=AT, now=NOW
    )
    sales = [order for order in decision.approved if order.side == "sell"]
    assert sum((order.quantity for order in sales), selling) <= held
    exits = weight == 0 and state in (TradingState.ACTIVE, TradingState.REDUCE_ONLY, TradingState.FLATTENING)
    assert not exits or sum((order.quantity for order in sales), selling) == held


def test_on_paper_an_exit_waits_until_the_entry_has_ended() -> None:
    leg = Exposure(quantity=D(1), cost=D(100), open=D(1))
    for plan, codes in ((PAPER, [Code.OPPOSING_ORDER]), (LIVE, [])):
        decision = decide([target(0.0, instance="s")], book("spot", held={("s", BTC): leg}), plan, at=AT, now=NOW)
        assert [refusal.code for refusal in decision.refused] == codes


def test_on_paper_an_entry_that_filled_in_part_is_taken_back_for_the_exit() -> None:
    slow = instance("breakout", timeframe="1d", allocation="1", **LIMIT)
    world = risk_world.World(risk_world.built("spot", {"slow": slow}))
    world.minute(1, {LEG: 0.5})
    (entry,) = world.finish(OrderState.PARTIAL, share="0.5")
    world.minute(2, {LEG: 0.0})
    assert world.refused() == [(Code.OPPOSING_ORDER, LEG[1])]
    assert world.messages_of(OrdersApproved)[-1].withdrawn == [entry.order_id]


def test_an_entry_that_is_taken_back_is_cancelled_once_and_an_exit_never() -> None:
    world, rests = World(), {"kind": "limit", "limit_price": "90"}
    entry, exit_ = order("entry", **rests), order("exit", side="sell", reduce_only=True, **rests)
    world.place(world.approve(entry, exit_))
    back = OrdersApproved(id="back", cause="t", at=START, account="main", orders=[], withdrawn=["entry", "exit"])
    for _ in range(2):
        approved.withdraw(world.ledger, back, world.matcher().cancel)
    assert world.states() == {"entry": OrderState.CANCELED, "exit": OrderState.OPEN}
    assert world.ledger.accounts["main"].reserved == 0
