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
def found(cloud: Cloud) -> Ledger:
    return open_ledger(cloud)


def claimed(found: Ledger, *some: Order) -> list[tuple[OrderRecord, OrderRecord]]:
    records = found.bookings.records([one.order_id for one in some])
    return [(records[one.order_id], orders.claim(records[one.order_id], AT, 5, orders.Harmless.UNSENT)) for one in some]


def placed(found: Ledger, *some: Order) -> None:
    approve(found, *some)
    assert found.bookings.claim("main", claimed(found, *some))


def balanced(found: Ledger, fills: list[Fill], *some: Order) -> None:
    """Reserved, unfilled, cash and positions are what orders and fills say."""
    records = ledger.records(found.table, [one.order_id for one in some])
    books = found.books()
    assert books.account is not None
    assert books.account.reserved == sum((orders.held(record) for record in records.values()), D(0))
    assert books.account.cash == 10_000 + sum((positions.cash_flow(one) for one in fills), D(0))
    for leg, item in books.positions.items():
        mine = [one for one in fills if (one.instance, one.instrument) == leg]
        live = [
            record
            for record in records.values()
            if record.state in orders.LIVE and (record.order.instance, record.order.instrument) == leg
        ]
        assert item.position == positions.fold(mine)
        signs = [one.remaining if one.order.side == "buy" else -one.remaining for one in live]
        assert item.open == sum(signs, D(0))


def test_a_claim_is_all_or_none_and_once(found: Ledger) -> None:
    a, b = order("A"), order("B")
    approve(found, a, b)
    claims = claimed(found, a, b)
    assert found.bookings.claim("main", claims)
    assert not found.bookings.claim("main", claims)
    assert {record.state for record in found.bookings.records(["A", "B"]).values()} == {OrderState.SUBMITTING}


@pytest.mark.parametrize(
    ("state", "entries", "reductions"),
    [
        (TradingState.ACTIVE, True, True),
        (TradingState.REDUCE_ONLY, False, True),
        (TradingState.FLATTENING, False, True),
        (TradingState.HALTED, False, False),
    ],
)
def test_the_halt_state_says_what_may_be_claimed(
    found: Ledger, state: TradingState, entries: bool, reductions: bool
) -> None:
    entry, reduction = order("A"), order("B", "sell", reduce_only=True)
    approve(found, entry, reduction)
    found.approvals.halt(halted(state))
    assert found.bookings.claim("main", claimed(found, entry, reduction)) == entries
    if not entries:
        assert not found.bookings.claim("main", claimed(found, entry))
        assert found.bookings.claim("main", claimed(found, reduction)) == reductions


def test_an_order_that_is_not_in_the_ledger_is_not_claimed(found: Ledger) -> None:
    record = OrderRecord(order=order("A"))
    assert not found.bookings.claim("main", [(record, orders.claim(record, AT, 5, orders.Harmless.UNSENT))])
    assert found.bookings.records(["A"]) == {}


def test_an_order_that_ends_frees_what_it_reserved(found: Ledger) -> None:
    a, b = order("A"), order("B", "sell")
    approve(found, a, b)
    records = found.bookings.records(["A", "B"])
    steps = [(record, orders.close(record, OrderState.BLOCKED, "halted")) for record in records.values()]
    found.bookings.move(steps, report(matched=False))
    balanced(found, [], a, b)
    assert found.outboxes() == ["approved-A+B"]
    assert found.heard("executions") == [report(matched=False)]
    with pytest.raises(Conflict):
        found.bookings.move(steps, report(matched=False))
    balanced(found, [], a, b)


def test_fills_are_booked_once_however_often_they_are_told(found: Ledger) -> None:
    a, b = order("A"), order("B", "sell")
    placed(found, a, b)
    fills = [fill(a, "0.5"), fill(b, "2")]
    resolved = [resolution(a, fills[0], state=OrderState.PARTIAL), resolution(b, fills[1])]
    (message,) = found.bookings.book("main", resolved, report())
    assert (message.matched, message.fills, message.cash) == (True, fills, D("10149.8"))
    assert found.outboxes() == ["approved-A+B", message.id]
    assert found.bookings.book("main", resolved, report()) == []
    balanced(found, fills, a, b)
    rest = fill(a, "1.5", 2)
    again = [resolution(a, fills[0], rest)]
    (more,) = found.bookings.book("main", again, report("next"))
    assert more.fills == [rest]
    balanced(found, [*fills, rest], a, b)
    found.bookings.publish([message, more], [])
    assert [one.id for one in found.heard("executions")] == [message.id, more.id]
    assert found.outboxes() == ["approved-A+B"]


@given(data=st.data())
@settings(max_examples=100)
def test_trades_are_a_set_however_they_are_told(data: st.DataObject) -> None:
    found, a = memory_ledger(), order("A", quantity="10")
    placed(found, a)
    fills = [fill(a, str(n), n) for n in range(1, 5)]
    tellings = data.draw(st.lists(st.lists(st.sampled_from(fills), max_size=6), max_size=6))
    booked: list[Fill] = []
    for number, told in enumerate([*tellings, fills]):
        resolved = resolution(a, *told, state=OrderState.PARTIAL)
        booked += [one for each in found.bookings.book("main", [resolved], report(f"r{number}")) for one in each.fills]
    assert sorted(one.trade_id for one in booked) == [one.trade_id for one in fills]
    assert found.bookings.records(["A"])["A"].state is OrderState.FILLED
    balanced(found, booked, a)


def test_a_trade_that_was_told_later_than_the_next_one_is_not_lost(found: Ledger) -> None:
    a = order("A", quantity="10")
    placed(found, a)
    first, second = fill(a, "3", 1), fill(a, "4", 2)
    found.bookings.book("main", [resolution(a, second, state=OrderState.PARTIAL)], report())
    (told,) = found.bookings.book("main", [resolution(a, first, second, state=OrderState.PARTIAL)], report("next"))
    assert told.fills == [first]
    balanced(found, [second, first], a)


def test_one_trade_id_at_two_instruments_is_two_trades(found: Ledger) -> None:
    a, b = order("A"), order("B")
    placed(found, a, b)
    fills = [replace(fill(one, "2"), trade_id="12345") for one in (a, b)]
    for one, some in zip((a, b), fills, strict=True):
        assert found.bookings.book("main", [resolution(one, some)], report(one.order_id))
    balanced(found, fills, a, b)


def test_a_trade_told_again_with_another_quantity_stands_as_it_was_booked_and_is_told_of(found: Ledger) -> None:
    a, odd = order("A", quantity="10"), list[tuple[Decimal, Decimal | None]]()
    placed(found, a)
    bookings = Bookings(found.store, AT_ONCE, lambda one, booked: odd.append((one.quantity, booked)))
    first = fill(a, "1")
    bookings.book("main", [resolution(a, first, state=OrderState.PARTIAL)], report())
    for quantity in ("2", "0.5"):
        assert (
            bookings.book("main", [resolution(a, fill(a, quantity), state=OrderState.PARTIAL)], report("again")) == []
        )
    assert odd == [(D(2), D(1)), (D("0.5"), D(1))]
    balanced(found, [first], a)
    more = fill(a, "9.5", 2)
    (told,) = bookings.book("main", [resolution(a, more)], report("more"))
    assert ([one.quantity for one in told.fills], odd[2:]) == ([D(9)], [(D("9.5"), None)])
    balanced(found, [first, *told.fills], a)


def test_a_rebate_is_a_fee_below_zero_and_cash_that_comes_in(found: Ledger) -> None:
    a = order("A")
    placed(found, a)
    rebate = replace(fill(a, "2"), fee=D("-0.04"))
    (told,) = found.bookings.book("main", [resolution(a, rebate)], report())
    assert (told.cash, told.positions[0].fees) == (D("9800.04"), D("-0.04"))
    balanced(found, [rebate], a)


def test_an_order_that_its_venue_counts_as_filled_and_the_books_do_not_ends(found: Ledger) -> None:
    a = order("A")
    placed(found, a)
    first = fill(a, "1")
    found.bookings.book("main", [resolution(a, first, state=OrderState.PARTIAL)], report())
    (message,) = found.bookings.book("main", [resolution(a, fill(a, "2"))], report("next"))
    assert [(update.state, update.filled) for update in message.updates] == [(OrderState.EXPIRED, D(1))]
    assert "booked are 1 of 2" in message.updates[0].reason
    balanced(found, [first], a)


def test_an_order_that_expires_with_a_part_filled_frees_the_rest(found: Ledger) -> None:
    a = order("A")
    placed(found, a)
    some = fill(a, "0.5")
    (message,) = found.bookings.book("main", [resolution(a, some, state=OrderState.EXPIRED)], report())
    assert [(update.state, update.filled) for update in message.updates] == [(OrderState.EXPIRED, D("0.5"))]
    balanced(found, [some], a)


def test_more_orders_than_a_transaction_takes_settle_with_the_last_of_them(cloud: Cloud) -> None:
    once(cloud)
    found, many = open_ledger(cloud), [order(f"N{number}") for number in range(70)]
    for start in range(0, 70, 30):
        placed(found, *many[start : start + 30])
    fills = [fill(one, "2") for one in many]
    resolved = [resolution(one, some) for one, some in zip(many, fills, strict=True)]
    # A crash after the first transaction, then all of it again.
    assert found.bookings.book("main", resolved[:30], report("first", matched=False))
    told = found.bookings.book("main", resolved, report())
    assert [one.matched for one in told] == [False] * (len(told) - 1) + [True]
    assert sum(len(one.fills) for one in told) == 40
    balanced(found, fills, *many)


def test_an_order_with_more_fills_than_a_transaction_takes_is_booked_in_parts(cloud: Cloud) -> None:
    once(cloud)
    found, a = open_ledger(cloud), order("A", quantity="20")
    placed(found, a)
    fills = [fill(a, "0.1", number) for number in range(200)]
    told = found.bookings.book("main", [resolution(a, *fills)], report())
    assert [one for each in told for one in each.fills] == fills
    assert isinstance(told[-1], ExecutionReport)
    assert told[-1].updates[0].state is OrderState.FILLED
    assert found.bookings.book("main", [resolution(a, *fills)], report()) == []
    balanced(found, fills, a)


def test_an_order_is_live_from_its_approval_to_its_end(found: Ledger) -> None:
    a, b = order("A"), order("B", "sell")
    placed(found, a, b)
    assert found.live() == ["A", "B"]
    (known,) = [one for one in ledger.live(found.table, "main") if one.order_id == "A"]
    assert (known.account, known.cause, known.at) == ("main", "approved-A+B", AT)
    record = found.bookings.records(["B"])["B"]
    found.bookings.move([(record, orders.close(record, OrderState.STALE, "late"))], report(matched=False))
    assert found.live() == ["A"]
    some = fill(a, "0.5")
    found.bookings.book("main", [resolution(a, some, state=OrderState.PARTIAL)], report())
    assert found.live() == ["A"]
    found.bookings.book("main", [resolution(a, some, fill(a, "1.5", 2))], report("next"))
    assert found.live() == []


def test_the_state_is_read_with_its_time(found: Ledger) -> None:
    assert found.bookings.trading_state("main") == OrderPermissions(TradingState.ACTIVE, None)
    found.approvals.halt(halted(TradingState.FLATTENING))
    assert found.bookings.trading_state("main") == OrderPermissions(TradingState.FLATTENING, AT)
    assert found.bookings.trading_state("never opened") == OrderPermissions(None, None)
