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
def account_ledger(cloud: Cloud) -> Ledger:
    return open_ledger(cloud)


def test_an_approval_reserves_and_holds_its_message_until_it_is_published(account_ledger: Ledger) -> None:
    orders = [order("A"), order("B", "sell")]
    assert approve(account_ledger, *orders) == []
    book = account_ledger.approvals.book("main", PollState())
    assert (book.reserved, book.orders_in_minute, book.minute) == (D("201.00000001"), 2, 7)
    assert {leg: held.open for leg, held in book.held.items()} == {("trend", "A/USDT"): 2, ("trend", "B/USDT"): -2}
    assert account_ledger.outboxes() == ["approved-A+B"]
    account_ledger.approvals.publish([approved(*orders)], [])
    assert account_ledger.outboxes() == []
    assert account_ledger.heard("orders")[-1] == approved(*orders)


def test_orders_that_were_made_before_are_given_back_and_nothing_is_written(account_ledger: Ledger) -> None:
    approve(account_ledger, order("A"))
    before = account_ledger.books()
    assert approve(account_ledger, order("A"), order("B")) == [order("A")]
    assert account_ledger.books() == before
    assert set(ledger.records(account_ledger.table, ["A", "B"])) == {"A"}


def test_two_approvals_on_the_same_books_cannot_both_spend_them(account_ledger: Ledger) -> None:
    first, other = (account_ledger.approvals.book("main", PollState()) for _ in range(2))
    account_ledger.approvals.approve(first, approved(order("A")), 7, 1)
    with pytest.raises(Conflict):
        account_ledger.approvals.approve(other, approved(order("B")), 7, 1)
    assert set(ledger.records(account_ledger.table, ["A", "B"])) == {"A"}
    assert account_ledger.outboxes() == ["approved-A"]


def test_an_approval_from_before_a_halt_does_not_land(account_ledger: Ledger) -> None:
    book = account_ledger.approvals.book("main", PollState())
    account_ledger.approvals.halt(halted(TradingState.HALTED))
    with pytest.raises(Conflict):
        account_ledger.approvals.approve(book, approved(order("A")), 7, 1)


def test_an_account_that_was_never_opened_has_no_trading_state(account_ledger: Ledger) -> None:
    book = account_ledger.approvals.book("other", PollState())
    assert (book.trading_state, book.cash) == (None, 0)


def test_a_chunk_of_orders_is_one_transaction(account_ledger: Ledger) -> None:
    assert (
        approve(account_ledger, *(order(f"N{number}") for number in range(account_ledger.approvals.orders_max))) == []
    )
    assert account_ledger.books().account == ledger.read(account_ledger.table, "main").account
    assert len(account_ledger.books().positions) == 32
