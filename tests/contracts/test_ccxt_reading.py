"""Orders, trades and balances of a key as five exchanges state them, read exactly through real ccxt."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from fanfold.errors import BadInput, VenueUnavailable
from fanfold.trading.answers import Unknown, VenueOrderState
from fanfold.trading.terms import TERMS, client_id
from support.exchange_server import Answer, Request
from support.keyed_exchange import CLAIMED, KeyedExchange, claimed, order, says, trading_at

# Nothing here is about an exchange's pace, for which some of these would wait a quarter of a minute.
connected = partial(trading_at, sleep=lambda _seconds: None)
RECORDED = Path(__file__).resolve().parents[2].parent / "shared/data/api_fixtures/nautilus"
OWN = order().client_order_id
MS = int(CLAIMED.timestamp() * 1_000)
Private = Callable[[Request], Answer | None]
BINANCE_ORDER = {
    "symbol": "BTCUSDT", "orderId": 7, "orderListId": -1, "clientOrderId": OWN, "price": "70123.40",
    "origQty": "0.00120", "executedQty": "0.00050", "cummulativeQuoteQty": "35.06", "status": "PARTIALLY_FILLED",
    "timeInForce": "GTC", "type": "LIMIT", "side": "BUY", "time": MS, "updateTime": MS,
}  # fmt: skip
OKX_ORDER = {
    "instId": "BTC-USDT", "instType": "SPOT", "ordId": "7", "clOrdId": OWN, "px": "70123.4", "sz": "0.0012",
    "accFillSz": "0.0005", "avgPx": "70120", "state": "partially_filled", "ordType": "limit", "side": "buy",
    "cTime": str(MS), "uTime": str(MS), "fee": "-0.0000005", "feeCcy": "BTC",
}  # fmt: skip
BYBIT_ORDER = {
    "symbol": "BTCUSDT", "orderId": "7", "orderLinkId": OWN, "orderType": "Limit", "timeInForce": "GTC", "side": "Buy",
    "price": "70123.4", "qty": "0.0012", "cumExecQty": "0.0005", "cumExecValue": "35.06", "leavesQty": "0.0007",
    "avgPrice": "70120", "orderStatus": "PartiallyFilled", "createdTime": str(MS), "updatedTime": str(MS),
}  # fmt: skip
COINBASE_ORDER = {
    "order_id": "7", "product_id": "BTC-USDT", "side": "BUY", "client_order_id": OWN, "status": "OPEN",
    "order_configuration": {"limit_limit_gtc": {"base_size": "0.0012", "limit_price": "70123.4", "post_only": False}},
    "created_time": "2026-03-01T12:00:00Z", "filled_size": "0.0005", "average_filled_price": "70120", "fee": "",
    "total_fees": "0.1", "filled_value": "35.06", "order_type": "LIMIT", "time_in_force": "GOOD_UNTIL_CANCELLED",
}  # fmt: skip
KRAKEN_ORDER = {
    "refid": None, "cl_ord_id": client_id(TERMS["kraken"], OWN), "status": "open", "opentm": CLAIMED.timestamp(),
    "vol": "0.00120000", "vol_exec": "0.00050000",
    "cost": "35.06", "fee": "0.1", "price": "70120.0", "stopprice": "0", "limitprice": "0",
    "misc": "", "oflags": "fciq",
    "descr": {"pair": "BTCUSDT", "type": "buy", "ordertype": "limit", "price": "70123.4", "price2": "0", "close": "",
              "leverage": "none", "order": "buy 0.00120000 BTCUSDT @ limit 70123.4"},
}  # fmt: skip
# Each exchange's answer to a look-up by the client order id, and to the list of open orders.
FOUND: dict[str, Any] = {
    "binance": BINANCE_ORDER,
    "kraken": {"error": [], "result": {"open": {"7": KRAKEN_ORDER}, "closed": {}}},
    "coinbase": {"orders": [COINBASE_ORDER | {"client_order_id": "another", "order_id": "6"}, COINBASE_ORDER]},
    "okx": {"code": "0", "data": [OKX_ORDER], "msg": ""},
    "bybit": {
        "retCode": 0,
        "retMsg": "OK",
        "result": {"list": [BYBIT_ORDER], "nextPageCursor": "", "category": "spot"},
    },
}
OPEN: dict[str, Any] = FOUND | {"binance": [BINANCE_ORDER], "coinbase": {"orders": [COINBASE_ORDER]}}
NOTHING: dict[str, tuple[Any, int]] = {
    "binance": ({"code": -2013, "msg": "Order does not exist."}, 400),
    "kraken": ({"error": [], "result": {"open": {}, "closed": {}, "count": 0}}, 200),
    "coinbase": ({"orders": [COINBASE_ORDER | {"client_order_id": "another"}]}, 200),
    "okx": ({"code": "51603", "data": [], "msg": "Order does not exist"}, 200),
    "bybit": ({"retCode": 0, "retMsg": "OK", "result": {"list": [], "nextPageCursor": ""}}, 200),
}


@pytest.fixture
def exchange() -> KeyedExchange:
    return KeyedExchange()


def keyed(answer: Private) -> Private:
    """An answer to every private request but those with which markets are loaded."""
    return lambda request: None if "products" in request.path or "summary" in request.path else answer(request)


@pytest.mark.parametrize("name", sorted(FOUND))
def test_an_order_is_found_by_our_id_with_its_state_and_what_it_filled(
    exchange: KeyedExchange, origin: str, name: str
) -> None:
    exchange.private = keyed(says(FOUND[name]))
    at_venue = connected(name, origin).find(order())
    assert at_venue is not None
    assert (at_venue.venue_order_id, at_venue.client_order_id, at_venue.instrument, at_venue.side) == (
        "7",
        OWN,
        "BTC/USDT",
        "buy",
    )
    assert (at_venue.quantity, at_venue.filled, at_venue.state) == (
        Decimal("0.0012"),
        Decimal("0.0005"),
        VenueOrderState.OPEN,
    )


@pytest.mark.parametrize("name", sorted(FOUND))
def test_open_orders_are_all_of_the_key(exchange: KeyedExchange, origin: str, name: str) -> None:
    exchange.private = keyed(says(OPEN[name]))
    assert [listed.client_order_id for listed in connected(name, origin).open_orders()] == [OWN]


@pytest.mark.parametrize("name", sorted(NOTHING))
def test_an_order_that_was_never_there_is_not_found(exchange: KeyedExchange, origin: str, name: str) -> None:
    exchange.private = keyed(says(*NOTHING[name]))
    assert connected(name, origin).find(order()) is None


@pytest.mark.parametrize("name", sorted(FOUND))
@pytest.mark.parametrize(
    "answer",
    [says(b"<html>", 403), says({}), says(b"", 502), lambda _: Answer(0), says({"code": 50001}, 503)],
)
def test_a_missing_answer_is_never_taken_for_a_missing_order(
    exchange: KeyedExchange, origin: str, name: str, answer: Private
) -> None:
    exchange.private = keyed(answer)
    trading = connected(name, origin)
    look_up, trades = lambda: trading.find(order()), lambda: trading.trades("BTC/USDT", CLAIMED)
    for read in (look_up, trading.open_orders, trades, trading.balances):
        with pytest.raises(VenueUnavailable):
            read()


def test_a_cancel_says_what_the_exchange_then_says(exchange: KeyedExchange, origin: str) -> None:
    gone = BINANCE_ORDER | {"status": "CANCELED"}
    trading = connected("binance", origin)

    def private(request: Request) -> Answer:
        return says(gone)(request) if request.method == "GET" else Answer(0)

    exchange.private = private
    cancelled = trading.cancel(order(), "7")
    assert not isinstance(cancelled, Unknown)
    assert (cancelled.state, cancelled.filled) == (VenueOrderState.CANCELED, Decimal("0.00050"))
    exchange.private = lambda _request: Answer(0)
    assert isinstance(trading.cancel(order(), "7"), Unknown)
    exchange.private = says({"code": -2013, "msg": "Order does not exist."}, 400)
    assert isinstance(trading.cancel(order(), ""), Unknown)


def test_trades_are_read_page_by_page_until_none_is_left(exchange: KeyedExchange, origin: str) -> None:
    trades = [
        {"symbol": "BTCUSDT", "id": number, "orderId": 7, "price": "70000.10", "qty": "0.00010", "commission": "0.1",
         "commissionAsset": "BNB", "time": MS + number, "isBuyer": True, "isMaker": number % 2 == 0}
        for number in range(2_500)
    ]  # fmt: skip

    def private(request: Request) -> Answer:
        first = int(request.query.get("fromId", 0))
        assert ("fromId" in request.query) != ("startTime" in request.query)
        return Answer(200, json.dumps(trades[first : first + 1_000]).encode())

    exchange.private = private
    own = connected("binance", origin).trades("BTC/USDT", CLAIMED)
    assert [trade.trade_id for trade in own] == [str(number) for number in range(2_500)]
    assert {trade.liquidity for trade in own} == {"maker", "taker"}
    assert len(exchange.sent("/api/v3/myTrades")) == 3


def test_pages_that_do_not_end_are_a_fault_and_not_a_loop(exchange: KeyedExchange, origin: str) -> None:
    page = {"retCode": 0, "retMsg": "OK", "result": {"list": [BYBIT_ORDER], "nextPageCursor": "again"}}
    exchange.private = says(page)
    trading = connected("bybit", origin)
    client: Any = trading._client
    client.pace.take = lambda _cost=None: None
    with pytest.raises(VenueUnavailable, match="did not come to an end"):
        trading.open_orders()


def test_balances_are_free_and_locked_together(exchange: KeyedExchange, origin: str) -> None:
    exchange.private = says({"balances": [
        {"asset": "BTC", "free": "1.00000001", "locked": "0.50000000"}, {"asset": "USDT", "free": "7", "locked": "0"},
    ]})  # fmt: skip
    assert dict(connected("binance", origin).balances()) == {"BTC": Decimal("1.50000001"), "USDT": Decimal(7)}


@pytest.mark.parametrize(
    ("name", "document", "refused"),
    [
        ("binance", {"enableWithdrawals": True, "enableSpotAndMarginTrading": True}, "may withdraw"),
        ("binance", {"enableWithdrawals": False, "enableSpotAndMarginTrading": False}, "may not trade"),
        ("binance", {"enableWithdrawals": False, "enableSpotAndMarginTrading": True}, ""),
        ("binance", {}, "may withdraw"),
        ("okx", {"code": "0", "data": [{"perm": "read_only,trade,withdraw"}]}, "may withdraw"),
        ("okx", {"code": "0", "data": [{"perm": "read_only,trade"}]}, ""),
        ("bybit", {"retCode": 0, "result": {"permissions": {"Spot": ["SpotTrade"], "Wallet": ["Withdraw"]}}}, "may"),
        ("bybit", {"retCode": 0, "result": {"permissions": {"Spot": ["SpotTrade"], "Wallet": []}}}, ""),
        ("coinbase", {"can_trade": True, "can_transfer": True}, "may withdraw"),
        ("coinbase", {"can_trade": True, "can_transfer": False}, ""),
    ],
)  # fmt: skip
def test_a_key_that_may_withdraw_is_refused(
    exchange: KeyedExchange, origin: str, name: str, document: Any, refused: str
) -> None:
    exchange.private = keyed(says(document))
    trading = connected(name, origin)
    if refused:
        with pytest.raises(BadInput, match=refused):
            trading.check_key()
    else:
        assert trading.check_key() == ""


def test_a_key_that_could_not_be_checked_at_first_is_checked_before_the_first_order(
    exchange: KeyedExchange, origin: str
) -> None:
    trading = connected("binance", origin)
    trading.check_key_before_orders()
    outcomes, paths = [], []
    may_trade = {"enableSpotAndMarginTrading": True, "enableWithdrawals": False}
    for answer in (says({}, 503), says(may_trade | {"enableWithdrawals": True}), says(may_trade), says(may_trade)):
        exchange.private = keyed(answer)
        before = len(exchange.requests)
        outcomes.append(trading.place(claimed()))
        paths.append([request.path.partition("?")[0] for request in exchange.requests[before:]])
    assert [getattr(outcome, "lapsed", None) for outcome in outcomes] == [True, False, None, None]
    assert "may withdraw" in outcomes[1].detail
    assert [path for path in paths if "/api/v3/order" in path] == paths[2:]
    assert len(paths[3]) == 1


@pytest.mark.parametrize(
    ("name", "path", "armed", "disarmed"),
    [
        ("kraken", "/0/private/CancelAllOrdersAfter", {"timeout": "180"}, {"timeout": "0"}),
        # OKX takes no more than 120 seconds.
        ("okx", "/api/v5/trade/cancel-all-after", {"timeOut": "120"}, {"timeOut": "0"}),
        ("binance", "", {}, {}),
        ("bybit", "", {}, {}),
        ("coinbase", "", {}, {}),
    ],
)
def test_the_cancel_of_everything_is_armed_where_the_exchange_has_one(
    exchange: KeyedExchange, origin: str, name: str, path: str, armed: dict[str, str], disarmed: dict[str, str]
) -> None:
    exchange.private = keyed(says({"error": [], "result": {}, "code": "0", "data": [{"triggerTime": "1"}]}))
    venue = connected(name, origin)
    assert [venue.arm_cancel_all(seconds) for seconds in (180, 0)] == [bool(path)] * 2
    assert TERMS[name].cancels_all_after is bool(path)
    sent = exchange.sent(path)
    bodies = [json.loads(request.body) if name == "okx" else dict(parse_qsl(request.body)) for request in sent]
    fields = [{key: value for key, value in body.items() if key.lower() == "timeout"} for body in bodies]
    assert fields == ([armed, disarmed] if path else [])


def test_a_venue_that_hides_a_keys_permissions_is_reported(exchange: KeyedExchange, origin: str) -> None:
    assert "kraken does not say" in connected("kraken", origin).check_key()
    assert exchange.requests == []


@pytest.mark.parametrize(
    ("name", "file", "count", "first"),
    [
        ("binance", "binance/spot/http_json/account_trades_response.json", 1,
         ("28457", "100234", "4.00000100", "12.00000000", "BNB", "10.10000000", "taker")),
        ("kraken", "kraken/http_trades_history.json", 1,
         ("TCCCTY-WJ6EO-4FP4VZ", "O26VBY-ISGAE-JP5TLU", "29500.50", "0.50000000", "USDT", "23.60", "maker")),
        ("coinbase", "coinbase/http_fills.json", 2,
         ("1111-11111-111111", "0000-000000-000000", "45123.45", "0.005", "USD", "1.14", "maker")),
    ],
)  # fmt: skip
def test_recorded_trades_are_read_digit_for_digit(
    exchange: KeyedExchange, origin: str, name: str, file: str, count: int, first: tuple[str, ...]
) -> None:
    if not RECORDED.exists():
        pytest.skip("the recorded answers are not beside the repository")
    exchange.base, exchange.quote = {"binance": ("BNB", "BTC"), "coinbase": ("BTC", "USD")}.get(name, ("XBT", "USDT"))
    exchange.private = keyed(says((RECORDED / file).read_bytes()))
    trading = connected(name, origin)
    symbol = {"binance": "BNB/BTC", "coinbase": "BTC/USD", "kraken": "BTC/USDT"}[name]
    trades = trading.trades(symbol, datetime(2017, 1, 1, tzinfo=UTC))
    assert len(trades) == count
    trade = next(each for each in trades if each.trade_id == first[0])
    (charge,) = trade.charges
    read = (trade.trade_id, trade.venue_order_id, f"{trade.price}", f"{trade.quantity}", charge.currency)
    assert (*read, f"{charge.amount}", trade.liquidity) == first
    assert trade.at > datetime(2017, 1, 1, tzinfo=UTC) + timedelta(days=1)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("kraken", "kraken/http_open_orders.json"),
        ("coinbase", "coinbase/http_orders_list.json"),
        ("binance", "binance/spot/http_json/open_orders_response.json"),
    ],
)
def test_recorded_open_orders_are_read(exchange: KeyedExchange, origin: str, name: str, file: str) -> None:
    if not RECORDED.exists():
        pytest.skip("the recorded answers are not beside the repository")
    exchange.private = keyed(says((RECORDED / file).read_bytes()))
    orders = connected(name, origin).open_orders()
    assert orders
    for each in orders:
        assert each.quantity >= each.filled >= 0
        assert each.quantity > 0
