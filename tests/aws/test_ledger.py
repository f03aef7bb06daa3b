"""The ledger: an account is opened once, changes land only on what was read, money comes back as it went in."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fanfold.aws.client.call import AwsFault, Call, Reason, with_retries
from fanfold.aws.dynamodb import ledger
from fanfold.aws.dynamodb.ledger_store import DynamoLedger
from fanfold.aws.dynamodb.outbox import Outbox
from fanfold.aws.dynamodb.polls import DynamoPolls
from fanfold.aws.dynamodb.table import Table
from fanfold.errors import AT_ONCE, BadInput, Conflict
from fanfold.ledger.approvals import Approvals
from fanfold.ledger.changes import MoveOrder, ReserveCash
from fanfold.ledger.orders import Harmless, OrderRecord, claim
from fanfold.messages import TradingState
from fanfold.risk.poll import CarriedForward
from support.emulator import Cloud
from support.ledger_examples import AT, Ledger, approve, halted, once, open_ledger, order

D = Decimal


@pytest.fixture
def found(cloud: Cloud) -> Ledger:
    return open_ledger(cloud)


def test_an_account_is_opened_once_and_tells_of_it(found: Ledger) -> None:
    account = found.books().account
    assert account is not None
    assert (account.trading_state, account.cash, account.reserved, account.version) == (
        TradingState.ACTIVE,
        10_000,
        0,
        1,
    )
    assert not found.approvals.open("main", D(5), halted(TradingState.ACTIVE))
    assert found.books().account == account
    assert [one.id for one in found.heard("orders")] == ["halt-ACTIVE"]
    assert found.outboxes() == []


def test_a_halt_is_set_told_and_in_the_way_of_who_read_before_it(found: Ledger) -> None:
    before = found.books().account
    found.approvals.halt(halted(TradingState.REDUCE_ONLY))
    account = found.books().account
    assert before is not None
    assert account is not None
    assert (account.trading_state, account.version) == (TradingState.REDUCE_ONLY, 2)
    with pytest.raises(Conflict):
        found.store.commit([ReserveCash(before, D(1), 1, 1)])


def test_an_account_that_was_never_opened_cannot_be_halted_and_has_no_books(found: Ledger) -> None:
    other = msgspec.structs.replace(halted(TradingState.HALTED), account="other")
    with pytest.raises(BadInput, match="'other' was never opened"):
        found.approvals.halt(other)
    assert ledger.read(found.table, "other").account is None


def test_an_order_is_read_back_as_it_was_approved(found: Ledger) -> None:
    one = order("A", limit_price="99.90", reduce_only=True)
    approve(found, one)
    assert ledger.records(found.table, ["A", "none"]) == {"A": OrderRecord(order=one)}
    assert found.books().positions["trend", "A/USDT"].open == D(2)


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
def test_an_order_that_is_not_as_it_was_approved_is_not_moved(found: Ledger, change: dict[str, object]) -> None:
    one = order("A")
    approve(found, one)
    other = OrderRecord(order=msgspec.structs.replace(one, **change))
    with pytest.raises(Conflict):
        found.store.commit([MoveOrder(other, claim(other, AT, 5, Harmless.UNSENT))])
    mine = OrderRecord(order=one)
    found.store.commit([MoveOrder(mine, claim(mine, AT, 5, Harmless.UNSENT))])


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
def test_an_operators_word_holds_however_busy_the_account_is(cloud: Cloud, times: int) -> None:
    once(cloud)
    found = open_ledger(cloud)
    busy = Busy(cloud.call, 0)
    table = Table(with_retries(busy, sleep=lambda _: None), "ledger")
    approvals = Approvals(DynamoLedger(table, Outbox(table, "risk", found.topics)), AT_ONCE)
    busy.times = times
    approvals.halt(halted(TradingState.HALTED))
    account = found.books().account
    assert account is not None
    assert (account.trading_state, account.trading_state_cause, busy.times) == (TradingState.HALTED, "halt-HALTED", 0)
    busy.times = times
    assert approvals.open(
        "spare", D(1), msgspec.structs.replace(halted(TradingState.ACTIVE), account="spare", id="spare")
    )


def test_a_rearmed_account_is_decided_on_anew(found: Ledger) -> None:
    batches = DynamoPolls(found.table)
    before = batches.read("main")
    found.approvals.halt(halted(TradingState.ACTIVE), rearm=True)
    with pytest.raises(Conflict):
        batches.note("main", before, CarriedForward(), rearmed=False)
    after = batches.read("main")
    assert found.approvals.book("main", after).rearmed
    batches.note("main", after, CarriedForward(), rearmed=False)
    assert not batches.read("main").rearmed
