"""Stops and post-only orders: the native request of each exchange."""

from decimal import Decimal
from typing import Any

import pytest

from fanfold.trading.answers import Placed, Rejected
from fanfold.trading.terms import TERMS
from support.keyed_exchange import PLACES, SYMBOL, KeyedExchange, claimed, fields, order, says, trading_at

OWN = order().client_order_id
STOP: dict[str, Any] = {
    "side": "sell", "kind": "stop", "time_in_force": "gtc", "reduce_only": True, "reserved": Decimal(0),
    "stop_price": Decimal("68000.10"), "limit_price": Decimal("67000.00"),
}  # fmt: skip
ACKNOWLEDGED: dict[str, Any] = {
    "binance": {
        "symbol": "BTCUSDT", "orderId": 77, "orderListId": -1, "clientOrderId": OWN, "price": "67000.00",
        "origQty": "0.00120", "executedQty": "0.00000", "cummulativeQuoteQty": "0.00", "status": "NEW",
        "timeInForce": "GTC", "type": "STOP_LOSS_LIMIT", "side": "SELL", "stopPrice": "68000.10", "fills": [],
    },
    "kraken": {"error": [], "result": {"descr": {"order": "sell"}, "txid": ["OUF4EM-FRGI2-MQMWZD"]}},
}  # fmt: skip
SENT: dict[str, dict[str, str]] = {
    "binance": {"type": "STOP_LOSS_LIMIT", "timeInForce": "GTC", "stopPrice": "68000.10", "price": "67000.00",
                "side": "SELL", "quantity": "0.00120", "newClientOrderId": OWN},
    "kraken": {"ordertype": "stop-loss-limit", "price": "68000.10", "price2": "67000.00", "trigger": "last",
               "type": "sell", "volume": "0.00120"},
}  # fmt: skip


@pytest.fixture
def exchange() -> KeyedExchange:
    return KeyedExchange()


def test_the_exchanges_where_a_stop_rests_are_those_whose_requests_are_known() -> None:
    assert {name for name, terms in TERMS.items() if "stop-limit" in terms.rests} == set(SENT)
    assert all(TERMS[name].fence for name in SENT)


@pytest.mark.parametrize("name", sorted(SENT))
def test_a_stop_goes_out_with_both_of_its_prices(exchange: KeyedExchange, origin: str, name: str) -> None:
    exchange.private = says(ACKNOWLEDGED[name])
    outcome = trading_at(name, origin).place(claimed(**STOP))
    assert isinstance(outcome, Placed), outcome
    assert outcome.order.filled == 0
    (request,) = exchange.sent(PLACES[name])
    assert fields(request).items() >= SENT[name].items()


@pytest.mark.parametrize("name", sorted(PLACES.keys() - SENT.keys()))
def test_a_stop_is_not_sent_where_it_does_not_rest(exchange: KeyedExchange, origin: str, name: str) -> None:
    outcome = trading_at(name, origin).place(claimed(**STOP))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, exchange.sent(PLACES[name])) == ("UNFIT", [])


@pytest.mark.parametrize("price", ["68000.105", "68000.1234"])
def test_a_stop_price_off_the_tick_is_rejected_before_anything_is_sent(
    exchange: KeyedExchange, origin: str, price: str
) -> None:
    outcome = trading_at("binance", origin).place(claimed(**STOP | {"stop_price": Decimal(price)}))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, SYMBOL in outcome.detail or "price" in outcome.detail) == ("UNFIT", True)
    assert exchange.sent(PLACES["binance"]) == []


POST_ONLY: dict[str, dict[str, Any]] = {
    "binance": {"type": "LIMIT_MAKER", "price": "70123.40"},
    "kraken": {"ordertype": "limit", "oflags": "fciq,post"},
    "coinbase": {"order_configuration": {"limit_limit_gtc": {
        "base_size": "0.00120", "limit_price": "70123.40", "post_only": True}}},
    "okx": {"ordType": "post_only", "px": "70123.40"},
    "bybit": {"timeInForce": "PostOnly", "orderType": "Limit"},
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(POST_ONLY))
def test_a_post_only_order_asks_every_exchange_never_to_take(exchange: KeyedExchange, origin: str, name: str) -> None:
    exchange.private = says({})
    trading_at(name, origin).place(claimed(time_in_force="gtc", post_only=True))
    (request,) = exchange.sent(PLACES[name])
    sent = fields(request)
    assert sent.items() >= POST_ONLY[name].items()
    assert not (name == "binance" and "timeInForce" in sent)
