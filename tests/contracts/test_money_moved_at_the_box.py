"""Somebody deposits, withdraws and buys at the exchange beside the desk, in the middle of a day."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from urllib.error import HTTPError

import pytest
from msgspec.structs import replace

from execution_service.real import RealAccount
from fanfold import desk, ids
from fanfold.errors import AT_ONCE
from fanfold.exchange.server import ManualClock, ServedExchange, serve
from fanfold.ledger.bookings import Bookings
from fanfold.ledger.real_changes import changes_of
from fanfold.messages import Order, OrdersApproved, OrderState, TradingState
from fanfold.risk.exposure import Mark
from fanfold.risk.poll import PollState
from fanfold.risk.valuation import valuation
from fanfold.simulation import market
from fanfold.simulation.ledger import MemoryLedger
from fanfold.simulation.stores import MemoryBus
from fanfold.trading.answers import Placed
from fanfold.trading.terms import TERMS
from fanfold.trading.venue import OrderRequest
from fanfold.venues.ccxt.keyed import KeyedClient
from fanfold.venues.ccxt.trading import ExchangeTrading
from support.box_admin import ask_box
from support.core_desk import START, A, B, raw
from support.execution_world import halted, order
from support.real_world import Events

CASH = Decimal(50_000)


class Traded(NamedTuple):
    """The exchange, its clock, the adapter under its key, and the account with its ledger."""

    served: ServedExchange
    clock: ManualClock
    venue: ExchangeTrading
    ledger: MemoryLedger
    account: RealAccount
    events: Events

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock() / 1_000, UTC)

    def minute(self) -> list[str]:
        """Let a minute pass, and the exchange's market with it; then reconcile."""
        ask_box(self.served.origin, "clock", {"ms": self.clock() + 60_000})
        return self.account.reconcile()

    def order(self, name: str, side: str, quantity: str) -> Order:
        """An order that trades at once."""
        quote = self.venue.quote(A)
        price = (quote.ask * 2 if side == "buy" else quote.bid / 2).quantize(Decimal("0.1"))
        own = ids.client_order_id(ids.derive("order", name))
        fields = {"limit_price": price, "kind": "limit", "time_in_force": "ioc", "client_order_id": own}
        fields |= {
            "decided_at": self.now(),
            "expires_at": self.now() + timedelta(minutes=5),
            "reduce_only": side == "sell",
        }
        fields |= {"reference_price": quote.ask, "reserved": price * Decimal(quantity) * 2 if side == "buy" else 0}
        return order(name, A, side, quantity=quantity, **fields)

    def trade(self, name: str, side: str, quantity: str) -> OrderState:
        approval = OrdersApproved(
            id=name, cause="t", at=self.now(), account="main", orders=[self.order(name, side, quantity)]
        )
        assert self.ledger.approve(self.ledger.book_of("main", PollState()), approval, 1, 1) == []
        self.account.place(approval)
        self.minute()
        return self.ledger.orders[name].state

    def by_hand(self, side: str, quantity: str) -> None:
        """Trade as a person does at the exchange, under no id of the desk's."""
        now = self.now()
        request = OrderRequest(
            order=self.order(f"hand {side}", side, quantity), claimed_at=now, deadline=now + timedelta(seconds=5)
        )
        assert isinstance(self.venue.place(request), Placed)

    def move(self, asset: str, amount: str) -> None:
        ask_box(self.served.origin, "balances", {"asset": asset, "amount": amount})

    @property
    def frozen(self) -> set[str]:
        return set(self.ledger.real_money("main").frozen_instruments)

    def equity(self) -> Decimal:
        """Return the equity that risk decides by, and that drawdown and the day's loss come from."""
        marks = {A: Mark(price=Decimal(60_000), closes_at_s=START), B: Mark(price=Decimal(3_000), closes_at_s=START)}
        return valuation(replace(self.ledger.book_of("main", PollState()), marks=marks)).equity


@pytest.fixture
def traded() -> Iterator[Traded]:
    with _traded() as account:
        account.minute()
        assert account.trade("first", "buy", "0.1") is OrderState.FILLED
        assert account.frozen == set()
        yield account


@contextmanager
def _traded() -> Iterator[Traded]:
    clock, events = ManualClock(START * 1_000), Events()

    def now() -> datetime:
        return datetime.fromtimestamp(clock() / 1_000, UTC)

    series = market.market(7, [A, B], 120, START - 3_600)
    with serve(series, clock=clock, deposits={"USDT": CASH}, moved=False) as served:
        credentials = {"api_key": served.key, "secret": served.secret}
        client = KeyedClient(TERMS["binance"], credentials, served.origin, clock=now, sleep=lambda _seconds: None)
        venue = ExchangeTrading(TERMS["binance"], client, now)
        ledger = MemoryLedger(MemoryBus())
        ledger.open("main", CASH, halted(TradingState.ACTIVE, now()))
        own = desk.build(raw(), "test")
        bookings = Bookings(ledger.store, AT_ONCE, beside=changes_of(own))
        yield Traded(served, clock, venue, ledger, RealAccount("main", own, bookings, venue, now, events), events)


@pytest.mark.parametrize("amount", ["20000", "-20000"])
def test_money_that_is_moved_is_neither_profit_nor_loss_and_is_told_once(traded: Traded, amount: str) -> None:
    before = traded.equity()
    traded.move("USDT", amount)
    traded.minute()
    assert traded.equity() == before
    assert traded.frozen == {A, B}
    traded.minute()
    assert traded.events.count("a balance differs from the books") == 1
    traded.account.accept()
    traded.minute()
    assert (traded.frozen, traded.equity()) == (set(), before)
    assert traded.trade("second", "buy", "0.01") is OrderState.FILLED


def test_an_exit_goes_out_while_money_that_was_moved_is_not_accepted(traded: Traded) -> None:
    traded.move("USDT", "-20000")
    traded.minute()
    assert traded.trade("exit", "sell", "0.09") is OrderState.FILLED
    assert traded.frozen == {A, B}


def test_a_purchase_by_hand_is_told_and_left_alone(traded: Traded) -> None:
    before, held = traded.equity(), traded.ledger.held("main")
    traded.by_hand("buy", "0.05")
    traded.minute()
    assert traded.events
    assert (traded.equity(), traded.ledger.held("main"), traded.frozen) == (before, held, {A, B})
    traded.account.accept()
    traded.minute()
    assert (traded.equity(), traded.ledger.held("main"), traded.frozen) == (before, held, set())


def test_no_more_than_is_free_is_withdrawn(traded: Traded) -> None:
    with pytest.raises(HTTPError):
        traded.move("USDT", "-60000")
