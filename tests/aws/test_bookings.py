"""Bookings: claims under the trading state, fills once, and after everything the books add up."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fanfold.aws.dynamodb import ledger
from fanfold.errors import AT_ONCE, Conflict
from fanfold.ledger import orders, positions
from fanfold.ledger.bookings import Bookings
from fanfold.ledger.orders import OrderRecord
from fanfold.ledger.real_money import OwedFee, OweFee
from fanfold.ledger.trading_state import OrderPermissions
from fanfold.messages import ExecutionReport, Fill, Order, OrderState, TradingState
from support.emulator import Cloud
from support.ledger_examples import (
    AT,
    Ledger,
    approve,
    fill,
    halted,
    memory_ledger,
    once,
    open_ledger,
    order,
    report,
    resolution,
)

D = Decimal


@pytest.fixture
def account_ledger(cloud: Cloud) -> Ledger:
    return open_ledger(cloud)


def claimed(account_ledger: Ledger, *several: Order) -> list[tuple[OrderRecord, OrderRecord]]:
    records = account_ledger.bookings.records([each_order.order_id for each_order in several])
    return [
        (records[each_order.order_id], orders.claim(records[each_order.order_id], AT, 5, orders.Harmless.UNSENT))
        for each_order in several
    ]


def placed(account_ledger: Ledger, *several: Order) -> None:
    approve(account_ledger, *several)
    assert account_ledger.bookings.claim("main", claimed(account_ledger, *several))


def balanced(account_ledger: Ledger, fills: list[Fill], *several: Order) -> None:
    """Reserved, unfilled, cash and positions are what orders and fills say."""
    records = ledger.records(account_ledger.table, [each_order.order_id for each_order in several])
    books = account_ledger.books()
    assert books.account is not None
    assert books.account.reserved == sum((orders.held(record) for record in records.values()), D(0))
    assert books.account.cash == 10_000 + sum((positions.cash_flow(booked_fill) for booked_fill in fills), D(0))
    for leg, item in books.positions.items():
        mine = [booked_fill for booked_fill in fills if (booked_fill.instance, booked_fill.instrument) == leg]
        live = [
            record
            for record in records.values()
            if record.state in orders.LIVE and (record.order.instance, record.order.instrument) == leg
        ]
        assert item.position == positions.fold(mine)
        signs = [record.remaining if record.order.side == "buy" else -record.remaining for record in live]
        assert item.open == sum(signs, D(0))


def test_a_claim_is_all_or_none_and_once(account_ledger: Ledger) -> None:
    a, b = order("A"), order("B")
    approve(account_ledger, a, b)
    claims = claimed(account_ledger, a, b)
    assert account_ledger.bookings.claim("main", claims)
    assert not account_ledger.bookings.claim("main", claims)
    assert {record.state for record in account_ledger.bookings.records(["A", "B"]).values()} == {OrderState.SUBMITTING}


@pytest.mark.parametrize(
    ("state", "entries", "reductions"),
    [
        (TradingState.ACTIVE, True, True),
        (TradingState.REDUCE_ONLY, False, True),
        (TradingState.FLATTENING, False, True),
        (TradingState.HALTED, False, False),
    ],
)
def test_the_trading_state_decides_which_orders_may_be_claimed(
    account_ledger: Ledger, state: TradingState, entries: bool, reductions: bool
) -> None:
    entry, reduction = order("A"), order("B", "sell", reduce_only=True)
    approve(account_ledger, entry, reduction)
    account_ledger.approvals.halt(halted(state))
    assert account_ledger.bookings.claim("main", claimed(account_ledger, entry, reduction)) == entries
    if not entries:
        assert not account_ledger.bookings.claim("main", claimed(account_ledger, entry))
        assert account_ledger.bookings.claim("main", claimed(account_ledger, reduction)) == reductions


def test_an_order_that_is_not_in_the_ledger_is_not_claimed(account_ledger: Ledger) -> None:
    record = OrderRecord(order=order("A"))
    assert not account_ledger.bookings.claim("main", [(record, orders.claim(record, AT, 5, orders.Harmless.UNSENT))])
    assert account_ledger.bookings.records(["A"]) == {}


def test_an_order_that_ends_frees_what_it_reserved(account_ledger: Ledger) -> None:
    a, b = order("A"), order("B", "sell")
    approve(account_ledger, a, b)
    records = account_ledger.bookings.records(["A", "B"])
    steps = [(record, orders.close(record, OrderState.BLOCKED, "halted")) for record in records.values()]
    account_ledger.bookings.move(steps, report(matched=False))
    balanced(account_ledger, [], a, b)
    assert account_ledger.outboxes() == ["approved-A+B"]
    assert account_ledger.heard("executions") == [report(matched=False)]
    with pytest.raises(Conflict):
        account_ledger.bookings.move(steps, report(matched=False))
    balanced(account_ledger, [], a, b)


def test_fills_are_booked_once_however_often_they_are_reported(account_ledger: Ledger) -> None:
    a, b = order("A"), order("B", "sell")
    placed(account_ledger, a, b)
    fills = [fill(a, "0.5"), fill(b, "2")]
    resolved = [resolution(a, fills[0], state=OrderState.PARTIAL), resolution(b, fills[1])]
    (message,) = account_ledger.bookings.book("main", resolved, report())
    assert (message.matched, message.fills, message.cash) == (True, fills, D("10149.8"))
    assert account_ledger.outboxes() == ["approved-A+B", message.id]
    assert account_ledger.bookings.book("main", resolved, report()) == []
    balanced(account_ledger, fills, a, b)
    rest = fill(a, "1.5", 2)
    again = [resolution(a, fills[0], rest)]
    (more,) = account_ledger.bookings.book("main", again, report("next"))
    assert more.fills == [rest]
    balanced(account_ledger, [*fills, rest], a, b)
    account_ledger.bookings.publish([message, more], [])
    assert [published.id for published in account_ledger.heard("executions")] == [message.id, more.id]
    assert account_ledger.outboxes() == ["approved-A+B"]


@given(data=st.data())
@settings(max_examples=100)
def test_trades_are_booked_as_a_set_in_any_order(data: st.DataObject) -> None:
    account_ledger, a = memory_ledger(), order("A", quantity="10")
    placed(account_ledger, a)
    fills = [fill(a, str(n), n) for n in range(1, 5)]
    tellings = data.draw(st.lists(st.lists(st.sampled_from(fills), max_size=6), max_size=6))
    booked: list[Fill] = []
    for number, fills_told in enumerate([*tellings, fills]):
        resolved = resolution(a, *fills_told, state=OrderState.PARTIAL)
        booked += [
            booked_fill
            for each in account_ledger.bookings.book("main", [resolved], report(f"r{number}"))
            for booked_fill in each.fills
        ]
    assert sorted(booked_fill.trade_id for booked_fill in booked) == [booked_fill.trade_id for booked_fill in fills]
    assert account_ledger.bookings.records(["A"])["A"].state is OrderState.FILLED
    balanced(account_ledger, booked, a)


def test_a_trade_reported_after_a_later_one_is_not_lost(account_ledger: Ledger) -> None:
    a = order("A", quantity="10")
    placed(account_ledger, a)
    first, second = fill(a, "3", 1), fill(a, "4", 2)
    account_ledger.bookings.book("main", [resolution(a, second, state=OrderState.PARTIAL)], report())
    (booking,) = account_ledger.bookings.book(
        "main", [resolution(a, first, second, state=OrderState.PARTIAL)], report("next")
    )
    assert booking.fills == [first]
    balanced(account_ledger, [second, first], a)


def test_one_trade_id_at_two_instruments_is_two_trades(account_ledger: Ledger) -> None:
    a, b = order("A"), order("B")
    placed(account_ledger, a, b)
    fills = [replace(fill(each_order, "2"), trade_id="12345") for each_order in (a, b)]
    for each_order, trade in zip((a, b), fills, strict=True):
        assert account_ledger.bookings.book("main", [resolution(each_order, trade)], report(each_order.order_id))
    balanced(account_ledger, fills, a, b)


def test_a_trade_repeated_with_another_quantity_stays_as_booked_and_is_reported(
    account_ledger: Ledger,
) -> None:
    a, odd = order("A", quantity="10"), list[tuple[Decimal, Decimal | None]]()
    placed(account_ledger, a)
    bookings = Bookings(
        account_ledger.store, AT_ONCE, lambda booked_fill, booked: odd.append((booked_fill.quantity, booked))
    )
    first = fill(a, "1")
    bookings.book("main", [resolution(a, first, state=OrderState.PARTIAL)], report())
    for quantity in ("2", "0.5"):
        assert (
            bookings.book("main", [resolution(a, fill(a, quantity), state=OrderState.PARTIAL)], report("again")) == []
        )
    assert odd == [(D(2), D(1)), (D("0.5"), D(1))]
    balanced(account_ledger, [first], a)
    more = fill(a, "9.5", 2)
    (booking,) = bookings.book("main", [resolution(a, more)], report("more"))
    assert ([booked_fill.quantity for booked_fill in booking.fills], odd[2:]) == ([D(9)], [(D("9.5"), None)])
    balanced(account_ledger, [first, *booking.fills], a)


def test_a_rebate_is_a_fee_below_zero_and_cash_that_comes_in(account_ledger: Ledger) -> None:
    a = order("A")
    placed(account_ledger, a)
    rebate = replace(fill(a, "2"), fee=D("-0.04"))
    (booking,) = account_ledger.bookings.book("main", [resolution(a, rebate)], report())
    assert (booking.cash, booking.positions[0].fees) == (D("9800.04"), D("-0.04"))
    balanced(account_ledger, [rebate], a)


def test_an_order_that_its_venue_counts_as_filled_and_the_books_do_not_ends(account_ledger: Ledger) -> None:
    a = order("A")
    placed(account_ledger, a)
    first = fill(a, "1")
    account_ledger.bookings.book("main", [resolution(a, first, state=OrderState.PARTIAL)], report())
    (message,) = account_ledger.bookings.book("main", [resolution(a, fill(a, "2"))], report("next"))
    assert [(update.state, update.filled) for update in message.updates] == [(OrderState.EXPIRED, D(1))]
    assert "booked are 1 of 2" in message.updates[0].reason
    balanced(account_ledger, [first], a)


def test_an_order_that_expires_with_a_part_filled_frees_the_rest(account_ledger: Ledger) -> None:
    a = order("A")
    placed(account_ledger, a)
    part_fill = fill(a, "0.5")
    (message,) = account_ledger.bookings.book("main", [resolution(a, part_fill, state=OrderState.EXPIRED)], report())
    assert [(update.state, update.filled) for update in message.updates] == [(OrderState.EXPIRED, D("0.5"))]
    balanced(account_ledger, [part_fill], a)


def test_more_orders_than_a_transaction_takes_settle_with_the_last_of_them(cloud: Cloud) -> None:
    once(cloud)
    account_ledger, many = open_ledger(cloud), [order(f"N{number}") for number in range(70)]
    for start in range(0, 70, 30):
        placed(account_ledger, *many[start : start + 30])
    fills = [fill(each_order, "2") for each_order in many]
    resolved = [resolution(each_order, trade) for each_order, trade in zip(many, fills, strict=True)]
    # A crash after the first transaction, then all of it again.
    assert account_ledger.bookings.book("main", resolved[:30], report("first", matched=False))
    reports = account_ledger.bookings.book("main", resolved, report())
    assert [booking.matched for booking in reports] == [False] * (len(reports) - 1) + [True]
    assert sum(len(booking.fills) for booking in reports) == 40
    balanced(account_ledger, fills, *many)


def test_an_order_with_more_fills_than_a_transaction_takes_is_booked_in_parts(cloud: Cloud) -> None:
    once(cloud)
    account_ledger, a = open_ledger(cloud), order("A", quantity="20")
    placed(account_ledger, a)
    fills = [fill(a, "0.1", number) for number in range(200)]
    reports = account_ledger.bookings.book("main", [resolution(a, *fills)], report())
    assert [booked_fill for each in reports for booked_fill in each.fills] == fills
    assert isinstance(reports[-1], ExecutionReport)
    assert reports[-1].updates[0].state is OrderState.FILLED
    assert account_ledger.bookings.book("main", [resolution(a, *fills)], report()) == []
    balanced(account_ledger, fills, a)


def test_an_order_is_live_from_its_approval_to_its_end(account_ledger: Ledger) -> None:
    a, b = order("A"), order("B", "sell")
    placed(account_ledger, a, b)
    assert account_ledger.live() == ["A", "B"]
    (known,) = [live_order for live_order in ledger.live(account_ledger.table, "main") if live_order.order_id == "A"]
    assert (known.account, known.cause, known.at) == ("main", "approved-A+B", AT)
    record = account_ledger.bookings.records(["B"])["B"]
    account_ledger.bookings.move([(record, orders.close(record, OrderState.STALE, "late"))], report(matched=False))
    assert account_ledger.live() == ["A"]
    part_fill = fill(a, "0.5")
    account_ledger.bookings.book("main", [resolution(a, part_fill, state=OrderState.PARTIAL)], report())
    assert account_ledger.live() == ["A"]
    account_ledger.bookings.book("main", [resolution(a, part_fill, fill(a, "1.5", 2))], report("next"))
    assert account_ledger.live() == []


def test_the_state_is_read_with_its_time(account_ledger: Ledger) -> None:
    assert account_ledger.bookings.trading_state("main") == OrderPermissions(TradingState.ACTIVE, None)
    account_ledger.approvals.halt(halted(TradingState.FLATTENING))
    flattened = OrderPermissions(TradingState.FLATTENING, AT, change="halt-FLATTENING", actor="ann")
    assert account_ledger.bookings.trading_state("main") == flattened
    assert account_ledger.bookings.trading_state("never opened") == OrderPermissions(None, None)


def test_what_is_owed_of_a_coin_is_read_with_the_books(account_ledger: Ledger) -> None:
    for amount, worth in (("0.5", 300), ("-0.25", -150)):
        account_ledger.store.commit([OweFee("main", "C", D(amount), D(worth))])
    assert account_ledger.store.books("main").real.owed == {"C": OwedFee(D("0.25"), D(150))}
