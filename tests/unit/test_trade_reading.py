"""A reading of trades begins at its cursor, comes once for each instrument, and takes one look for all strangers."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fanfold.ledger.changes import NoteExternal
from fanfold.messages import OrderState
from fanfold.trading.answers import VenueTrade
from support.core_desk import A
from support.crashes import Crash
from support.real_world import D, RealWorld, laws, order

EXTERNAL = "EXTERNAL: the venue has what no order of this desk made"
OVERLAP = timedelta(seconds=120)


def with_a_stop() -> RealWorld:
    """A position, and a stop that rests for it."""
    world = RealWorld()
    world.venue.fee_currency = "quote"
    world.sweep()
    world.account().place(world.approve(order("have")))
    year = timedelta(days=365)
    stop = order("stop", A, "sell", expires_at=world.now + year, reduce_only=True, reserved=D(0))
    stop = msgspec.structs.replace(stop, kind="stop", stop_price=D(90), limit_price=D(89))
    world.account().place(world.approve(stop))
    return world


def readings(world: RealWorld) -> list[datetime]:
    """Note since when trades are asked for from here on."""
    ask: Callable[..., Any] = world.venue.trades
    starts = list[datetime]()

    def noted(instrument: str, since: datetime) -> Any:
        starts.append(since)
        return ask(instrument, since)

    world.venue.trades = noted
    return starts


def by_hand(world: RealWorld, number: int) -> None:
    """Somebody trades the stop's instrument by hand."""
    fields = {"trade_id": f"h{number}", "venue_order_id": f"hand{number}", "instrument": A, "side": "buy"}
    amounts = {"price": D(100), "quantity": Decimal("0.001"), "liquidity": "taker", "at": world.now}
    world.venue.traded.append((world.now, msgspec.convert(fields | amounts, VenueTrade, strict=False)))


def test_a_poll_reads_from_the_cursor_however_long_ago_the_stop_was_sent() -> None:
    world = with_a_stop()
    since = readings(world)
    for _ in range(3):
        world.wait(86_400)
        world.sweep()
    since.clear()
    world.wait(60)
    world.account().polled(world.bars())
    assert min(since) == world.now - timedelta(seconds=60) - OVERLAP


def test_a_trade_that_is_told_after_its_cursor_has_passed_is_read_once_the_venue_states_more_filled() -> None:
    world = with_a_stop()
    world.wait(60)
    world.sweep()
    (stop,) = (placed for placed in world.venue.orders if placed.order.order_id == "stop")
    world.venue.fill(stop, D(2))
    late = world.venue.traded.pop()
    world.wait(7_200)
    world.sweep()
    assert world.record("stop").state is OrderState.OPEN
    world.venue.traded.append(late)
    world.wait(60)
    world.account().polled(world.bars())
    assert world.record("stop").state is OrderState.FILLED
    world.heal()
    assert laws(world) == []


def test_trades_by_hand_cost_one_look_at_the_books_in_a_reading() -> None:
    world = with_a_stop()
    for number in range(30):
        by_hand(world, number)
    world.account().reconcile()
    assert world.events.count(EXTERNAL) == 30
    looks, books = list[str](), world.ledger.store.books
    world.ledger.store.books = lambda account: (looks.append(account), books(account))[1]
    world.wait(60)
    world.sweep()
    assert len(looks) < 10
    assert world.events.count(EXTERNAL) == 30


@pytest.mark.parametrize("dies", ["before", "after"])
def test_a_stranger_is_told_of_whenever_the_process_dies(dies: str) -> None:
    world = with_a_stop()
    by_hand(world, 1)
    commit = world.ledger.store.commit

    def crash(changes: Any) -> None:
        if not any(isinstance(change, NoteExternal) for change in changes):
            commit(changes)
            return
        if dies == "after":
            commit(changes)
        world.ledger.store.commit = commit
        raise Crash

    world.ledger.store.commit = crash
    with pytest.raises(Crash):
        world.sweep()
    world.wait(60)
    world.sweep()
    assert world.events.count(EXTERNAL) == (2 if dies == "before" else 1)
    assert world.ledger.real_money("main").external == {f"trade {A} h1"}
