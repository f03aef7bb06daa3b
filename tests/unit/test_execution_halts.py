"""The trading state governs what rests: it is canceled before a price is looked at, and told with its reason."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from fanfold.ledger.trading_state import OrderPermissions
from fanfold.messages import OrdersApproved, OrderState, OrderUpdate, TradingState
from support.core_desk import A, B
from support.crashes import until_it_lives
from support.execution_world import AT, World, halted, minute, order

# A limit that the bars of a minute reach.
RESTING: dict[str, Any] = {"kind": "limit", "limit_price": "99.5"}
EXIT: dict[str, Any] = {"kind": "limit", "limit_price": "100.5", "reduce_only": True}


def resting() -> World:
    """An entry and an exit that rest, and would fill in the next bar."""
    world = World()
    world.place(world.approve(order("entry", A, "buy", **RESTING), order("exit", B, "sell", **EXIT)))
    return world


def updates(world: World) -> list[OrderUpdate]:
    return [update for each in world.reports() for update in each.updates if update.state is not OrderState.OPEN]


@pytest.mark.parametrize(
    ("state", "exit_"),
    [
        (TradingState.HALTED, OrderState.FILLED),
        (TradingState.REDUCE_ONLY, OrderState.FILLED),
        (TradingState.FLATTENING, OrderState.CANCELED),
    ],
)
def test_a_settlement_cancels_first_what_may_not_rest(state: TradingState, exit_: OrderState) -> None:
    world = resting()
    world.ledger.halt(halted(state, AT + timedelta(seconds=1)))
    world.match(minute(1))
    assert world.states() == {"entry": OrderState.CANCELED, "exit": exit_}
    assert {update.reason for update in updates(world) if update.state is OrderState.CANCELED} == {
        f"the account is {state}"
    }
    assert world.ledger.accounts["main"].reserved == 0
    world.check()


@pytest.mark.parametrize("state", [TradingState.HALTED, TradingState.REDUCE_ONLY, TradingState.FLATTENING])
def test_a_halt_cancels_at_once_without_a_bar(state: TradingState) -> None:
    world = resting()
    change = halted(state, AT + timedelta(seconds=1))
    world.ledger.halt(change)
    world.matcher().cancel_barred(change)
    assert world.states()["entry"] is OrderState.CANCELED
    assert (world.states()["exit"] is OrderState.CANCELED) == (state is TradingState.FLATTENING)
    world.matcher().cancel_barred(change)
    world.check()


def test_a_halt_that_was_lifted_since_cancels_nothing() -> None:
    world = resting()
    change = halted(TradingState.HALTED)
    world.ledger.halt(change)
    world.ledger.halt(halted(TradingState.ACTIVE))
    world.matcher().cancel_barred(change)
    assert set(world.states().values()) == {OrderState.OPEN}


def test_an_exit_that_was_decided_under_flatten_stays_and_fills() -> None:
    world = World()
    world.ledger.halt(halted(TradingState.FLATTENING))
    world.place(world.approve(order("exit", B, "sell", **EXIT)))
    world.match(minute(1))
    assert world.states() == {"exit": OrderState.FILLED}


def test_a_missing_state_cancels_entries() -> None:
    world = resting()
    accounts = world.ledger.accounts
    accounts["main"] = msgspec.structs.replace(accounts["main"], trading_state=None)
    world.match(minute(1))
    assert world.states()["entry"] is OrderState.CANCELED


def test_a_canceled_order_keeps_its_partial_fill_and_frees_the_rest() -> None:
    world = World()
    world.place(world.approve(order("entry", A, "buy", **RESTING)))
    world.match(minute(1, lots=10_000))
    assert world.states() == {"entry": OrderState.PARTIAL}
    world.ledger.halt(halted(TradingState.HALTED))
    world.match(minute(2))
    assert world.states() == {"entry": OrderState.CANCELED}
    assert [fill.quantity for fill in world.fills()] == [1]
    world.check()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", range(1, 10))
def test_a_crash_while_canceling_cancels_once(nth: int, after: bool) -> None:
    world = resting()
    change = halted(TradingState.FLATTENING, AT + timedelta(seconds=1))
    world.ledger.halt(change)

    def attempt(fuse: Any) -> None:
        world.ledger.sweep()
        world.matcher(fuse).cancel_barred(change)

    until_it_lives(attempt, nth, after=after)
    assert set(world.states().values()) == {OrderState.CANCELED}
    assert len(updates(world)) == 2
    assert world.book.read("main").resting == []
    world.check()


def test_without_resting_orders_the_trading_state_is_not_read() -> None:
    world = World()

    def refuse(account: str) -> OrderPermissions:
        raise AssertionError("a minute without orders costs no call more")

    world.ledger.trading_state = refuse
    world.match(minute(1))
    approval = OrdersApproved(id="none", cause="t", at=AT, account="main", orders=[])
    world.matcher().take(approval)
