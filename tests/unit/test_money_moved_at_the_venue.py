"""Somebody deposits, withdraws and buys at the exchange beside the desk, in the middle of a day."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from fanfold.messages import OrderState
from fanfold.risk.exposure import Mark
from fanfold.risk.poll import PollState
from fanfold.risk.valuation import valuation
from support.core_desk import START, A, B
from support.real_world import RealWorld, order

D = Decimal


@pytest.fixture
def world() -> RealWorld:
    """An account that holds BTC and agrees with its exchange."""
    world = RealWorld()
    world.venue.fee_currency = "quote"
    world.sweep()
    world.account().place(world.approve(order("first")))
    minute(world)
    assert frozen(world) == set()
    return world


def minute(world: RealWorld) -> None:
    world.wait(60)
    world.sweep()


def frozen(world: RealWorld) -> set[str]:
    return set(world.ledger.real_money("main").frozen_instruments)


def equity(world: RealWorld) -> Decimal:
    """Return the equity that risk decides by, and that drawdown and the day's loss come from."""
    marks = {name: Mark(price=D(100), closes_at_s=START) for name in (A, B)}
    return valuation(replace(world.ledger.book_of("main", PollState()), marks=marks)).equity


@pytest.mark.parametrize("amount", [5_000, -5_000])
def test_money_that_is_moved_is_neither_profit_nor_loss_and_is_told_once(world: RealWorld, amount: int) -> None:
    before = equity(world)
    world.venue.holdings["USDT"] += amount
    minute(world)
    assert (equity(world), frozen(world)) == (before, {A, B})
    minute(world)
    assert world.events.count("a balance differs from the books") == 1
    world.account().accept()
    minute(world)
    assert (equity(world), frozen(world)) == (before, set())


def test_an_exit_goes_out_while_money_that_was_moved_is_not_accepted(world: RealWorld) -> None:
    world.venue.holdings["USDT"] -= 5_000
    minute(world)
    world.account().place(world.approve(order("exit", side="sell", reduce_only=True)))
    minute(world)
    assert world.states()["exit"] is OrderState.FILLED
    assert frozen(world) == {A, B}


def test_a_purchase_by_hand_is_told_and_not_traded(world: RealWorld) -> None:
    before, held = equity(world), world.ledger.held("main")
    world.venue.holdings["BTC"] += D("0.5")
    world.venue.holdings["USDT"] -= 50
    minute(world)
    assert world.events.count("a balance differs from the books") == 2
    assert (equity(world), world.ledger.held("main"), frozen(world)) == (before, held, {A, B})
    world.account().accept()
    minute(world)
    assert (equity(world), world.ledger.held("main"), frozen(world)) == (before, held, set())
    assert len(world.venue.requests) == 1
