"""A fee in a coin that the account also trades: the position in it pays, once, and books and venue agree."""

from decimal import Decimal
from random import Random

import pytest

from fanfold.accounting.fill_entries import entries_of
from fanfold.accounting.rates import Rates
from fanfold.accounting.tracker_files import koinly
from fanfold.ledger import positions
from fanfold.ledger.real_money import OwedFee
from fanfold.messages import ExecutionReport, Fill
from fanfold.money import CASH_STEP
from fanfold.performance.round_trips import round_trips
from fanfold.simulation.schedules.venue import PRICE
from support.core_desk import B
from support.crashes import Crash, Fuse
from support.real_world import RealWorld, lucky, order

D = Decimal
ETH_PRICE = D("50")


def world_of(*, beside: str = "0", fee: str = "ETH", seed: int | None = None) -> RealWorld:
    """An account that pays its fees in ETH, of which the venue has so much beside what is bought."""
    world = RealWorld(seed)
    world.venue.holdings["ETH"] = D(beside)
    world.venue.worths["ETH", "USDT"] = ETH_PRICE
    world.venue.fee_currency = fee
    world.sweep()
    return world


def trade(world: RealWorld, name: str, instrument: str = "BTC/USDT", **changes: str) -> None:
    world.account().place(world.approve(order(name, instrument, **changes)))
    world.wait(60)


def fills(world: RealWorld) -> list[Fill]:
    return [fill for report in world.reports() for fill in report.fills]


def held(world: RealWorld, instrument: str = B) -> dict[str, Decimal]:
    own = world.ledger.positions["main"]
    return {key[0]: own[key].position.quantity for key in own if key[1] == instrument}


def agrees(world: RealWorld, beside: str = "0") -> bool:
    return sum(held(world).values()) + D(beside) == world.venue.holdings["ETH"]


def equity_of(world: RealWorld) -> Decimal:
    """Return the account's equity at the venue's prices."""
    account = world.ledger.accounts["main"]
    own = world.ledger.positions["main"]
    marks = {"BTC/USDT": PRICE, B: ETH_PRICE}
    worth = sum((each.position.quantity * marks[key[1]] for key, each in own.items()), D(0))
    return account.cash + worth - sum((each.position.other_fees for each in own.values()), D(0))


def test_the_position_in_a_coin_pays_the_fees_of_other_orders_that_the_venue_took_of_it() -> None:
    world = world_of()
    world.venue.prices[B] = ETH_PRICE
    trade(world, "coin", B)
    before = equity_of(world)
    trade(world, "other")
    taken = world.venue.traded[-1][1].charges[0].amount
    world.sweep()
    assert held(world) == {"trend": world.venue.holdings["ETH"]}
    # Once, at the worth that the order was charged with.
    assert 0 <= before - equity_of(world) - taken * ETH_PRICE < CASH_STEP
    assert world.ledger.real_money("main").owed["ETH"] == OwedFee()
    assert not world.ledger.real_money("main").frozen
    assert world.sweep() == 0
    assert [fill.quantity for fill in fills(world)] == [2, 2, 0]


def test_the_whole_position_can_be_sold_after_it_has_paid_fees() -> None:
    world = world_of()
    trade(world, "coin", B)
    trade(world, "other")
    world.sweep()
    whole = held(world)["trend"]
    trade(world, "exit", B, side="sell", quantity=str(whole))
    assert world.venue.clashes == []
    assert held(world) == {"trend": -world.venue.traded[-1][1].charges[0].amount}


def test_what_the_venue_has_beside_the_positions_pays_first() -> None:
    world = world_of(beside="3")
    trade(world, "coin", B)
    trade(world, "other")
    world.sweep()
    assert sum(held(world).values()) == 2 - world.venue.traded[0][1].charges[0].amount
    assert world.ledger.real_money("main").owed["ETH"] == OwedFee()
    assert all(fill.quantity for fill in fills(world))


def test_an_account_that_holds_none_of_a_coin_owes_its_fees_to_no_position() -> None:
    world = world_of(beside="3")
    trade(world, "other")
    world.sweep()
    assert [fill.quantity for fill in fills(world)] == [2]
    assert world.ledger.real_money("main").owed["ETH"] == OwedFee()


def test_a_purchase_that_is_booked_after_the_fee_pays_it_then() -> None:
    world = world_of()
    world.venue.faults = ["slow"]
    trade(world, "coin", B)
    trade(world, "other")
    world.sweep()
    world.sweep()
    assert agrees(world)
    assert fills(world)[-1].quantity == 0


def test_of_several_strategies_the_one_that_holds_the_most_of_a_coin_pays_first() -> None:
    world = world_of()
    trade(world, "small", B, instance="pair", quantity="0.1")
    trade(world, "large", B)
    world.venue.prices["BTC/USDT"] = D(1_500_000)
    world.venue.fee_currency = "USDT"
    world.sweep()
    before = held(world)
    world.venue.prices["BTC/USDT"] = D(1000)
    world.venue.fee_currency = "ETH"
    trade(world, "other", quantity="2.05", reserved="205")
    world.sweep()
    assert agrees(world)
    after = held(world)
    assert after["trend"] == 0
    assert 0 < after["pair"] < before["pair"]


def test_a_fee_of_unknown_worth_is_borne_by_the_position_at_its_cost() -> None:
    world = world_of()
    world.venue.worths.clear()
    trade(world, "coin", B)
    trade(world, "other")
    before = world.ledger.positions["main"]["trend", B].position
    world.sweep()
    after = world.ledger.positions["main"]["trend", B].position
    paid = before.quantity - after.quantity
    assert agrees(world)
    assert (after.fees - before.fees, after.realised, after.other_fees) == (paid * PRICE, before.realised, 0)


def test_a_withdrawal_that_an_operator_accepts_is_no_fee() -> None:
    world = world_of()
    trade(world, "coin", B)
    trade(world, "other")
    world.sweep()
    world.venue.holdings["ETH"] -= 1
    world.sweep()
    assert world.ledger.real_money("main").frozen
    world.account().accept()
    before = held(world)
    trade(world, "quote", instance="pair")
    world.sweep()
    paid = world.venue.traded[-1][1].charges[0].amount
    assert held(world)["trend"] == before["trend"] - paid


@pytest.mark.parametrize("after", [False, True])
def test_fees_are_paid_once_wherever_a_process_ends(after: bool) -> None:
    for nth in range(1, 40):
        world = world_of()
        trade(world, "coin", B)
        trade(world, "other")
        try:
            world.sweep(Fuse(nth, after=after))
        except Crash:
            world.wait(60)
        else:
            break
        world.sweep()
        world.ledger.sweep()
        assert agrees(world)
    else:
        raise AssertionError("no sweep ended")


@pytest.mark.parametrize("seed", range(60))
def test_the_books_come_to_what_the_venue_has_under_any_faults(seed: int) -> None:
    world, dice = world_of(seed=seed), Random(seed)
    beside = D(dice.choice(["0", "0", "0.001", "0.5"]))
    world.venue.holdings["ETH"] += beside
    for number in range(8):
        world.venue.fee_currency = dice.choice(["ETH", "base", "quote"])
        instrument, side = dice.choice([(B, "buy"), ("BTC/USDT", "buy"), ("BTC/USDT", "sell")])
        if world.venue.fee_currency == "ETH" and world.venue.holdings["ETH"] < 1:
            world.venue.fee_currency = "quote"
        instance = dice.choice(["trend", "pair"])
        approval = world.approve(
            order(f"o{number}", instrument, side=side, instance=instance, quantity=dice.choice(["1", "2"]))
        )
        lucky(lambda approval=approval: world.account().place(approval))
        world.wait(60)
        lucky(world.sweep)
    world.heal()
    real, own = world.ledger.real_money("main"), held(world)
    assert sum(own.values()) <= world.venue.holdings["ETH"]
    assert real.owed.get("ETH", OwedFee()).amount == 0
    for (instance, instrument), stored in world.ledger.positions["main"].items():
        folded = positions.fold(
            fill for fill in _booked(world) if (fill.instance, fill.instrument) == (instance, instrument)
        )
        assert stored.position.totals == folded.totals
        assert (stored.position.fees, stored.position.realised) == (folded.fees, folded.realised)
    assert world.ledger.accounts["main"].cash == 10_000 + sum(map(positions.cash_flow, _booked(world)), D(0))


def _booked(world: RealWorld) -> list[Fill]:
    reports = {message.id: message for message in world.bus.messages if isinstance(message, ExecutionReport)}
    return [fill for report in sorted(reports.values(), key=lambda each: each.version) for fill in report.fills]


def test_what_a_position_pays_is_no_trade_of_reports_and_tax_books() -> None:
    world = world_of()
    trade(world, "coin", B)
    trade(world, "other")
    world.sweep()
    coin, other, paid = fills(world)
    assert (paid.order_id, paid.fee_base, positions.fee_of(paid)) == ("", other.charges[0].amount, 0)
    assert entries_of(paid, Rates("USDT")) == []
    assert [entry.coin for entry in entries_of(other, Rates("USDT"))] == ["BTC", "ETH"]
    assert round_trips([coin, other, paid]) == []
    assert len(list(koinly([coin, other, paid]))) == len(list(koinly([coin, other])))
