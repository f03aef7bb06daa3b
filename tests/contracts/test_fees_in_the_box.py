"""An account that pays its fees in a coin of the simulated exchange, which its desk trades too."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import pytest

from execution_service.real import RealAccount
from fanfold import desk, ids
from fanfold.errors import AT_ONCE
from fanfold.exchange.server import ManualClock, ServedExchange, serve
from fanfold.ledger.bookings import Bookings
from fanfold.ledger.real_changes import changes_of
from fanfold.messages import OrdersApproved, OrderState, TradingState
from fanfold.risk.poll import PollState
from fanfold.simulation import market
from fanfold.simulation.ledger import MemoryLedger
from fanfold.simulation.stores import MemoryBus
from fanfold.trading.terms import TERMS
from fanfold.venues.ccxt.dialects.dialect import NativeCall
from fanfold.venues.ccxt.keyed import KeyedClient
from fanfold.venues.ccxt.trading import ExchangeTrading
from support.core_desk import raw
from support.execution_world import halted, order
from support.real_world import Events

BTC, BNB = "BTC/USDT", "BNB/USDT"
START = 1_772_366_400
HOURS_2 = 120


class Boxed(NamedTuple):
    """The exchange, its clock, the adapter under its key, and a ledger of the account."""

    served: ServedExchange
    clock: ManualClock
    client: KeyedClient
    venue: ExchangeTrading
    ledger: MemoryLedger
    account: RealAccount

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock() / 1_000, UTC)

    def trade(self, name: str, instrument: str, side: str, quantity: str) -> OrderState:
        """Trade at once; return what became of the order."""
        quote = self.venue.quote(instrument)
        price = quote.ask * 2 if side == "buy" else quote.bid / 2
        own = ids.client_order_id(ids.derive("order", name))
        fields = {"limit_price": price.quantize(Decimal("0.1")), "kind": "limit", "time_in_force": "ioc"}
        fields |= {"client_order_id": own, "decided_at": self.now(), "expires_at": self.now() + timedelta(minutes=5)}
        fields |= {"reference_price": quote.ask, "reserved": quote.ask * 3 * Decimal(quantity) if side == "buy" else 0}
        placed = order(name, instrument, side, quantity=quantity, **fields)
        approval = OrdersApproved(id=name, cause="t", at=self.now(), account="main", orders=[placed])
        assert self.ledger.approve(self.ledger.book_of("main", PollState()), approval, 1, 1) == []
        self.account.place(approval)
        self.clock.now_ms += 60_000
        self.account.reconcile()
        return self.ledger.orders[name].state

    def held(self, instrument: str) -> Decimal:
        return self.ledger.positions["main"]["trend", instrument].position.quantity

    def pay_in_coin(self) -> Any:
        return self.client.call(NativeCall("sapiPostBnbBurn", {"spotBNBBurn": "true"}))


@pytest.fixture
def boxed() -> Iterator[Boxed]:
    clock = ManualClock(START * 1_000)

    def now() -> datetime:
        return datetime.fromtimestamp(clock() / 1_000, UTC)

    rules = market.catalogue()
    listed = {BTC: rules[BTC], BNB: msgspec.structs.replace(rules["SOL/USDT"], base="BNB")}
    series = market.market(7, [BTC, "SOL/USDT"], HOURS_2, START - 3_600)
    series = [msgspec.structs.replace(each, instrument=name) for each, name in zip(series, listed, strict=True)]
    deposits = {"USDT": Decimal(100_000)}
    with serve(series, listed, clock=clock, deposits=deposits, moved=False) as served:
        credentials = {"api_key": served.key, "secret": served.secret}
        client = KeyedClient(TERMS["binance"], credentials, served.origin, clock=now, sleep=lambda _seconds: None)
        venue = ExchangeTrading(TERMS["binance"], client, now)
        ledger = MemoryLedger(MemoryBus())
        ledger.open("main", Decimal(100_000), halted(TradingState.ACTIVE, now()))
        document = raw()
        own = {"tick": "0.01", "lot": "0.001", "notional_min": "5", "as_of": "2026-03-01", "source": "test"}
        document["instruments"][BNB] = {"base": "BNB", "quote": "USDT", **own}
        document["venues"]["v"]["symbols"].append(BNB)
        traded = desk.build(document, "test")
        account = RealAccount(
            "main", traded, Bookings(ledger.store, AT_ONCE, beside=changes_of(traded)), venue, now, Events()
        )
        account.reconcile()
        yield Boxed(served, clock, client, venue, ledger, account)


def test_a_position_that_has_paid_fees_of_other_orders_is_sold_whole(boxed: Boxed) -> None:
    assert boxed.trade("coin", BNB, "buy", "20") is OrderState.FILLED
    assert boxed.pay_in_coin() == {"spotBNBBurn": True, "interestBNBBurn": False}
    before = boxed.held(BNB)
    assert boxed.trade("other", BTC, "buy", "0.2") is OrderState.FILLED
    at_venue = boxed.venue.balances()
    assert boxed.held(BTC) == at_venue["BTC"] == Decimal("0.2")
    assert boxed.held(BNB) == at_venue["BNB"] < before
    whole = boxed.held(BNB).quantize(Decimal("0.01"), rounding="ROUND_DOWN")
    assert boxed.trade("exit", BNB, "sell", str(whole)) is OrderState.FILLED
    assert boxed.held(BNB) == boxed.venue.balances()["BNB"] >= 0
    assert not {BTC, BNB} & boxed.ledger.real_money("main").frozen_instruments.keys()


def test_a_fee_is_paid_in_what_is_received_where_too_little_of_the_coin_is_free(boxed: Boxed) -> None:
    boxed.pay_in_coin()
    assert boxed.trade("other", BTC, "buy", "0.2") is OrderState.FILLED
    assert boxed.held(BTC) == boxed.venue.balances()["BTC"] == Decimal("0.2") * Decimal("0.999")


def test_a_fee_in_the_coin_is_a_quarter_less(boxed: Boxed) -> None:
    boxed.trade("coin", BNB, "buy", "20")
    boxed.pay_in_coin()
    boxed.trade("other", BTC, "buy", "0.2")
    (trade,) = boxed.venue.trades(BTC, boxed.now() - timedelta(minutes=5))
    (charge,) = trade.charges
    worth = boxed.venue.worth("BNB", "USDT")
    assert charge.currency == "BNB"
    assert worth is not None
    paid = charge.amount * worth / (trade.price * trade.quantity)
    assert abs(paid - Decimal("0.00075")) < Decimal("0.00002")
