"""Approvals: orders, their reservation and their message come to be together, once, on the books that were read."""

from decimal import Decimal

import pytest

from fanfold.aws.dynamodb import ledger
from fanfold.errors import Conflict
from fanfold.messages import TradingState
from fanfold.risk.poll import PollState
from support.emulator import Cloud
from support.ledger_examples import Ledger, approve, approved, halted, open_ledger, order

D = Decimal


@pytest.fixture
def found(cloud: Cloud) -> Ledger:
    return open_ledger(cloud)


def test_an_approval_reserves_and_holds_its_message_until_it_is_published(found: Ledger) -> None:
    orders = [order("A"), order("B", "sell")]
    assert approve(found, *orders) == []
    book = found.approvals.book("main", PollState())
    assert (book.reserved, book.orders_in_minute, book.minute) == (D("201.00000001"), 2, 7)
    assert {leg: held.open for leg, held in book.held.items()} == {("trend", "A/USDT"): 2, ("trend", "B/USDT"): -2}
    assert found.outboxes() == ["approved-A+B"]
    found.approvals.publish([approved(*orders)], [])
    assert found.outboxes() == []
    assert found.heard("orders")[-1] == approved(*orders)


def test_orders_that_were_made_before_are_given_back_and_nothing_is_written(found: Ledger) -> None:
    approve(found, order("A"))
    before = found.books()
    assert approve(found, order("A"), order("B")) == [order("A")]
    assert found.books() == before
    assert set(ledger.records(found.table, ["A", "B"])) == {"A"}


def test_two_who_read_the_same_books_cannot_both_spend_them(found: Ledger) -> None:
    one, other = (found.approvals.book("main", PollState()) for _ in range(2))
    found.approvals.approve(one, approved(order("A")), 7, 1)
    with pytest.raises(Conflict):
        found.approvals.approve(other, approved(order("B")), 7, 1)
    assert set(ledger.records(found.table, ["A", "B"])) == {"A"}
    assert found.outboxes() == ["approved-A"]


def test_an_approval_from_before_a_halt_does_not_land(found: Ledger) -> None:
    book = found.approvals.book("main", PollState())
    found.approvals.halt(halted(TradingState.HALTED))
    with pytest.raises(Conflict):
        found.approvals.approve(book, approved(order("A")), 7, 1)


def test_an_account_that_was_never_opened_has_no_trading_state(found: Ledger) -> None:
    book = found.approvals.book("other", PollState())
    assert (book.trading_state, book.cash) == (None, 0)


def test_a_chunk_of_orders_is_one_transaction(found: Ledger) -> None:
    assert approve(found, *(order(f"N{number}") for number in range(found.approvals.orders_max))) == []
    assert found.books().account == ledger.read(found.table, "main").account
    assert len(found.books().positions) == 32
