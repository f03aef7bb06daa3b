"""Execution's verbs: nothing is placed that risk did not approve, nothing twice, and the books always add up."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from execution_service.match import OrderMatcher
from fanfold.errors import BadInput, Conflict
from fanfold.ledger import orders
from fanfold.matching.paper import PaperVenue
from fanfold.matching.prices import Quote
from fanfold.messages import BarsClosed, OrdersApproved, OrderState, TradingState
from fanfold.risk.poll import PollState
from fanfold.simulation.book import MemoryBook
from support.core_desk import B
from support.crashes import until_it_lives
from support.execution_world import AT, DESK, TWO, World, halted, minute, order

D = Decimal


def test_approved_orders_are_placed_and_filled_and_the_books_add_up() -> None:
    world = World()
    world.place(world.approve(*TWO))
    assert set(world.states().values()) == {OrderState.OPEN}
    world.check()
    world.match(minute(1))
    assert set(world.states().values()) == {OrderState.FILLED}
    assert len(world.fills()) == 2
    assert [report.matched for report in world.reports()] == [False, True]
    world.check()


def test_an_order_that_is_not_in_the_ledger_is_refused_and_not_placed() -> None:
    world = World()
    with pytest.raises(BadInput, match=r"orders \['a'\] are not in the ledger"):
        world.place(OrdersApproved(id="x", cause="t", at=AT, account="main", orders=[order("a")]))
    assert world.book.read("main").resting == []


@pytest.mark.parametrize(
    ("account", "orders_account", "says"),
    [
        ("other", "other", "account 'other' is not in the desk"),
        ("main", "other", "are not of the message's account"),
    ],
)
def test_an_order_of_another_account_is_refused(account: str, orders_account: str, says: str) -> None:
    approval = OrdersApproved(id="x", cause="t", at=AT, account=account, orders=[order("a", account=orders_account)])
    with pytest.raises(BadInput, match=says):
        World().place(approval)


def test_an_order_that_was_altered_on_the_way_is_placed_as_it_was_approved() -> None:
    world = World()
    approval = world.approve(order("a"))
    world.place(msgspec.structs.replace(approval, orders=[order("a", quantity="2000")]))
    assert [entry.order for entry in world.book.read("main").resting] == [order("a")]
    world.check()


def test_a_redelivered_approval_places_nothing_twice() -> None:
    world = World()
    approval = world.approve(*TWO)
    for _ in range(3):
        world.place(approval)
    world.match(minute(1))
    world.place(approval)
    world.match(minute(2))
    assert len(world.fills()) == 2
    world.check()


@pytest.mark.parametrize(
    ("state", "entry", "reduction"),
    [
        (TradingState.HALTED, OrderState.BLOCKED, OrderState.BLOCKED),
        (TradingState.REDUCE_ONLY, OrderState.BLOCKED, OrderState.OPEN),
        (TradingState.FLATTENING, OrderState.BLOCKED, OrderState.OPEN),
    ],
)
def test_a_halt_blocks_what_it_must_and_frees_what_was_reserved(
    state: TradingState, entry: OrderState, reduction: OrderState
) -> None:
    world = World()
    approval = world.approve(order("a"), order("b", B, "sell", reduce_only=True))
    world.ledger.halt(halted(state))
    world.place(approval)
    assert world.states() == {"a": entry, "b": reduction}
    assert world.ledger.accounts["main"].reserved == 0
    world.check()


def test_an_order_that_comes_too_late_is_stale_and_frees_what_was_reserved() -> None:
    world = World()
    approval = world.approve(*TWO)
    world.now = AT + timedelta(minutes=10)
    world.place(approval)
    assert set(world.states().values()) == {OrderState.STALE}
    assert world.book.read("main").resting == []
    world.check()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", range(1, 8))
def test_a_crash_while_placing_leaves_each_order_at_the_venue_once(nth: int, after: bool) -> None:
    world = World()
    approval = world.approve(*TWO)

    def attempt(fuse: Any) -> None:
        world.ledger.sweep()
        world.place(approval, fuse)

    until_it_lives(attempt, nth, after=after)
    assert [entry.order for entry in world.book.read("main").resting] == list(TWO)
    assert set(world.states().values()) == {OrderState.OPEN}
    world.check()


@pytest.mark.parametrize("lots", [1_000_000, 10_000])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", range(1, 7))
def test_a_crash_while_matching_leads_to_the_same_fills_once(nth: int, after: bool, lots: int) -> None:
    plain, world = World(), World()
    for world_ in (plain, world):
        world_.place(world_.approve(*TWO))
    plain.match(minute(1, lots))

    def attempt(fuse: Any) -> None:
        world.ledger.sweep()
        world.match(minute(1, lots), fuse)

    until_it_lives(attempt, nth, after=after)
    assert world.fills() == plain.fills()
    assert world.states() == plain.states()
    assert any(report.matched for report in world.reports())
    world.check()


@pytest.mark.parametrize("again", [1, 2])
def test_a_crash_before_the_commit_and_other_bars_next_still_add_up(again: int) -> None:
    world = World()
    world.place(world.approve(order("a", quantity="2")))
    with pytest.raises(Conflict):
        _settle_without_commit(world, minute(1, 15_000))
    world.ledger.sweep()
    world.match(minute(1 + again, 17_000))
    world.check()


def _settle_without_commit(world: World, message: BarsClosed) -> None:
    class Frozen(MemoryBook):
        read = world.book.read

        def write(self, *_args: object) -> None:
            raise Conflict("the book moved on")

    OrderMatcher(DESK, world.ledger, PaperVenue(DESK, Frozen())).match(message)


def test_an_order_that_comes_between_booking_and_commit_is_settled_too_and_all_is_told() -> None:
    world = World()
    world.place(world.approve(order("a")))
    late = [order("b", B, "sell")]

    class Crowded(MemoryBook):
        read = world.book.read

        def write(self, *arguments: Any) -> None:
            if late:
                world.book.add(late.pop())
                world.book.write("main", world.book.read("main").version, [], [], {})
            world.book.write(*arguments)

    approval = OrdersApproved(id="more", cause="t", at=AT, account="main", orders=list(late))
    world.ledger.approve(world.ledger.book_of("main", PollState()), approval, 1, 1)
    world.ledger.store.publish([approval], [])
    record = world.ledger.orders["b"]
    assert world.ledger.claim("main", [(record, orders.claim(record, AT, 5, orders.Harmless.UNSENT))])
    OrderMatcher(DESK, world.ledger, PaperVenue(DESK, Crowded()), swept=True).match(minute(1))
    assert set(world.states().values()) == {OrderState.FILLED}
    assert any(report.matched for report in world.reports())
    world.check()


def test_bars_without_resting_orders_report_everything_as_matched() -> None:
    world = World()
    world.match(minute(1))
    (message,) = world.reports()
    assert (message.matched, message.poll_id, message.part, message.parts) == (True, "poll-m1", 1, 1)


def test_quotes_fill_what_is_at_market_at_once_and_a_crash_with_other_quotes_fills_it_once() -> None:
    world = World()
    approval = world.approve(*TWO)
    world.place(approval)
    prices = iter(["100", "100", "105", "105"])

    def quote(_instrument: str) -> Quote:
        price = D(next(prices))
        return Quote(bid=price - 1, ask=price + 1, at=AT + timedelta(seconds=1))

    class Deaf(MemoryBook):
        read = world.book.read

        def write(self, *_args: object) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        OrderMatcher(DESK, world.ledger, PaperVenue(DESK, Deaf(), quote)).take(approval)
    world.ledger.sweep()
    OrderMatcher(DESK, world.ledger, PaperVenue(DESK, world.book, quote)).take(approval)
    assert len(world.fills()) == 2
    assert all(95 < fill.price < 102 for fill in world.fills())
    assert world.book.read("main").resting == []
    world.check()
