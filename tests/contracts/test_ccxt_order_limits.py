"""An exchange's limits and odd cases: bans, late turns, fees, corrections, and figures as recorded."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest

from fanfold.errors import VenueUnavailable
from fanfold.trading.answers import Placed, Rejected, Unknown
from fanfold.trading.terms import TERMS, client_id, own_id
from fanfold.venues.ccxt.fault_texts import plain
from support.exchange_server import Answer, Request
from support.keyed_exchange import CLAIMED, DEADLINE, PLACES, KeyedExchange, claimed, order, says
from support.keyed_exchange import trading_at as connected

RECORDED = Path(__file__).resolve().parents[2].parent / "shared/data/api_fixtures/nautilus"
recorded = pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded answers are not beside the repository")
EARLY = datetime(2017, 1, 1, tzinfo=UTC)
OWN = order().client_order_id


@pytest.fixture
def exchange() -> KeyedExchange:
    return KeyedExchange()


def at_places(exchange: KeyedExchange, name: str, answer: Any) -> None:
    """Answer orders so, and everything else as the make-believe exchange does."""
    exchange.private = lambda request: answer(request) if request.path == PLACES[name] else None


@pytest.mark.parametrize(
    ("status", "body"), [(429, b'{"code": -1003, "msg": "Too many requests."}'), (418, b""), (429, b"<html></html>")]
)
def test_a_ban_that_meets_an_order_keeps_every_later_request_from_going_out(
    exchange: KeyedExchange, origin: str, status: int, body: bytes
) -> None:
    at_places(exchange, "binance", lambda _: Answer(status, body, {"Retry-After": "30"}))
    trading = connected("binance", origin)
    # Without a code there is no telling whether the order was looked at.
    assert isinstance(trading.place(claimed()), Rejected if b"-1003" in body else Unknown)
    sent = len(exchange.requests)
    second = trading.place(claimed())
    assert isinstance(second, Rejected)
    assert (second.code, second.lapsed) == ("NOT_SENT", True)
    with pytest.raises(VenueUnavailable, match="not asked again for"):
        trading.open_orders()
    assert len(exchange.requests) == sent


def test_a_ban_that_meets_a_cancel_is_kept_as_well(exchange: KeyedExchange, origin: str) -> None:
    exchange.private = lambda _: Answer(429, b'{"code": -1003, "msg": "Too many."}', {"Retry-After": "30"})
    trading = connected("binance", origin)
    assert isinstance(trading.cancel(order(), "7"), Unknown)
    assert [request.method for request in exchange.requests] == ["DELETE"]


@pytest.mark.parametrize("name", sorted(PLACES))
def test_an_order_whose_turn_comes_after_its_deadline_is_not_sent(
    exchange: KeyedExchange, origin: str, name: str
) -> None:
    trading: Any = connected(name, origin)
    trading._now = lambda: DEADLINE + timedelta(milliseconds=1)
    outcome = trading.place(claimed())
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.lapsed) == ("NOT_SENT", name != "coinbase")
    assert exchange.sent(PLACES[name]) == []


@pytest.mark.parametrize(
    ("name", "own_id", "stamp"),
    [
        ("binance", "newClientOrderId", lambda _request, fields: int(fields["timestamp"])),
        ("bybit", "orderLinkId", lambda request, _fields: int(request.headers["X-BAPI-TIMESTAMP"])),
        ("okx", "clOrdId", lambda request, _fields: int(request.headers["expTime"]) - 5_000),
    ],
    ids=["binance", "bybit", "okx"],
)
def test_orders_of_several_threads_carry_each_the_time_of_its_own_claim(
    exchange: KeyedExchange, origin: str, name: str, own_id: str, stamp: Callable[[Request, dict[str, Any]], int]
) -> None:
    at_places(exchange, name, lambda _: Answer(200, b"{}"))
    trading: Any = connected(name, origin)
    trading._client.markets()
    trading._client.pace.take = lambda _cost=None: None
    claims = {f"{number:026x}": CLAIMED + timedelta(milliseconds=number) for number in range(40)}

    def place(own: str) -> None:
        request = claimed(client_order_id=own)
        at = claims[own]
        trading.place(msgspec.structs.replace(request, claimed_at=at, deadline=at + timedelta(seconds=5)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(place, claims))
    stamps = {}
    for request in exchange.sent(PLACES[name]):
        body = request.body
        fields = json.loads(body) if body.startswith("{") else dict(parse_qsl(body))
        stamps[fields[own_id]] = stamp(request, fields)
    assert stamps == {own: round(at.timestamp() * 1_000) for own, at in claims.items()}
    assert len(exchange.sent(PLACES[name])) == len(claims)


def test_a_refused_connection_leaves_the_outcome_unknown() -> None:
    trading = connected("binance", "http://127.0.0.1:9")
    client: Any = trading._client
    client._ccxt.set_markets({"BTC/USDT": _market()})
    outcome = trading.place(claimed())
    assert isinstance(outcome, Unknown)
    assert "NetworkError" in outcome.why


def _market() -> dict[str, Any]:
    limits = {name: {"min": None, "max": None} for name in ("amount", "price", "cost")}
    precision = {"amount": "0.00001", "price": "0.01"}
    kind = {"spot": True, "linear": None, "inverse": None, "swap": False, "future": False, "option": False}
    names = {"id": "BTCUSDT", "symbol": "BTC/USDT", "base": "BTC", "quote": "USDT", "type": "spot"}
    return {**names, **kind, "contract": False, "limits": limits, "precision": precision, "info": {}}


def test_markets_that_cannot_be_loaded_mean_that_nothing_was_sent(exchange: KeyedExchange, origin: str) -> None:
    exchange.fault = lambda path, _query: Answer(503, b"down") if path.endswith("exchangeInfo") else None
    outcome = connected("binance", origin).place(claimed())
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.lapsed) == ("NOT_SENT", True)


def test_the_time_out_of_a_client_is_its_own(origin: str) -> None:
    trading: Any = connected("binance", origin, timeout_s=0.25)
    assert trading._client._ccxt.timeout == 250


def test_no_signature_is_in_a_text(exchange: KeyedExchange, origin: str) -> None:
    exchange.private = lambda _: Answer(502, b"bad gateway")
    trading = connected("binance", origin)
    texts = [repr(trading.cancel(order(), "7"))]
    for read in (trading.open_orders, trading.balances, lambda: trading.trades("BTC/USDT", CLAIMED)):
        with pytest.raises(VenueUnavailable) as caught:
            read()
        texts.append(str(caught.value))
    assert len(exchange.requests) == 5
    assert all("signature" in request.query for request in exchange.requests)
    assert not [text for text in texts if "signature" in text or "timestamp" in text]
    assert plain(ValueError("url: /api?a=1&signature=ff (Caused by x)")) == "url: /api (Caused by x)"


UNDECIDED = [
    ["EService:Deadline elapsed"],
    ["EGeneral:Invalid arguments:cl_ord_id"],
    ["EService:Busy"],
    ["EGeneral:Internal error"],
]


@pytest.mark.parametrize("errors", UNDECIDED, ids=str)
def test_a_response_that_leaves_a_kraken_order_open_is_unknown(
    exchange: KeyedExchange, origin: str, errors: list[str]
) -> None:
    at_places(exchange, "kraken", says({"error": errors}))
    assert isinstance(connected("kraken", origin).place(claimed()), Unknown)


def test_kraken_names_the_wrong_argument_behind_the_code(exchange: KeyedExchange, origin: str) -> None:
    at_places(exchange, "kraken", says({"error": ["EGeneral:Invalid arguments:volume minimum not met"]}))
    outcome = connected("kraken", origin).place(claimed())
    assert isinstance(outcome, Rejected)
    assert outcome.code == "EGeneral:Invalid arguments"
    assert "volume minimum not met" in outcome.detail


def test_krakens_id_is_a_uuid_and_ids_of_others_stay_as_they_are() -> None:
    kraken = TERMS["kraken"]
    for number in range(50):
        own = f"{number:026x}"
        sent = client_id(kraken, own)
        assert (len(sent), sent[12], sent[16] in "89ab") == (32, "4", True)
        assert own_id(kraken, sent) == own
    for other in ("6d1b345e2821440ea8cd4ecb18a06876", "d15708c1-dbb6-465d-b77d-47258319cc90", "fa4f", OWN):
        assert own_id(kraken, other) == other


def test_krakens_trades_are_those_of_the_book_and_not_merged_by_order(exchange: KeyedExchange, origin: str) -> None:
    exchange.private = says({"error": [], "result": {"trades": {}, "count": 0}})
    assert connected("kraken", origin).trades("BTC/USDT", CLAIMED) == []
    (request,) = exchange.sent("/0/private/TradesHistory")
    assert "consolidate_taker=false" in request.body


@pytest.mark.parametrize("kind", ["REVERSAL", "CORRECTION", "SYNTHETIC"])
def test_a_trade_that_undoes_another_is_no_further_fill(exchange: KeyedExchange, origin: str, kind: str) -> None:
    fill = {
        "entry_id": "1", "trade_id": "t", "order_id": "o", "trade_time": "2026-03-01T12:00:01Z", "trade_type": kind,
        "price": "70000", "size": "0.001", "commission": "0.1", "product_id": "BTC-USDT", "side": "BUY",
        "liquidity_indicator": "TAKER", "size_in_quote": False,
    }  # fmt: skip

    def private(request: Request) -> Answer | None:
        return says({"fills": [fill], "cursor": ""})(request) if request.path.endswith("fills") else None

    exchange.private = private
    with pytest.raises(VenueUnavailable, match=f"{kind} of a trade"):
        connected("coinbase", origin).trades("BTC/USDT", CLAIMED)


def test_okx_refuses_a_late_timestamp_for_that_request_alone(exchange: KeyedExchange, origin: str) -> None:
    at_places(exchange, "okx", says({"code": "50102", "msg": "Timestamp request expired", "data": []}, 401))
    outcome = connected("okx", origin).place(claimed())
    assert isinstance(outcome, Rejected)
    assert outcome.lapsed


def test_fees_of_one_currency_are_added_up(exchange: KeyedExchange, origin: str) -> None:
    fill = {"price": "70120.00", "qty": "0.00120", "commission": "0.1", "commissionAsset": "BNB", "tradeId": 1}
    document = {
        "symbol": "BTCUSDT", "orderId": 7, "clientOrderId": OWN, "transactTime": int(CLAIMED.timestamp() * 1_000),
        "price": "70123.40", "origQty": "0.00120", "executedQty": "0.00120", "cummulativeQuoteQty": "84.14",
        "status": "FILLED", "timeInForce": "IOC", "type": "LIMIT", "side": "BUY", "fills": [fill],
    }  # fmt: skip
    at_places(exchange, "binance", says(document))
    outcome = connected("binance", origin).place(claimed())
    assert isinstance(outcome, Placed)
    (trade,) = outcome.trades
    assert [(charge.currency, charge.amount) for charge in trade.charges] == [("BNB", Decimal("0.1"))]


@recorded
def test_a_recorded_trade_of_okx_is_read_with_its_fee_as_a_charge(exchange: KeyedExchange, origin: str) -> None:
    document = json.loads((RECORDED / "okx/http_transaction_detail.json").read_bytes())
    exchange.private = says({"code": "0", "msg": "", "data": [document]})
    (trade,) = connected("okx", origin).trades("BTC/USDT", EARLY)
    assert (trade.trade_id, trade.venue_order_id, trade.client_order_id) == ("123456789", "987654321", "client_123")
    assert (trade.price, trade.quantity, trade.liquidity) == (Decimal("42000.5"), Decimal("0.001"), "taker")
    # OKX states what it took as a negative amount; this recording is of a rebate.
    assert [(charge.currency, charge.amount) for charge in trade.charges] == [("USDT", Decimal("-0.042"))]
    document["fee"] = ""
    exchange.private = says({"code": "0", "msg": "", "data": [document]})
    (trade,) = connected("okx", origin).trades("BTC/USDT", EARLY)
    assert trade.charges == ()


@recorded
def test_recorded_executions_of_bybit_are_read_with_fee_and_side(exchange: KeyedExchange, origin: str) -> None:
    exchange.private = says(
        (RECORDED / "bybit/http_get_executions.json").read_bytes().replace(b"132766%3A2%2C132766%3A2", b"")
    )
    recent = connected("bybit", origin).trades("BTC/USDT", CLAIMED - timedelta(days=1))
    assert recent == []
    recorded_at = datetime(2022, 12, 29, tzinfo=UTC)
    trading: Any = connected("bybit", origin)
    trading._now = lambda: recorded_at + timedelta(days=1)
    trades = {trade.trade_id: trade for trade in trading.trades("BTC/USDT", recorded_at)}
    first = trades["e0cbe81d-0f18-5866-9415-cf319b5dab3b"]
    assert (first.side, first.liquidity, first.quantity) == ("buy", "maker", Decimal("0.100"))
    assert [(charge.currency, f"{charge.amount}") for charge in first.charges] == [("USDT", "0.0150")]


@recorded
@pytest.mark.parametrize(
    ("name", "file", "expected"),
    [
        ("binance", "binance/spot/http_json/account_response.json",
         {"BTC": "4723846.89208129", "LTC": "4763368.68006011"}),
        ("okx", "okx/http_get_account_balance.json", {"USDT": "99.89469657000001"}),
        ("coinbase", "coinbase/http_accounts.json", {"BTC": "1.23956789", "USD": "10450.50"}),
        ("bybit", "bybit/http_get_wallet_balance.json", {"BTC": "0", "USDT": "1000.50", "ETH": "0"}),
    ],
)  # fmt: skip
def test_recorded_balances_are_read_free_and_locked_together(
    exchange: KeyedExchange, origin: str, name: str, file: str, expected: dict[str, str]
) -> None:
    body = (RECORDED / file).read_bytes()

    def private(request: Request) -> Answer | None:
        return None if "products" in request.path or "summary" in request.path else Answer(200, body)

    exchange.private = private
    balances = connected(name, origin).balances()
    assert {currency: Decimal(amount) for currency, amount in expected.items()} == dict(balances)


def test_balances_of_kraken_are_whole_and_under_the_usual_names(exchange: KeyedExchange, origin: str) -> None:
    held = {"XXBT": {"balance": "1.5000000001", "hold_trade": "0.5"}, "ZUSD": {"balance": "7.0", "hold_trade": "0"}}
    exchange.private = says({"error": [], "result": held})
    assert dict(connected("kraken", origin).balances()) == {"BTC": Decimal("1.5000000001"), "USD": Decimal("7.0")}


def test_accounts_of_one_currency_at_coinbase_are_added_up_page_by_page(exchange: KeyedExchange, origin: str) -> None:
    def account(free: str, held: str) -> dict[str, Any]:
        return {"currency": "BTC", "available_balance": {"value": free}, "hold": {"value": held}, "type": "NEW_KIND"}

    pages = {"": ([account("1", "0.5")], "next"), "next": ([account("0.25", "0")], "")}

    def private(request: Request) -> Answer | None:
        if not request.path.endswith("/accounts"):
            return None
        accounts, cursor = pages[request.query.get("cursor", "")]
        return says({"accounts": accounts, "cursor": cursor, "has_next": bool(cursor)})(request)

    exchange.private = private
    assert dict(connected("coinbase", origin).balances()) == {"BTC": Decimal("1.75")}
