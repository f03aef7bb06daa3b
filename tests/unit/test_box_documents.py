"""Binance's documentation holds in the box: combinations, spans, statuses, labels, lists, candles and averages."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from fanfold.exchange.box import Box
from support.box_client import NOW_MS, ask, limit, make_box, public, read, signed

LOW, HIGH = "50000.00", "90000.00"
DAY_MS = 86_400_000
S: dict[str, Any] = {"symbol": "BTCUSDT"}
MARKET: dict[str, Any] = {**S, "side": "BUY", "type": "MARKET"}
PAIR: dict[str, Any] = {
    **S, "side": "SELL", "quantity": "1", "aboveType": "LIMIT_MAKER", "abovePrice": HIGH, "belowType": "STOP_LOSS",
    "belowStopPrice": LOW,
}  # fmt: skip
OLD: dict[str, Any] = {**S, "side": "SELL", "quantity": "1", "price": HIGH, "stopPrice": LOW}
TAKE: dict[str, Any] = {"aboveType": "TAKE_PROFIT", "aboveStopPrice": HIGH}
BUY: dict[str, Any] = {**S, "side": "BUY", "quantity": "0.01"}


@pytest.fixture
def box() -> Box:
    return make_box(("BTC/USDT", "ETH/USDT"), USDT="100000", BTC="5")


def without(params: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in params.items() if key != name}


@pytest.mark.parametrize(
    ("path", "params", "code", "text"),
    [
        ("order", limit(LOW, strategyType="999999"), -1134, "`strategyType` was less than 1000000."),
        ("order", limit(LOW, newOrderRespType="ALL"), -1130, "Data sent for parameter 'newOrderRespType'"),
        ("order", limit(LOW, quoteOrderQty="100"), -1106, "Parameter 'quoteOrderQty' sent when not required."),
        ("order", {**MARKET, "quantity": "1", "quoteOrderQty": "9"}, -1106, "Parameter 'quoteOrderQty' sent when"),
        ("orderList/oco", without(PAIR, "aboveType"), -1102, "Mandatory parameter 'aboveType'"),
        ("orderList/oco", PAIR | {"aboveType": "GUESS"}, -1116, "Invalid orderType."),
        ("orderList/oco", PAIR | {"aboveType": "LIMIT"}, -1158, "Order type not supported in OCO."),
        ("orderList/oco", without(PAIR, "abovePrice"), -1102, "Mandatory parameter 'abovePrice'"),
        ("orderList/oco", PAIR | {"abovePrice": "-1"}, -1100, "Illegal characters found in parameter 'abovePrice'"),
        ("orderList/oco", PAIR | {"belowTrailingDelta": "10"}, -2010, "Trailing stop orders are not supported"),
        ("orderList/oco", PAIR | {"belowType": "LIMIT_MAKER"}, -1168, "At least one OCO order must be contingent."),
        (
            "orderList/oco",
            BUY | {"aboveType": "LIMIT_MAKER", "abovePrice": HIGH, "belowType": "STOP_LOSS", "belowStopPrice": LOW},
            -1165, "A limit order in a buy OCO must be below.",
        ),
        (
            "orderList/oco",
            {**S, "side": "SELL", "quantity": "1", **TAKE, "belowType": "LIMIT_MAKER", "belowPrice": LOW},
            -1166, "A limit order in a sell OCO must be above.",
        ),
        (
            "orderList/oco", BUY | {**TAKE, "belowType": "LIMIT_MAKER", "belowPrice": LOW},
            -1198, "A take profit order in a buy OCO must be below.",
        ),
        (
            "orderList/oco",
            BUY | {"aboveType": "STOP_LOSS", "aboveStopPrice": HIGH, "belowType": "STOP_LOSS", "belowStopPrice": LOW},
            -1196, "A stop loss order in a buy OCO must be above.",
        ),
        (
            "orderList/oco", PAIR | {"aboveType": "STOP_LOSS", "aboveStopPrice": HIGH} | {"abovePrice": HIGH},
            -1106, "Parameter 'abovePrice' sent when not required.",
        ),
        (
            "orderList/oco", without(PAIR, "abovePrice") | {"aboveType": "STOP_LOSS", "aboveStopPrice": HIGH},
            -1197, "A stop loss order in a sell OCO must be below.",
        ),
        ("orderList/oco", PAIR | {"belowType": "TAKE_PROFIT"}, -1199, "A take profit order in a sell OCO"),
        (
            "order/oco", OLD | {"stopLimitPrice": LOW}, -1128,
            "Combination of optional parameters invalid. Recommendation: 'stopLimitTimeInForce' should also be sent.",
        ),
        ("order/oco", OLD | {"stopIcebergQty": "1"}, -2010, "Iceberg orders are not supported for this symbol."),
        ("order/oco", OLD | {"stopPrice": HIGH, "price": LOW}, -2010, "The relationship of the prices"),
    ],
)  # fmt: skip
def test_an_order_that_may_not_be_placed_has_the_documented_code(
    box: Box, path: str, params: dict[str, Any], code: int, text: str
) -> None:
    answer = ask(box, "POST", path, **params)
    assert (answer["code"], answer["msg"].startswith(text)) == (code, True), answer
    assert box.exchange.orders == {}


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("exchangeInfo", {"symbol": "BTCUSDT", "symbols": '["BTCUSDT"]'}, -1128),
        ("exchangeInfo", {"symbol": "BTCUSDT", "permissions": "SPOT"}, -1128),
        ("exchangeInfo", {"symbols": '["BTCUSDT","BTCUSDT"]'}, -1151),
        ("ticker/price", {"symbols": "BTCUSDT"}, -1135),
        ("ticker/price", {"symbols": "{}"}, -1135),
        ("ticker/price", {"symbolStatus": "OPEN"}, -1122),
        ("ticker/bookTicker", {"symbol": "BTCUSDT", "symbolStatus": "HALT"}, -1220),
        ("depth", {"symbol": "BTCUSDT", "symbolStatus": "BREAK"}, -1220),
        ("ticker/24hr", {"symbol": "BTCUSDT", "type": "SMALL"}, -1139),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "timeZone": "15:00"}, -1130),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "startTime": "-1"}, -1100),
        ("aggTrades", {"symbol": "BTCUSDT", "fromId": "x"}, -1100),
    ],
)
def test_a_query_without_an_answer_has_the_documented_code(
    box: Box, path: str, params: dict[str, Any], code: int
) -> None:
    assert public(box, path, **params)["code"] == code


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("order", {**S, "orderId": "x"}, -1100),
        ("order", {**S, "orderId": 1, "origClientOrderId": "other"}, -2039),
        ("orderList", {}, -1102),
        ("orderList", {"orderListId": 99}, -2018),
        ("myTrades", {**S, "fromId": 1, "startTime": 1}, -1128),
        ("myTrades", {**S, "orderId": 1, "startTime": 1}, -1128),
        ("myTrades", {**S, "startTime": 1, "endTime": DAY_MS + 2}, -1127),
        ("allOrders", {**S, "startTime": 1, "endTime": DAY_MS + 2}, -1127),
        ("allOrderList", {"startTime": 1, "endTime": DAY_MS + 2}, -1127),
        ("allOrderList", {"fromId": 1, "endTime": 2}, -1128),
        ("account/commission", {}, -1102),
    ],
)
def test_an_account_query_without_an_answer_has_the_documented_code(
    box: Box, path: str, params: dict[str, Any], code: int
) -> None:
    ask(box, "POST", "order", **limit(LOW))
    assert ask(box, "GET", path, **params)["code"] == code


def test_several_symbols_are_those_of_a_status(box: Box) -> None:
    box.exchange.listings["ETHUSDT"].status = "HALT"
    assert [ticker["symbol"] for ticker in public(box, "ticker/price", symbolStatus="TRADING")] == ["BTCUSDT"]
    assert [symbol["symbol"] for symbol in public(box, "exchangeInfo", symbolStatus="HALT")["symbols"]] == ["ETHUSDT"]
    assert public(box, "exchangeInfo", permissions="MARGIN")["symbols"] == []
    (listed,) = public(box, "exchangeInfo", **S, showPermissionSets="false")["symbols"]
    assert listed["permissionSets"] == []


def test_a_small_ticker_is_a_part_of_the_whole(box: Box) -> None:
    whole, mini = (public(box, "ticker/24hr", **S, type=kind) for kind in ("FULL", "MINI"))
    assert mini.items() < whole.items()
    assert len(mini) == 12


def test_the_average_price_is_by_volume(box: Box) -> None:
    later = NOW_MS // 60_000 * 60_000 + 600_000
    box.advance(later)
    rows = public(box, "klines", later - 1, **S, interval="5m", startTime=later - 300_000, limit=1)
    average = public(box, "avgPrice", later - 1, **S)
    assert average["mins"] == 5
    assert abs(Decimal(average["price"]) - Decimal(rows[0][7]) / Decimal(rows[0][5])) < Decimal("0.00000001")


@pytest.mark.parametrize(
    ("interval", "zone", "opens"),
    [
        ("1d", "0", datetime(2026, 2, 8, tzinfo=UTC)),
        ("1d", "8", datetime(2026, 2, 7, 16, tzinfo=UTC)),
        ("1d", "-1:30", datetime(2026, 2, 8, 1, 30, tzinfo=UTC)),
        ("1w", "0", datetime(2026, 2, 2, tzinfo=UTC)),
        ("1M", "0", datetime(2026, 2, 1, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_a_candle_opens_where_its_interval_begins_in_its_zone(
    box: Box, interval: str, zone: str, opens: datetime
) -> None:
    rows = public(box, "klines", **S, interval=interval, timeZone=zone)
    assert datetime.fromtimestamp(rows[-1][0] / 1_000, UTC) == opens
    assert public(box, "uiKlines", **S, interval=interval, timeZone=zone) == rows
    if interval == "1M":
        assert rows[-1][6] == int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) * 1_000 - 1


def test_an_order_keeps_the_labels_of_its_sender(box: Box) -> None:
    order = ask(box, "POST", "order", **limit(LOW, strategyId="7", strategyType="1000000"))
    assert (order["strategyId"], order["strategyType"]) == (7, 1_000_000)
    assert ask(box, "GET", "order", **S, orderId=order["orderId"])["strategyId"] == 7
    assert "strategyId" not in ask(box, "POST", "order", **limit(LOW))


def test_lists_of_orders_are_shown_while_open_and_afterwards(box: Box) -> None:
    first = ask(box, "POST", "orderList/oco", **PAIR | {"listClientOrderId": "list"})
    twice = ask(box, "POST", "orderList/oco", **PAIR | {"listClientOrderId": "list"})
    assert (twice["code"], twice["msg"]) == (-2010, "Duplicate order sent.")
    second = ask(box, "POST", "order/oco", **OLD)
    assert [order_list["orderListId"] for order_list in ask(box, "GET", "openOrderList")] == [
        first["orderListId"], second["orderListId"],
    ]  # fmt: skip
    named = {**S, "listClientOrderId": "list"}
    assert ask(box, "DELETE", "orderList", **named, orderListId=second["orderListId"])["code"] == -2011
    done = ask(box, "DELETE", "orderList", **named, newClientOrderId="cancel")
    assert {report["clientOrderId"] for report in done["orderReports"]} == {"cancel"}
    assert [order_list["orderListId"] for order_list in ask(box, "GET", "openOrderList")] == [second["orderListId"]]
    states = [order_list["listOrderStatus"] for order_list in ask(box, "GET", "allOrderList")]
    assert states == ["ALL_DONE", "EXECUTING"]
    assert len(ask(box, "GET", "allOrderList", fromId=second["orderListId"])) == 1
    assert ask(box, "GET", "orderList", origClientOrderId="list")["listOrderStatus"] == "ALL_DONE"


def test_commissions_are_shown(box: Box) -> None:
    rates = ask(box, "GET", "account/commission", **S)
    assert rates["standardCommission"]["taker"] == "0.00100000"
    answer = box.answer(signed(box, "POST", "order/test", **limit(LOW), computeCommissionRates="true"), NOW_MS)
    assert read(answer)["standardCommissionForOrder"] == {"maker": "0.00100000", "taker": "0.00100000"}
    assert answer.headers["X-MBX-USED-WEIGHT-1M"] == "40"


def test_times_may_be_sent_in_microseconds(box: Box) -> None:
    ask(box, "POST", "order", **limit(LOW))
    orders = ask(box, "GET", "allOrders", **S, startTime=NOW_MS * 1_000, timestamp=NOW_MS * 1_000)
    assert len(orders) == 1
    late = ask(box, "GET", "allOrders", **S, timestamp=(NOW_MS - 6_000) * 1_000)
    assert late["code"] == -1021
