"""Bookings of many orders or trades: no commit is larger than the store takes, and no death between two loses any."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.table import sort_key_as_stored
from fanfold.errors import AT_ONCE, Conflict
from fanfold.ledger.bookings import Bookings
from fanfold.ledger.changes import BookTrade, Change
from fanfold.ledger.orders import Harmless, Step, claim
from fanfold.ledger.real_changes import changes_of, stops_of
from fanfold.messages import Fill, Order, OrderState
from fanfold.records import Charge
from fanfold.simulation.schedules.at_venue import AtVenue
from support.crashes import Crash
from support.execution_world import DESK
from support.ledger_examples import AT, Ledger, approve, fill, memory_ledger, order, report, resolution
from support.real_world import RealWorld
from support.real_world import order as real_order

D = Decimal
CHARGES = [Charge(currency="BNB", amount=D("0.01"))]


def sent(opened: Ledger, orders: Sequence[Order]) -> Sequence[Order]:
    """Approve and claim orders."""
    for start in range(0, len(orders), 30):
        batch = orders[start : start + 30]
        approve(opened, *batch)
        records = opened.bookings.records([each.order_id for each in batch]).values()
        opened.bookings.claim("main", [(each, claim(each, AT, 5, Harmless.UNSENT)) for each in records])
    return orders


def booking(opened: Ledger, beside: Callable[[str, Sequence[Step], Sequence[Fill]], Sequence[Change]]) -> Bookings:
    return Bookings(opened.store, AT_ONCE, beside=beside)


@pytest.mark.parametrize(("state", "traded"), [(OrderState.CANCELED, False), (OrderState.FILLED, True)])
def test_any_number_of_stops_of_a_paper_account_may_end_together(state: OrderState, traded: bool) -> None:
    opened = memory_ledger()
    entries = sent(opened, [order(f"N{n}") for n in range(60)])
    opened.bookings.book("main", [resolution(each, fill(each, "2")) for each in entries], report("bought"))
    rest: dict[str, Any] = {"kind": "stop", "stop_price": "98", "protects": True, "reduce_only": True}
    stops = sent(opened, [order(f"S{n}", "sell", instrument=f"N{n}/USDT", **rest) for n in range(60)])
    ends = [resolution(each, *([fill(each, "2")] if traded else []), state=state) for each in stops]
    booking(opened, stops_of).book("main", ends, report())
    records = opened.bookings.records([each.order_id for each in stops]).values()
    assert {record.state for record in records} == {state}
    assert (opened.live(), len(opened.bookings.held("main"))) == ([], 0 if traded else 60)


def test_any_number_of_orders_may_fill_together_at_a_real_venue() -> None:
    opened = memory_ledger()
    orders = sent(opened, [order(f"N{n}") for n in range(60)])
    fills = [replace(fill(each, "2"), charges=CHARGES) for each in orders]
    steps = [resolution(each, trade) for each, trade in zip(orders, fills, strict=True)]
    ends = [replace(step, venue_order_id="7") for step in steps]
    booking(opened, changes_of(DESK)).book("main", ends, report())
    real = opened.bookings.real_money("main")
    assert (len(opened.bookings.held("main")), real.flows["BNB"], real.flows["N7"]) == (60, D("-0.6"), D(2))


@pytest.mark.parametrize("named", [True, False])
def test_a_death_amid_the_trades_of_an_order_leaves_its_venues_id_in_the_books(named: bool) -> None:
    world, bought = RealWorld(), real_order("a")
    world.venue.fee_currency, world.venue.named = "quote", named
    world.sweep()
    accept, commit, booked = world.venue._accept, world.ledger.store.commit, list[int]()

    def in_many_trades(*request: Any, **more: Any) -> Any:
        accepted = accept(*request, **more)
        assert isinstance(accepted, AtVenue)
        for _ in range(100):
            world.venue.fill(accepted, bought.quantity / 100)
        return accepted

    def dying(changes: Sequence[Change]) -> None:
        trades = sum(isinstance(change, BookTrade) for change in changes)
        booked.extend([trades] if trades else [])
        if len(booked) == 2:
            raise Crash
        commit(changes)

    world.venue.faults = ["rests"]
    world.venue._accept, world.ledger.store.commit = in_many_trades, dying
    with pytest.raises(Crash):
        world.account().place(world.approve(bought))
    world.ledger.store.commit = commit
    world.wait(60)
    world.sweep()
    assert world.record("a").state is OrderState.FILLED
    assert not world.ledger.real_money("main").external


class OvertakenTable:
    """A table of which so many reads have the account as it was before, and its positions after a booking."""

    def __init__(self, opened: Ledger, times: int) -> None:
        self._query, self._times, self.reads = opened.table.query_as_stored, times, 0
        self._before = [item for item in self._query("account#main") if sort_key_as_stored(item) == "account"]

    def query_as_stored(self, partition: str) -> list[Any]:
        self.reads += 1
        items = list(self._query(partition))
        if self.reads > self._times:
            return items
        return self._before + [item for item in items if sort_key_as_stored(item) != "account"]


def test_books_that_a_booking_overtook_are_read_again() -> None:
    opened = memory_ledger()
    (bought,) = sent(opened, [order("A")])
    overtaken: list[Any] = [OvertakenTable(opened, 2), OvertakenTable(opened, 100)]
    opened.bookings.book("main", [resolution(bought, fill(bought, "2"))], report())
    books = ledger.read(overtaken[0], "main")
    assert books.account is not None
    assert (overtaken[0].reads, books.account.cash, len(books.positions)) == (3, D("9799.9"), 1)
    with pytest.raises(Conflict, match="bookings overtook 5 reads of the books of main"):
        ledger.read(overtaken[1], "main")
