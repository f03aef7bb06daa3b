"""Bookings: claims under the halt state, fills once, and after everything the books add up."""

from decimal import Decimal

import pytest
from emulator import Cloud
from ledger_examples import AT, Ledger, approve, fill, halted, once, open_ledger, order, report, resolution

from fanfold import orders, positions
from fanfold.aws import ledger
from fanfold.messages import ExecutionReport, Fill, Halt, Order, State
from fanfold.orders import OrderRecord
from fanfold.refusals import Conflict
from fanfold.trading_state import TradingState

D = Decimal


@pytest.fixture
def found(cloud: Cloud) -> Ledger:
    return open_ledger(cloud)


def claimed(found: Ledger, *some: Order) -> list[tuple[OrderRecord, OrderRecord]]:
    records = found.bookings.records([one.order_id for one in some])
    return [(records[one.order_id], orders.claim(records[one.order_id], AT, 5)) for one in some]


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
        live = [record for record in records.values() if record.state in orders.LIVE
                and (record.order.instance, record.order.instrument) == leg]
        assert item.position == positions.fold(mine)
        signs = [one.remaining if one.order.side == "buy" else -one.remaining for one in live]
        assert item.open == sum(signs, D(0))


def test_a_claim_is_all_or_none_and_once(found: Ledger) -> None:
    a, b = order("A"), order("B")
    approve(found, a, b)
    claims = claimed(found, a, b)
    assert found.bookings.claim("main", claims)
    assert not found.bookings.claim("main", claims)
    assert {one.state for one in found.bookings.records(["A", "B"]).values()} == {State.SUBMITTING}


@pytest.mark.parametrize(("state", "entries", "reductions"), [
    (Halt.ACTIVE, True, True), (Halt.REDUCE_ONLY, False, True), (Halt.FLATTEN, False, True), (Halt.HALT, False, False),
])
def test_the_halt_state_says_what_may_be_claimed(
    found: Ledger, state: Halt, entries: bool, reductions: bool
) -> None:
    entry, reduction = order("A"), order("B", "sell", reduce_only=True)
    approve(found, entry, reduction)
    found.approvals.halt("main", state, halted(state))
    assert found.bookings.claim("main", claimed(found, entry, reduction)) == entries
    if not entries:
        assert not found.bookings.claim("main", claimed(found, entry))
        assert found.bookings.claim("main", claimed(found, reduction)) == reductions


def test_an_order_that_is_not_in_the_ledger_is_not_claimed(found: Ledger) -> None:
    record = OrderRecord(order=order("A"))
    assert not found.bookings.claim("main", [(record, orders.claim(record, AT, 5))])
    assert found.bookings.records(["A"]) == {}


def test_an_order_that_ends_frees_what_it_reserved(found: Ledger) -> None:
    a, b = order("A"), order("B", "sell")
    approve(found, a, b)
    records = found.bookings.records(["A", "B"])
    steps = [(one, orders.close(one, State.BLOCKED, "halted")) for one in records.values()]
    found.bookings.move(steps, report(settled=False))
    balanced(found, [], a, b)
    assert found.outboxes() == ["approved-A+B"]
    assert found.heard("executions") == [report(settled=False)]
    with pytest.raises(Conflict):
        found.bookings.move(steps, report(settled=False))
    balanced(found, [], a, b)


def test_fills_are_booked_once_however_often_they_are_told(found: Ledger) -> None:
    a, b = order("A"), order("B", "sell")
    placed(found, a, b)
    fills = [fill(a, "0.5"), fill(b, "2")]
    resolved = [resolution(a, fills[0], state=State.PARTIAL), resolution(b, fills[1])]
    (told,) = found.bookings.book("main", resolved, report())
    assert (told.settled, told.fills, told.cash) == (True, fills, D("10149.8"))
    assert found.outboxes() == ["approved-A+B", told.id]
    assert found.bookings.book("main", resolved, report()) == []
    balanced(found, fills, a, b)
    rest = fill(a, "1.5", 2)
    again = [resolution(a, fills[0], rest)]
    (more,) = found.bookings.book("main", again, report("next"))
    assert more.fills == [rest]
    balanced(found, [*fills, rest], a, b)
    found.bookings.publish([told, more], [])
    assert [one.id for one in found.heard("executions")] == [told.id, more.id]
    assert found.outboxes() == ["approved-A+B"]


def test_fills_that_differ_after_a_crash_never_fill_more_than_the_venue_says(found: Ledger) -> None:
    a = order("A")
    placed(found, a)
    first = fill(a, "1")
    found.bookings.book("main", [resolution(a, first, state=State.PARTIAL)], report())
    # The venue never committed that, and came to other bars.
    others = [fill(a, "0.7", 2), fill(a, "0.8", 3)]
    (told,) = found.bookings.book("main", [resolution(a, *others, state=State.PARTIAL)], report("next"))
    assert [one.quantity for one in told.fills] == [D("0.5")]
    assert found.bookings.records(["A"])["A"].filled == D("1.5")
    balanced(found, [first, *told.fills], a)


def test_an_order_that_expires_with_a_part_filled_frees_the_rest(found: Ledger) -> None:
    a = order("A")
    placed(found, a)
    some = fill(a, "0.5")
    (told,) = found.bookings.book("main", [resolution(a, some, state=State.EXPIRED)], report())
    assert [(one.state, one.filled) for one in told.updates] == [(State.EXPIRED, D("0.5"))]
    balanced(found, [some], a)


def test_more_orders_than_a_transaction_takes_settle_with_the_last_of_them(cloud: Cloud) -> None:
    once(cloud)
    found, many = open_ledger(cloud), [order(f"N{number}") for number in range(70)]
    for start in range(0, 70, 30):
        placed(found, *many[start : start + 30])
    fills = [fill(one, "2") for one in many]
    resolved = [resolution(one, some) for one, some in zip(many, fills, strict=True)]
    # A crash after the first transaction, then all of it again.
    assert found.bookings.book("main", resolved[:30], report("first", settled=False))
    told = found.bookings.book("main", resolved, report())
    assert [one.settled for one in told] == [False] * (len(told) - 1) + [True]
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
    assert told[-1].updates[0].state is State.FILLED
    assert found.bookings.book("main", [resolution(a, *fills)], report()) == []
    balanced(found, fills, a)


def test_an_order_is_live_from_its_approval_to_its_end(found: Ledger) -> None:
    a, b = order("A"), order("B", "sell")
    placed(found, a, b)
    assert found.live() == ["A", "B"]
    (known,) = [one for one in ledger.live(found.table, "main") if one.order_id == "A"]
    assert (known.account, known.cause, known.at) == ("main", "approved-A+B", AT)
    record = found.bookings.records(["B"])["B"]
    found.bookings.move([(record, orders.close(record, State.STALE, "late"))], report(settled=False))
    assert found.live() == ["A"]
    some = fill(a, "0.5")
    found.bookings.book("main", [resolution(a, some, state=State.PARTIAL)], report())
    assert found.live() == ["A"]
    found.bookings.book("main", [resolution(a, some, fill(a, "1.5", 2))], report("next"))
    assert found.live() == []


def test_the_state_is_read_with_its_time(found: Ledger) -> None:
    assert found.bookings.trading_state("main") == TradingState(Halt.ACTIVE, None)
    found.approvals.halt("main", Halt.FLATTEN, halted(Halt.FLATTEN))
    assert found.bookings.trading_state("main") == TradingState(Halt.FLATTEN, AT)
    assert found.bookings.trading_state("never opened") == TradingState(None, None)
