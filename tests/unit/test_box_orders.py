"""The simulated exchange: Binance's code for each refusal, client order ids, replacing, lists, windows and limits."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fanfold.exchange.box import Box, BoxRequest
from fanfold.exchange.liquidity import MarketMaker
from fanfold.exchange.listings import ALGO_ORDERS_MAX, ORDERS_MAX
from fanfold.exchange.request_limits import RequestLimits
from fanfold.exchange.spot import FLOW, OWNER, QUOTES
from support.box_client import NOW_MS, PLENTY, ask, limit, make_box, public, read, signed

LOW, HIGH = "50000.00", "90000.00"


@pytest.fixture
def box() -> Box:
    return make_box()


MARKET: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET"}
STOP: dict[str, Any] = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "0.01"}


@pytest.mark.parametrize(
    ("params", "code", "text"),
    [
        (limit(LOW) | {"symbol": "NONE"}, -1121, "Invalid symbol."),
        (limit(LOW) | {"side": "HOLD"}, -1117, "Invalid side."),
        (limit(LOW) | {"type": "GUESS"}, -1116, "Invalid orderType."),
        (limit(LOW) | {"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
        (limit(LOW) | {"price": ""}, -1105, "Parameter 'price' was empty."),
        (limit(LOW) | {"stopPrice": LOW}, -1106, "Parameter 'stopPrice' sent when not required."),
        (limit(LOW) | {"quantity": "-1"}, -1100, "Illegal characters found in parameter 'quantity'"),
        (limit(LOW) | {"newClientOrderId": "a b"}, -1100, "Illegal characters found in parameter 'newClientOrderId'"),
        (limit(LOW) | {"newClientOrderId": "a" * 37}, -1100, "Illegal characters"),
        (limit(LOW) | {"quantity": "0.000000001"}, -1111, "Parameter 'quantity' has too much precision."),
        (limit("50000.001"), -1013, "Filter failure: PRICE_FILTER"),
        (limit(LOW, "0.000001"), -1013, "Filter failure: LOT_SIZE"),
        (limit(LOW, "0.00002"), -1013, "Filter failure: NOTIONAL"),
        (limit("1000.00"), -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        (limit(LOW, "100"), -2010, "Account has insufficient balance for requested action."),
        (limit(LOW, "6", side="SELL") | {"price": HIGH}, -2010, "Account has insufficient balance"),
        (limit(LOW) | {"selfTradePreventionMode": "DECREMENT"}, -1013, "This symbol does not allow"),
        (limit(LOW) | {"icebergQty": "0.001"}, -2010, "Iceberg orders are not supported"),
        (STOP | {"trailingDelta": "100", "stopPrice": LOW}, -2010, "Trailing stop orders are not supported"),
        (STOP, -1102, "Mandatory parameter 'stopPrice'"),
        (STOP | {"stopPrice": HIGH}, -2010, "Order would trigger immediately."),
        (MARKET, -1102, "Param 'quantity' or 'quoteOrderQty' must be sent"),
        (MARKET | {"quoteOrderQty": "1"}, -1013, "Filter failure: NOTIONAL"),
        (MARKET | {"quantity": "100"}, -2010, "Account has insufficient balance"),
        ({**limit(HIGH), "type": "LIMIT_MAKER"}, -1106, "Parameter 'timeInForce' sent when not required."),
    ],
)
def test_a_refused_order_has_the_documented_code(box: Box, params: dict[str, Any], code: int, text: str) -> None:
    answer = box.answer(signed(box, "POST", "order", **params), NOW_MS)
    document = read(answer)
    assert (answer.status, document["code"]) == (400, code)
    assert document["msg"].startswith(text)
    assert box.exchange.orders == {}


def test_a_maker_that_would_take_is_refused(box: Box) -> None:
    order = {**limit(HIGH), "type": "LIMIT_MAKER"}
    del order["timeInForce"]
    assert ask(box, "POST", "order", **order) == {"code": -2010, "msg": "Order would immediately match and take."}


@pytest.mark.parametrize(
    ("request_of", "status", "code"),
    [
        (lambda request: request._replace(key=""), 401, -2014),
        (lambda request: request._replace(key="a" * 64), 401, -2015),
        (lambda request: request._replace(query=request.query[:-1] + "x"), 400, -1022),
        (lambda request: request._replace(query=request.query.replace("quantity=0.01", "quantity=0.02")), 400, -1022),
        (lambda request: request._replace(query=request.query.partition("&signature")[0]), 400, -1102),
        (lambda request: request._replace(query=request.query + "&side=BUY"), 400, -1101),
        (lambda request: request._replace(path="/api/v3/nothing"), 404, -1000),
    ],
)
def test_a_key_without_permission_is_refused(box: Box, request_of: Any, status: int, code: int) -> None:
    answer = box.answer(request_of(signed(box, "POST", "order", **limit(LOW))), NOW_MS)
    assert (answer.status, read(answer)["code"], len(box.exchange.orders)) == (status, code, 0)


def test_the_signature_is_over_query_and_body(box: Box) -> None:
    whole = signed(box, "POST", "order", **limit(LOW))
    unsigned, _, signature = whole.query.partition("&signature=")
    answer = box.answer(whole._replace(query="", body=f"{unsigned}&signature={signature.upper()}"), NOW_MS)
    assert answer.status == 200


@pytest.mark.parametrize(
    ("sent_ms", "window", "code"),
    [(0, 5_000, 0), (-5_000, 5_000, 0), (-5_001, 5_000, -1021), (999, 5_000, 0), (1_000, 5_000, -1021),
     (0, 60_001, -1131), (-9_000, 10_000, 0), (-5_000, "5000.001", 0), (0, "5000.0001", -1100), (0, "NaN", -1100)],
)  # fmt: skip
def test_a_request_holds_for_its_window(box: Box, sent_ms: int, window: Any, code: int) -> None:
    request = signed(box, "POST", "order", NOW_MS + sent_ms, **limit(LOW), recvWindow=window)
    assert read(box.answer(request, NOW_MS)).get("code", 0) == code


@pytest.mark.parametrize(("text", "code"), [("NaN", -1100), ("-1", -1100), ("1.5", -1100), ("", -1105)])
def test_a_timestamp_is_a_whole_number(box: Box, text: str, code: int) -> None:
    assert ask(box, "GET", "account", timestamp=text)["code"] == code


def test_a_client_order_id_is_unique_among_open_orders_alone(box: Box) -> None:
    ask(box, "POST", "order", **limit(LOW, newClientOrderId="mine"))
    again = ask(box, "POST", "order", **limit(LOW, newClientOrderId="mine"))
    assert again == {"code": -2010, "msg": "Duplicate order sent."}
    ask(box, "DELETE", "order", symbol="BTCUSDT", origClientOrderId="mine")
    for _ in range(2):
        bought = ask(box, "POST", "order", **MARKET, quantity="0.01", newClientOrderId="mine")
        assert bought["status"] == "FILLED"
    assert len(box.exchange.orders) == 3
    newest = ask(box, "GET", "order", symbol="BTCUSDT", origClientOrderId="mine")
    assert (newest["orderId"], newest["status"]) == (bought["orderId"], "FILLED")


def test_two_hundred_orders_of_a_symbol_may_be_open(box: Box) -> None:
    for _ in range(ORDERS_MAX):
        assert "code" not in ask(box, "POST", "order", **limit(LOW, "0.0002"))
    refused = ask(box, "POST", "order", **limit(LOW, "0.0002"))
    assert refused == {"code": -2010, "msg": "Filter failure: MAX_NUM_ORDERS"}
    # What cannot rest counts for nothing, and what ended leaves its place.
    assert ask(box, "POST", "order", **limit(LOW, "0.0002", timeInForce="IOC"))["status"] == "EXPIRED"
    assert ask(box, "POST", "order", **MARKET, quantity="0.01")["status"] == "FILLED"
    ask(
        box,
        "DELETE",
        "order",
        symbol="BTCUSDT",
        orderId=min(order.order.order_id for order in box.exchange.open_orders()),
    )
    assert "code" not in ask(box, "POST", "order", **limit(LOW, "0.0002"))


def test_five_orders_of_a_symbol_may_have_a_trigger(box: Box) -> None:
    for _ in range(ALGO_ORDERS_MAX - 1):
        assert "code" not in ask(box, "POST", "order", **STOP, stopPrice=LOW)
    pair: dict[str, Any] = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01", "price": HIGH, "stopPrice": LOW}
    # The pair is a limit order and a stop, and the stop is the fifth.
    assert "code" not in ask(box, "POST", "order/oco", **pair)
    refused = {"code": -2010, "msg": "Filter failure: MAX_NUM_ALGO_ORDERS"}
    assert ask(box, "POST", "order", **STOP, stopPrice=LOW) == refused
    assert ask(box, "POST", "order/oco", **pair) == refused
    assert len(box.exchange.open_orders()) == ALGO_ORDERS_MAX + 1
    assert "code" not in ask(box, "POST", "order", **limit(LOW))
    filters = {
        entry["filterType"]: entry for entry in public(box, "exchangeInfo", symbol="BTCUSDT")["symbols"][0]["filters"]
    }
    assert filters["MAX_NUM_ALGO_ORDERS"]["maxNumAlgoOrders"] == ALGO_ORDERS_MAX
    assert filters["MAX_NUM_ORDERS"]["maxNumOrders"] == ORDERS_MAX


def test_a_missing_order_or_symbol_is_reported(box: Box) -> None:
    assert ask(box, "GET", "order", symbol="BTCUSDT", orderId=99)["code"] == -2013
    assert ask(box, "DELETE", "order", symbol="BTCUSDT", orderId=99)["code"] == -2011
    assert ask(box, "GET", "order", symbol="BTCUSDT")["code"] == -1102
    assert public(box, "klines", symbol="BTCUSDT", interval="7m")["code"] == -1120
    assert public(box, "klines", symbol="BTCUSDT")["code"] == -1102


def test_replacing_says_which_part_failed(box: Box) -> None:
    first = ask(box, "POST", "order", **limit(LOW))
    replacing = {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": first["orderId"]}
    done = ask(box, "POST", "order/cancelReplace", **limit("51000.00"), **replacing)
    assert (done["cancelResult"], done["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    gone = ask(box, "POST", "order/cancelReplace", **limit("51000.00"), **replacing)
    assert (gone["code"], gone["data"]["newOrderResult"]) == (-2022, "NOT_ATTEMPTED")
    replacing["cancelReplaceMode"] = "ALLOW_FAILURE"
    partly = box.answer(signed(box, "POST", "order/cancelReplace", **limit("52000.00"), **replacing), NOW_MS)
    assert (partly.status, read(partly)["code"]) == (409, -2021)
    assert len(box.exchange.open_orders()) == 2


PAIR: dict[str, Any] = {
    "symbol": "BTCUSDT", "side": "SELL", "quantity": "1", "aboveType": "LIMIT_MAKER", "abovePrice": HIGH,
    "belowType": "STOP_LOSS", "belowStopPrice": LOW,
}  # fmt: skip


def test_a_pair_locks_once_and_ends_as_one(box: Box) -> None:
    listed = ask(box, "POST", "orderList/oco", **PAIR)
    assert (listed["listOrderStatus"], len(listed["orderReports"])) == ("EXECUTING", 2)
    assert box.exchange.wallets.balance(OWNER, "BTC").locked == 1
    done = ask(box, "DELETE", "orderList", symbol="BTCUSDT", orderListId=listed["orderListId"])
    assert [report["status"] for report in done["orderReports"]] == ["CANCELED", "CANCELED"]
    assert box.exchange.wallets.balance(OWNER, "BTC") == (5, 0)
    old: dict[str, Any] = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "1", "price": HIGH, "stopPrice": LOW}
    assert ask(box, "POST", "order/oco", **old)["contingencyType"] == "OCO"


def test_a_pair_with_its_prices_the_wrong_way_round_is_refused(box: Box) -> None:
    assert ask(box, "POST", "orderList/oco", **PAIR | {"abovePrice": LOW, "belowStopPrice": HIGH})["code"] == -2010
    assert ask(box, "POST", "orderList/oco", **PAIR | {"belowType": "TAKE_PROFIT"})["code"] == -1199
    assert box.exchange.orders == {}


def test_too_much_weight_is_429_and_going_on_is_418() -> None:
    box = make_box(limits=RequestLimits(weight=30))
    statuses = [box.answer(BoxRequest("GET", "/api/v3/exchangeInfo"), NOW_MS) for _ in range(14)]
    assert [answer.status for answer in statuses] == [200] + [429] * 10 + [418] * 3
    assert statuses[0].headers["X-MBX-USED-WEIGHT-1M"] == "20"
    assert statuses[-1].headers["Retry-After"] == "120"
    later = box.answer(BoxRequest("GET", "/api/v3/ping"), NOW_MS + 120_000)
    assert later.status == 200


def test_orders_that_do_not_fill_are_counted() -> None:
    box = make_box(limits=RequestLimits(orders_10s=3))
    for _ in range(5):
        assert ask(box, "POST", "order", **MARKET, quantity="0.01")["status"] == "FILLED"
    answers = [ask(box, "POST", "order", **limit(LOW)).get("code") for _ in range(4)]
    assert answers == [None, None, None, -1015]


@pytest.mark.parametrize("kind", ["STOP_LOSS", "STOP_LOSS_LIMIT"])
def test_a_stop_that_is_triggered_sells_at_the_quotes_of_the_new_price(box: Box, kind: str) -> None:
    last = box.exchange.last("BTCUSDT")
    assert last is not None
    far = {"timeInForce": "GTC", "price": f"{last * Decimal('0.95'):.2f}"} if kind == "STOP_LOSS_LIMIT" else {}
    stop = STOP | far | {"type": kind, "stopPrice": f"{last * Decimal('0.9995'):.2f}"}
    order = ask(box, "POST", "order", **stop)
    later = NOW_MS + 3 * 3_600_000
    box.advance(later)
    order = ask(box, "GET", "order", later, symbol="BTCUSDT", orderId=order["orderId"])
    assert (order["status"], order["executedQty"]) == ("FILLED", "0.01000000")
    (trade,) = ask(box, "GET", "myTrades", later, symbol="BTCUSDT", orderId=order["orderId"])
    assert not trade["isMaker"]
    assert Decimal(trade["price"]) > Decimal(stop["stopPrice"]) * Decimal("0.998")


def test_a_resting_order_fills_when_the_market_comes_to_it(box: Box) -> None:
    last = box.exchange.last("BTCUSDT")
    assert last is not None
    order = ask(box, "POST", "order", **limit(f"{last * Decimal('0.9999'):.2f}"))
    assert order["status"] == "NEW"
    box.advance(NOW_MS + 3 * 3_600_000)
    order = ask(box, "GET", "order", NOW_MS + 3 * 3_600_000, symbol="BTCUSDT", orderId=order["orderId"])
    assert (order["status"], order["executedQty"]) == ("FILLED", "0.01000000")
    (trade,) = ask(box, "GET", "myTrades", NOW_MS + 3 * 3_600_000, symbol="BTCUSDT")
    assert (trade["isMaker"], trade["commissionAsset"], trade["commission"]) == (True, "BTC", "0.00001000")


def test_candles_are_the_bars_and_assets_add_up(box: Box) -> None:
    later = NOW_MS + 1_800_000
    box.advance(later)
    rows = public(box, "klines", later, symbol="BTCUSDT", interval="1m", limit=60)
    market = box.makers["BTCUSDT"]
    assert isinstance(market, MarketMaker)
    bars = {bar.closes_at_s: bar for bar in market.series.bars}
    for row in rows[:-1]:
        bar = bars[(row[0] + 60_000) // 1_000]
        assert [row[1], row[2], row[3], row[4]] == [f"{Decimal(figure).scaleb(-2):.8f}" for figure in bar[1:5]]
        assert Decimal(row[5]) == Decimal(bar.volume).scaleb(-5)
    ask(box, "POST", "order", later, **MARKET, quantity="0.5")
    everything = box.exchange.wallets.total("USDT"), box.exchange.wallets.total("BTC")
    assert everything == (100_000, 5)
    assert {OWNER, QUOTES} <= {owner for owner, _ in box.exchange.wallets._balances} <= {OWNER, QUOTES, FLOW, "fees"}


def test_no_image_holds_the_exchange() -> None:
    contents = json.loads((Path(__file__).parents[2] / "docker" / "contents.json").read_text())
    packages = [
        *contents["packages_everywhere"],
        *(package for s in contents["services"].values() for package in s["packages"]),
    ]
    assert "exchange" not in packages
    assert PLENTY.weight > RequestLimits().weight
