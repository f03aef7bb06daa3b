"""The figures of an account's money in `status`."""

from decimal import Decimal

from fanfold.cli.app import parse
from fanfold.cli.commands.status import equity, expected_cash, opening, unmarked
from fanfold.ledger.account_books import AccountBooks, StoredAccount, StoredPosition
from fanfold.ledger.positions import Lot, Position
from fanfold.messages import TradingState
from fanfold.risk.exposure import Mark

ACCOUNT = StoredAccount(
    account="main",
    trading_state=TradingState.ACTIVE,
    cash=Decimal(793),
    reserved=Decimal(0),
    minute=0,
    orders_in_minute=0,
    version=1,
)
LONG = Position(lots=(Lot(Decimal(2), Decimal(100)),), realised=Decimal(0), fees=Decimal(2))
CLOSED = Position(lots=(), realised=Decimal(-3), fees=Decimal(2))
BOOKS = AccountBooks(
    account=ACCOUNT,
    positions={
        ("trend", "BTC/USDT"): StoredPosition(position=LONG, open=Decimal(0)),
        ("trend", "ETH/USDT"): StoredPosition(position=CLOSED, open=Decimal(0)),
    },
)


def test_cash_is_the_start_and_what_was_realised_less_fees_and_the_cost_of_what_is_held():
    assert expected_cash(Decimal(1000), BOOKS) == ACCOUNT.cash


def test_equity_counts_what_is_held_at_its_last_close():
    marks = {"BTC/USDT": Mark(price=Decimal(110), closes_at_s=60)}
    assert equity(ACCOUNT.cash, BOOKS, marks) == Decimal(1013)
    assert unmarked(BOOKS, marks) == []


def test_what_is_held_without_a_price_is_named_and_counts_nothing():
    assert equity(ACCOUNT.cash, BOOKS, {}) == ACCOUNT.cash
    assert unmarked(BOOKS, {}) == ["BTC/USDT"]


def test_an_account_of_a_stage_is_opened_there_and_one_on_this_machine_by_a_run():
    parse(opening("main", "live").split()[1:])
    assert opening("main", "live").startswith("fanfold open --stage live --account main ")
    assert opening("main", "local") == "fanfold run"
