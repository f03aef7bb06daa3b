"""Starts after anything that may have happened while nobody looked: the second reconciliation finds nothing to do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from fanfold.errors import BadInput, VenueUnavailable
from fanfold.messages import OrderState, TradingState
from fanfold.simulation.schedules.at_venue import AtVenue
from fanfold.trading.answers import VenueOrderState
from fanfold.trading.venue import OrderRequest
from support.core_desk import A, B
from support.real_world import D, RealWorld, laws, order

FROZEN_FUNDS = "the venue has +1 BTC beside what is booked"


def resting() -> tuple[RealWorld, AtVenue]:
    """A world that was reconciled, with one order open at the venue; then its processes are gone for a while."""
    world = RealWorld()
    world.sweep()
    world.venue.faults = ["rests"]
    world.account().place(world.approve(order("a", expires_at=world.now + timedelta(hours=9))))
    (mine,) = world.venue.orders
    return world, mine


def stranger(world: RealWorld, client: str, instrument: str = B) -> AtVenue:
    """An order that somebody placed by hand."""
    own = order(client, instrument, client_order_id=client)
    request = OrderRequest(order=own, claimed_at=world.now, deadline=world.now + timedelta(seconds=5))
    placed = world.venue._accept(request, "rests")
    assert isinstance(placed, AtVenue)
    return placed


@contextmanager
def counted(world: RealWorld, name: str) -> Iterator[list[str]]:
    """Note each call of what the venue is asked for by a name."""
    ask, calls = getattr(world.venue, name), list[str]()

    def noted() -> Any:
        calls.append(name)
        return ask()

    setattr(world.venue, name, noted)
    yield calls
    delattr(world.venue, name)


def returns(world: RealWorld) -> list[str]:
    """Start again: reconcile twice, the second time without anything to do; return what the first found."""
    world.wait(600)
    findings = world.account().reconcile()
    assert world.account().reconcile() == []
    return findings


def test_a_restart_keeps_an_order_that_is_still_open() -> None:
    world, _ = resting()
    assert returns(world) == []
    assert world.states() == {"a": OrderState.OPEN}


def test_a_restart_books_a_partial_fill() -> None:
    world, mine = resting()
    world.venue.fill(mine, D(1))
    returns(world)
    assert (world.states(), world.record("a").filled) == ({"a": OrderState.PARTIAL}, D(1))


def test_a_restart_ends_an_order_that_was_canceled_at_the_venue() -> None:
    world, mine = resting()
    mine.state = VenueOrderState.CANCELED
    returns(world)
    assert (world.states(), world.record("a").reason) == ({"a": OrderState.CANCELED}, "it is CANCELED at its venue")
    assert laws(world) == []


def test_a_restart_books_an_order_that_filled_meanwhile() -> None:
    world, mine = resting()
    world.venue.fill(mine, D(2))
    world.wait(86_400)
    returns(world)
    assert world.states() == {"a": OrderState.FILLED}
    assert laws(world) == []


def test_a_restart_finds_an_accepted_order_of_unknown_outcome() -> None:
    world = RealWorld()
    world.sweep()
    world.venue.faults = ["lost after"]
    world.account().place(world.approve(order("a")))
    world.wait(600)
    world.sweep()
    returns(world)
    assert world.states() == {"a": OrderState.FILLED}
    assert laws(world) == []


def test_a_restart_handles_an_order_whose_instrument_left_the_desk_file() -> None:
    world, mine = resting()
    world.venue.fill(mine, D(2))
    venue = msgspec.structs.replace(world.desk.venues["v"], symbols=[B])
    world.desk = msgspec.structs.replace(world.desk, venues={"v": venue}, instruments={B: world.desk.instruments[B]})
    returns(world)
    assert world.states() == {"a": OrderState.FILLED}
    assert world.ledger.real_money("main").flows["BTC"] == D("1.998")


def test_a_restart_ends_an_order_of_a_delisted_instrument() -> None:
    world, mine = resting()
    mine.state = VenueOrderState.EXPIRED
    returns(world)
    assert world.states() == {"a": OrderState.EXPIRED}


def test_trades_that_the_venue_tells_only_a_part_of_freeze_their_instruments_alone() -> None:
    world, mine = resting()
    world.venue.fill(mine, D(1))
    world.venue.fill(mine, D(1))
    missing = world.venue.traded.pop()
    returns(world)
    assert (world.record("a").filled, world.states()) == (D(1), {"a": OrderState.PARTIAL})
    frozen = world.ledger.real_money("main").frozen
    assert (A, "balance BTC") in frozen
    assert (B, "balance BTC") not in frozen
    world.venue.traded.append(missing)
    returns(world)
    assert (world.states(), world.ledger.real_money("main").frozen) == ({"a": OrderState.FILLED}, {})


def test_a_foreign_open_order_is_reported_once_and_left_alone() -> None:
    world, _ = resting()
    other = stranger(world, "by-hand")
    assert [text for text in returns(world) if "none of ours" in text] == [f"order {B} v1 is none of ours"]
    world.sweep()
    assert world.events.count("EXTERNAL: the venue has what no order of this desk made") == 1
    assert other.state is VenueOrderState.OPEN


def test_a_foreign_trade_is_reported_once_and_freezes_its_instrument() -> None:
    world, mine = resting()
    world.venue.fill(mine, D(2))
    returns(world)
    world.venue.fill(stranger(world, "by-hand", A), D(1))
    returns(world)
    assert (
        world.events.count("EXTERNAL: the venue has what no order of this desk made") == 2
    )  # The order, and its trade.
    assert {source for _, source in world.ledger.real_money("main").frozen} == {"balance BTC", "balance USDT"}
    assert world.record("a").filled == D(2)


def test_a_deposit_freezes_its_currency_until_an_operator_accepts_it() -> None:
    world, _ = resting()
    world.venue.holdings["BTC"] += 1
    assert returns(world) == [FROZEN_FUNDS]
    assert world.ledger.real_money("main").frozen == {(A, "balance BTC"): FROZEN_FUNDS}
    world.account().accept()
    assert world.ledger.real_money("main").frozen == {}
    assert returns(world) == []


def test_what_an_order_of_unknown_outcome_may_have_moved_is_not_accepted() -> None:
    world = RealWorld()
    world.venue.fee_currency = "quote"
    world.sweep()
    world.venue.holdings["ETH"] += 1
    world.venue.named, world.venue.faults = False, ["lost after"]
    world.account().place(world.approve(order("a")))
    why = "is not accepted: the outcome of order a is not known"
    assert world.account().accept() == [f"BTC {why}", f"USDT {why}"]
    assert world.ledger.real_money("main").baseline["ETH"] == D(6)
    world.heal(4)
    assert (world.states(), world.ledger.real_money("main").frozen) == ({"a": OrderState.FILLED}, {})


def test_nothing_is_accepted_while_an_order_trades() -> None:
    world, mine = resting()
    balances = world.venue.balances

    def read_then_trade() -> Any:
        held = balances()
        world.venue.fill(mine, D(1))
        return held

    world.venue.balances = read_then_trade
    with pytest.raises(BadInput, match="nothing is accepted: try again"):
        world.account().accept()
    world.venue.balances = balances
    assert world.account().accept() == []
    assert returns(world) == []


@pytest.mark.parametrize("refuse", ["trades", "open_orders", "balances"])
def test_a_venue_that_does_not_answer_changes_nothing(refuse: str) -> None:
    world, mine = resting()
    mine.state = VenueOrderState.CANCELED
    answers: Callable[..., object] = getattr(world.venue, refuse)

    def silent(*_given: object) -> object:
        raise VenueUnavailable("box: maintenance")

    setattr(world.venue, refuse, silent)
    world.wait(600)
    assert world.account().reconcile() == []
    assert world.ledger.real_money("main").frozen == {}
    setattr(world.venue, refuse, answers)
    returns(world)
    assert world.states() == {"a": OrderState.CANCELED}


def test_fees_in_a_third_currency_are_flows_of_it() -> None:
    world = RealWorld()
    world.venue.fee_currency = "BNB"
    world.sweep()
    world.account().place(world.approve(order("a")))
    returns(world)
    assert world.ledger.real_money("main").flows == {"BTC": D(2), "USDT": D(-200), "BNB": D("-0.2")}
    assert world.ledger.real_money("main").frozen == {}
    assert laws(world) == []


def test_a_plan_says_what_a_reconciliation_would_do_and_does_nothing() -> None:
    world, mine = resting()
    world.venue.fill(mine, D(1))
    stranger(world, "by-hand")
    world.halt(TradingState.HALTED)
    before = world.ledger.real_money("main"), world.states(), len(world.bus.messages)
    planned = world.account().plan()
    assert (world.ledger.real_money("main"), world.states(), len(world.bus.messages)) == before
    assert mine.state is VenueOrderState.OPEN
    assert planned == world.account().plan()
    text = "\n".join(planned)
    for part in ("order a: 0 of 2 is booked", "order a is canceled at the venue", f"NoteExternal: order {B} v1"):
        assert part in text
    returns(world)
    assert world.account().plan() == []


def test_a_cold_process_reconciles_before_the_first_poll_that_it_follows_and_not_before_the_next() -> None:
    world, mine = resting()
    world.sweep()
    world.venue.fill(mine, D(2))
    world.venue.fill(stranger(world, "by-hand", B), D(1))
    world.wait(60)
    cold, before = world.account(), len(world.reports())
    with counted(world, "balances") as reads:
        cold.polled(world.bars())
        first, *_, last = world.reports()[before:]
        assert ([fill.quantity for fill in first.fills], first.matched, last.matched) == ([D(2)], False, True)
        # By these books risk decides: a stranger moved ETH, and no entry of it goes out.
        assert {instrument for instrument, _ in world.ledger.real_money("main").frozen} >= {B}
        world.wait(60)
        cold.polled(world.bars())
    assert len(reads) == 1


def test_a_cold_process_that_gets_no_answer_reconciles_before_the_next_poll() -> None:
    world, mine = resting()
    world.sweep()
    world.venue.fill(mine, D(2))
    world.wait(60)
    cold, world.venue.silent = world.account(), True
    cold.polled(world.bars())
    assert world.reports()[-1].matched
    assert world.record("a").filled == 0
    world.venue.silent = False
    world.wait(60)
    with counted(world, "balances") as reads:
        cold.polled(world.bars())
    assert (len(reads), world.record("a").state) == (1, OrderState.FILLED)
