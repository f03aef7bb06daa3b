"""Real orders through real ccxt on a real socket: one request each, digits as approved, outcomes as values."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from fanfold.errors import BadInput, VenueUnavailable
from fanfold.trading.answers import Placed, Rejected, Unknown, VenueOrderState
from fanfold.trading.terms import TERMS, client_id, own_id, terms_of
from fanfold.venues.ccxt.keyed import KeyedClient
from support.exchange_server import Answer, Request
from support.keyed_exchange import (
    CLAIMED,
    CREDENTIALS,
    DEADLINE,
    PLACES,
    SYMBOL,
    KeyedExchange,
    claimed,
    fields,
    order,
    says,
)
from support.keyed_exchange import trading_at as connected

FIVE = sorted(PLACES)
MS = int(CLAIMED.timestamp() * 1_000)
OWN = order().client_order_id
FILL = {"price": "70120.00", "qty": "0.00080", "commission": "0.00000080", "commissionAsset": "BTC", "tradeId": 28}
OTHER_FILL = {"price": "70121.10", "qty": "0.00040", "commission": "0.01", "commissionAsset": "BNB", "tradeId": 29}
FULL = {
    "symbol": "BTCUSDT", "orderId": 12345678901, "orderListId": -1, "clientOrderId": OWN, "transactTime": MS + 20,
    "price": "70123.40", "origQty": "0.00120", "executedQty": "0.00120", "cummulativeQuoteQty": "84.14",
    "status": "FILLED", "timeInForce": "IOC", "type": "LIMIT", "side": "BUY", "fills": [FILL, OTHER_FILL],
}  # fmt: skip
ACKNOWLEDGED: dict[str, Any] = {
    "binance": FULL,
    "kraken": {"error": [], "result": {"descr": {"order": "buy"}, "txid": ["OUF4EM-FRGI2-MQMWZD"]}},
    "coinbase": {"success": True, "success_response": {"order_id": "c-1", "product_id": "BTC-USDT", "side": "BUY",
                                                       "client_order_id": OWN}},
    "okx": {"code": "0", "msg": "", "data": [{"ordId": "31", "clOrdId": OWN, "sCode": "0", "sMsg": ""}]},
    "bybit": {"retCode": 0, "retMsg": "OK", "result": {"orderId": "b-1", "orderLinkId": OWN}, "time": MS},
}  # fmt: skip
REFUSED: dict[str, tuple[Any, str]] = {
    "binance": ({"code": -2010, "msg": "Account has insufficient balance for requested action."}, "-2010"),
    "kraken": ({"error": ["EOrder:Insufficient funds"]}, "EOrder:Insufficient funds"),
    "coinbase": ({"success": False, "error_response": {"error": "INSUFFICIENT_FUND", "message": "no"}},
                 "INSUFFICIENT_FUND"),
    "okx": ({"code": "1", "msg": "", "data": [{"ordId": "", "sCode": "51008", "sMsg": "Insufficient"}]}, "51008"),
    "bybit": ({"retCode": 170131, "retMsg": "Balance insufficient", "result": {}}, "170131"),
}  # fmt: skip
DUPLICATE: dict[str, Any] = {
    "binance": {"code": -2010, "msg": "Duplicate order sent."},
    "okx": {"code": "1", "msg": "", "data": [{"ordId": "", "sCode": "51016", "sMsg": "Duplicated client order ID"}]},
    "bybit": {"retCode": 170141, "retMsg": "Duplicate clientOrderId", "result": {}},
}


@pytest.fixture
def exchange() -> KeyedExchange:
    return KeyedExchange()


SENT: dict[str, dict[str, Any]] = {
    "binance": {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "IOC", "quantity": "0.00120",
                "price": "70123.40", "newClientOrderId": OWN, "timestamp": str(MS), "recvWindow": "5000"},
    "kraken": {"pair": "BTCUSDT", "type": "buy", "ordertype": "limit", "timeinforce": "IOC", "volume": "0.00120",
               "price": "70123.40", "cl_ord_id": "fa4f01234567489aabcdef0123456789", "oflags": "fciq",
               "deadline": "2026-03-01T12:00:05.250Z"},
    "coinbase": {"product_id": "BTC-USDT", "side": "BUY", "client_order_id": OWN,
                 "order_configuration": {"sor_limit_ioc": {"base_size": "0.00120", "limit_price": "70123.40"}}},
    "okx": {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "ioc", "sz": "0.00120",
            "px": "70123.40", "clOrdId": OWN},
    "bybit": {"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "timeInForce": "IOC",
              "qty": "0.00120", "price": "70123.40", "orderLinkId": OWN},
}  # fmt: skip
HEADERS: dict[str, dict[str, str]] = {
    "okx": {"expTime": str(MS + 5_000), "OK-ACCESS-TIMESTAMP": "2026-03-01T12:00:00.250Z"},
    "bybit": {"X-BAPI-TIMESTAMP": str(MS), "X-BAPI-RECV-WINDOW": "5000"},
}


@pytest.mark.parametrize("name", FIVE)
def test_an_order_is_one_request_with_every_digit_and_the_fence_of_its_claim(
    exchange: KeyedExchange, origin: str, name: str
) -> None:
    exchange.private = lambda request: says(ACKNOWLEDGED[name])(request) if request.path == PLACES[name] else None
    outcome = connected(name, origin).place(claimed())
    assert isinstance(outcome, Placed), outcome
    (request,) = exchange.sent(PLACES[name])
    assert (request.method, outcome.order.client_order_id) == ("POST", OWN)
    sent = fields(request)
    assert {field: sent.get(field) for field in SENT[name]} == SENT[name]
    assert {field: request.headers.get(field) for field in HEADERS.get(name, {})} == HEADERS.get(name, {})


def test_an_answer_with_fills_gives_them_each_with_its_fee_in_its_own_currency(
    exchange: KeyedExchange, origin: str
) -> None:
    exchange.private = says(FULL)
    outcome = connected("binance", origin).place(claimed())
    assert isinstance(outcome, Placed)
    assert outcome.whole
    assert (outcome.order.state, outcome.order.filled) == (VenueOrderState.FILLED, Decimal("0.00120"))
    trades = [(trade.trade_id, trade.price, trade.quantity, trade.venue_order_id) for trade in outcome.trades]
    assert trades == [
        ("28", Decimal("70120.00"), Decimal("0.00080"), "12345678901"),
        ("29", Decimal("70121.10"), Decimal("0.00040"), "12345678901"),
    ]
    fees = [(charge.currency, charge.amount) for trade in outcome.trades for charge in trade.charges]
    assert fees == [("BTC", Decimal("8.0E-7")), ("BNB", Decimal("0.01"))]


@pytest.mark.parametrize("name", FIVE)
def test_a_refusal_that_is_definitive_says_so_with_the_code_of_the_exchange(
    exchange: KeyedExchange, origin: str, name: str
) -> None:
    document, code = REFUSED[name]
    exchange.private = lambda request: says(document, 400)(request) if request.path == PLACES[name] else None
    outcome = connected(name, origin).place(claimed())
    assert isinstance(outcome, Rejected), outcome
    assert (outcome.code, outcome.lapsed) == (code, False)


UNKNOWN: dict[str, Callable[[Request], Answer]] = {
    "no answer": lambda _: Answer(0),
    "an empty answer": says(b""),
    "an answer that breaks off": lambda _: Answer(200, b'{"orderId": 1', {"Content-Length": "4000"}),
    "half a document": says(b'{"symbol": "BTC'),
    "an answer without an id": says({}),
    "a list": says([]),
    "a page of a proxy": lambda _: Answer(403, b"<html>Forbidden</html>", {"Content-Type": "text/html"}),
    "a fault of the server": says({"code": -1000, "msg": "An unknown error occurred."}, 503),
    "a refusal behind a fault of the server": says({"code": -2010, "msg": "Insufficient"}, 500),
    "a time-out of the engine": says({"code": -1007, "msg": "Timeout waiting for response"}, 408),
    "an unexpected answer of the engine": says({"code": -1006, "msg": "Execution status unknown."}, 400),
    "a code that nobody knows": says({"code": -9999, "msg": "?"}, 400),
    "a redirect": lambda _: Answer(307, b"{}", {"Location": "/api/v3/order"}),
    "an order in a state that nobody knows": says(FULL | {"status": "PENDING_MAGIC"}),
    "an order without a quantity": says({"orderId": 7, "clientOrderId": OWN, "status": "NEW", "symbol": "BTCUSDT"}),
}


@pytest.mark.parametrize("why", UNKNOWN)
def test_an_indefinite_answer_is_unknown_after_one_request(exchange: KeyedExchange, origin: str, why: str) -> None:
    exchange.private = UNKNOWN[why]
    outcome = connected("binance", origin).place(claimed())
    assert isinstance(outcome, Unknown), outcome
    assert outcome.why
    assert len(exchange.sent(PLACES["binance"])) == 1


@pytest.mark.parametrize("name", FIVE)
@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"<html></html>", b"null", b"[]", b'"text"', b"0"])
def test_an_answer_of_unknown_form_is_unknown_at_every_exchange(
    exchange: KeyedExchange, origin: str, name: str, body: bytes
) -> None:
    exchange.private = lambda request: Answer(200, body) if request.path == PLACES[name] else None
    assert isinstance(connected(name, origin).place(claimed()), Unknown)
    assert len(exchange.sent(PLACES[name])) == 1


@pytest.mark.parametrize("name", sorted(DUPLICATE))
def test_an_order_that_is_there_already_is_looked_up_and_not_rejected(
    exchange: KeyedExchange, origin: str, name: str
) -> None:
    exchange.private = lambda request: says(DUPLICATE[name], 400)(request) if request.path == PLACES[name] else None
    outcome = connected(name, origin).place(claimed())
    assert isinstance(outcome, Unknown)
    assert "there already" in outcome.why


@pytest.mark.parametrize(
    ("document", "status"),
    [({"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}, 400),
     ({"code": -1003, "msg": "Too many requests."}, 429), ({"code": -1015, "msg": "Too many new orders."}, 429)],
)  # fmt: skip
def test_a_request_that_came_late_or_one_too_many_may_be_claimed_anew(
    exchange: KeyedExchange, origin: str, document: Any, status: int
) -> None:
    exchange.private = says(document, status)
    outcome = connected("binance", origin).place(claimed())
    assert isinstance(outcome, Rejected), outcome
    assert outcome.lapsed


def test_nothing_is_sent_while_the_exchange_has_banned_us(exchange: KeyedExchange, origin: str) -> None:
    exchange.private = lambda _: Answer(418, b'{"code": -1003, "msg": "banned"}', {"Retry-After": "60"})
    trading = connected("binance", origin)
    with pytest.raises(VenueUnavailable):
        trading.open_orders()
    before = len(exchange.requests)
    outcome = trading.place(claimed())
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.lapsed) == ("NOT_SENT", True)
    assert len(exchange.requests) == before


@pytest.mark.parametrize(
    "changes",
    [{"quantity": Decimal("0.000012345")}, {"limit_price": Decimal("70123.405")}, {"quantity": Decimal("0.000001")},
     {"instrument": "ETH/USDT"}, {"kind": "market", "limit_price": None}],
    ids=str,
)  # fmt: skip
def test_an_order_that_does_not_fit_is_rejected_before_anything_is_sent(
    exchange: KeyedExchange, origin: str, changes: dict[str, Any]
) -> None:
    outcome = connected("binance", origin).place(claimed(**changes))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "UNFIT"
    assert exchange.requests == []


def test_a_connection_that_rested_is_not_used_for_an_order(exchange: KeyedExchange, origin: str) -> None:
    exchange.private = says([])
    trading = connected("binance", origin)
    trading.open_orders()
    clock = iter([0.0, 100.0, 200.0, 300.0, 400.0])
    client: Any = trading._client
    client._monotonic = lambda: next(clock)
    closed: list[bool] = []
    session = client._ccxt.session
    session.close = lambda: closed.append(True)
    trading.open_orders()
    assert closed == []
    exchange.private = says(FULL)
    assert isinstance(trading.place(claimed()), Placed)
    assert closed == [True]


@pytest.mark.parametrize("name", FIVE)
def test_a_key_is_in_no_text(exchange: KeyedExchange, origin: str, name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    exchange.private = lambda request: says(REFUSED[name][0], 400)(request) if request.path == PLACES[name] else None
    trading = connected(name, origin)
    texts = [repr(trading.place(claimed())), repr(trading._client)]
    exchange.private = lambda _request: Answer(0)
    with pytest.raises(VenueUnavailable) as caught:
        trading.open_orders()
    texts += [str(caught.value), caplog.text]
    assert not [text for text in texts for secret in CREDENTIALS.values() if secret in text and secret != "word"]


@pytest.mark.parametrize(
    ("credentials", "says_"),
    [({"api_key": "k"}, "needs .*secret"), ({"apikey": "k", "secret": "s"}, "apikey"), ({}, "needs")],
)
def test_a_key_that_lacks_a_part_is_refused_by_name(credentials: dict[str, str], says_: str) -> None:
    with pytest.raises(BadInput, match=says_) as caught:
        KeyedClient(TERMS["binance"], credentials)
    assert "'k'" not in str(caught.value)


def test_an_id_is_made_to_fit_what_an_exchange_asks_for_and_read_back() -> None:
    for terms in TERMS.values():
        sent = client_id(terms, OWN)
        assert terms.client_id_length_min <= len(sent) <= terms.client_id_length_max
        assert own_id(terms, sent) == OWN
        assert own_id(terms, "somebody-else") == "somebody-else"
    with pytest.raises(BadInput, match="gate takes no real orders yet; binance, bybit"):
        terms_of("gate")


def test_a_deadline_is_the_claim_and_the_window() -> None:
    assert {terms.window_s for terms in TERMS.values()} == {5}
    assert CLAIMED + timedelta(seconds=5) == DEADLINE
    assert order().instrument == SYMBOL
