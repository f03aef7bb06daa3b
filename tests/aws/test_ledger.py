"""The ledger: an account is opened once, changes land only on what was read, money comes back as it went in."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fanfold.aws.client.call import AwsFault, Call, Reason
from fanfold.aws.client.connect import with_retries
from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.ledger_store import DynamoLedger
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.aws.dynamodb.polls import DynamoPolls
from fanfold.aws.dynamodb.table import Table
from fanfold.errors import AT_ONCE, BadInput, Conflict
from fanfold.ledger.approvals import Approvals
from fanfold.ledger.changes import MoveOrder, ReserveCash
from fanfold.ledger.orders import Harmless, OrderRecord, claim
from fanfold.ledger.trading_state import STRICTNESS
from fanfold.messages import TradingState
from fanfold.risk.poll import CarriedForward
from support.emulator import Cloud
from support.ledger_examples import AT, Ledger, approve, halted, once, open_ledger, order

D = Decimal


@pytest.fixture
def account_ledger(cloud: Cloud) -> Ledger:
    return open_ledger(cloud)


def test_an_account_is_opened_once_and_publishes_it(account_ledger: Ledger) -> None:
    account = account_ledger.books().account
    assert account is not None
    assert (account.trading_state, account.cash, account.reserved, account.version) == (
        TradingState.ACTIVE,
        10_000,
        0,
        1,
    )
    assert not account_ledger.approvals.open("main", D(5), halted(TradingState.ACTIVE))
    assert account_ledger.books().account == account
    assert [published.id for published in account_ledger.heard("orders")] == ["halt-ACTIVE"]
    assert account_ledger.outboxes() == []


def test_a_halt_is_set_and_published_and_conflicts_with_earlier_reads(account_ledger: Ledger) -> None:
    before = account_ledger.books().account
    account_ledger.approvals.halt(halted(TradingState.REDUCE_ONLY))
    account = account_ledger.books().account
    assert before is not None
    assert account is not None
    assert (account.trading_state, account.version) == (TradingState.REDUCE_ONLY, 2)
    with pytest.raises(Conflict):
        account_ledger.store.commit([ReserveCash(before, D(1), 1, 1)])


def test_an_account_that_was_never_opened_cannot_be_halted_and_has_no_books(account_ledger: Ledger) -> None:
    other = msgspec.structs.replace(halted(TradingState.HALTED), account="other")
    with pytest.raises(BadInput, match="'other' was never opened"):
        account_ledger.approvals.halt(other)
    assert ledger.read(account_ledger.table, "other").account is None


def test_an_order_is_read_back_as_it_was_approved(account_ledger: Ledger) -> None:
    approved_order = order("A", limit_price="99.90", reduce_only=True)
    approve(account_ledger, approved_order)
    assert ledger.records(account_ledger.table, ["A", "none"]) == {"A": OrderRecord(order=approved_order)}
    assert account_ledger.books().positions["trend", "A/USDT"].open == D(2)


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": D(20)},
        {"side": "sell"},
        {"account": "other"},
        {"instrument": "B/USDT"},
        {"kind": "limit"},
    ],
)
def test_an_order_that_is_not_as_it_was_approved_is_not_moved(
    account_ledger: Ledger, change: dict[str, object]
) -> None:
    approved_order = order("A")
    approve(account_ledger, approved_order)
    other = OrderRecord(order=msgspec.structs.replace(approved_order, **change))
    with pytest.raises(Conflict):
        account_ledger.store.commit([MoveOrder(other, claim(other, AT, 5, Harmless.UNSENT))])
    mine = OrderRecord(order=approved_order)
    account_ledger.store.commit([MoveOrder(mine, claim(mine, AT, 5, Harmless.UNSENT))])


class Busy:
    """A call that finds another transaction at the account, a number of times."""

    def __init__(self, call: Call, times: int) -> None:
        self._call = call
        self.times = times

    def __call__(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if operation == "TransactWriteItems" and self.times:
            self.times -= 1
            clash = Reason("TransactionConflict", "", {})
            reasons = (clash, *[Reason("None", "", {})] * (len(parameters["TransactItems"]) - 1))
            raise AwsFault("TransactionCanceledException", "", 400, reasons)
        return self._call(service, operation, parameters)


@pytest.mark.parametrize("times", [1, 7, 100])
def test_an_operators_halt_succeeds_however_busy_the_account_is(cloud: Cloud, times: int) -> None:
    once(cloud)
    account_ledger = open_ledger(cloud)
    busy = Busy(cloud.call, 0)
    table = Table(with_retries(busy, sleep=lambda _: None), "ledger")
    approvals = Approvals(DynamoLedger(table, Outbox(table, "risk", account_ledger.topics)), AT_ONCE)
    busy.times = times
    approvals.halt(halted(TradingState.HALTED))
    account = account_ledger.books().account
    assert account is not None
    assert (account.trading_state, account.trading_state_cause, busy.times) == (TradingState.HALTED, "halt-HALTED", 0)
    busy.times = times
    assert approvals.open(
        "spare", D(1), msgspec.structs.replace(halted(TradingState.ACTIVE), account="spare", id="spare")
    )


def test_a_rearmed_account_is_decided_on_anew(account_ledger: Ledger) -> None:
    batches = DynamoPolls(account_ledger.table)
    before = batches.read("main")
    account_ledger.approvals.halt(halted(TradingState.ACTIVE), rearm=True)
    with pytest.raises(Conflict):
        batches.note("main", before, CarriedForward(), rearmed=False)
    after = batches.read("main")
    assert account_ledger.approvals.book("main", after).rearmed
    batches.note("main", after, CarriedForward(), rearmed=False)
    assert not batches.read("main").rearmed


def test_a_stricter_trading_state_is_replaced_only_by_name(account_ledger: Ledger) -> None:
    approvals = account_ledger.approvals
    for state in STRICTNESS:
        approvals.halt(halted(state))
    for replaces in ("", "halt-HALTED"):
        with pytest.raises(BadInput, match=r"is FLATTENING .*, set by ann"):
            approvals.halt(halted(TradingState.HALTED), replaces=replaces)
    approvals.halt(halted(TradingState.HALTED), replaces="halt-FLATTENING")
    assert approvals.permissions("main").trading_state is TradingState.HALTED
