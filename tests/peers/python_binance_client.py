"""Trade with python-binance: requests, order lists, refusals, streams by their paths, and the WebSocket API."""

import asyncio

from binance import AsyncClient, BinanceSocketManager
from binance.client import Client
from binance.exceptions import BinanceAPIException
from calls import Calls, prices, settings

MARKET = {"symbol": "BTCUSDT"}
ALONE = (
    "ping", "get_server_time", "get_exchange_info", "get_all_tickers", "get_orderbook_tickers", "get_account",
    "get_open_orders", "get_account_api_permissions", "get_system_status", "get_trade_fee", "get_current_order_count",
    "get_open_oco_orders", "v3_get_all_order_list",
)  # fmt: skip
OF_MARKET = (
    "get_order_book", "get_recent_trades", "get_historical_trades", "get_aggregate_trades", "get_ticker",
    "get_symbol_ticker", "get_orderbook_ticker", "get_all_orders", "get_my_trades", "get_open_orders", "get_avg_price",
    "v3_get_account_commission",
)  # fmt: skip
OF_SOCKET = ("ws_get_order_book", "ws_get_open_orders", "ws_get_all_orders", "ws_get_my_trades", "ws_get_exchange_info")
STREAMS = (
    "trade_socket", "aggtrade_socket", "kline_socket", "depth_socket", "symbol_ticker_socket",
    "symbol_book_ticker_socket", "symbol_miniticker_socket",
)  # fmt: skip
exchange, calls = settings(), Calls()
for kind in (Client, AsyncClient):
    kind.API_URL, kind.MARGIN_API_URL = f"{exchange.origin}/api", f"{exchange.origin}/sapi"
    kind.WS_API_URL = f"{exchange.socket}/ws-api/v3"
BinanceSocketManager.STREAM_URL = f"{exchange.socket}/"


def read(client):
    for name in ALONE:
        calls.make(name, getattr(client, name))
    for name in OF_MARKET:
        calls.make(name, getattr(client, name), **MARKET)
    for name in ("get_klines", "get_ui_klines"):
        calls.make(name, getattr(client, name), **MARKET, interval="1m", limit=5)
    calls.make("get_historical_klines", client.get_historical_klines, "BTCUSDT", "5m", "1 hour ago UTC")


def trade(client, near):
    limit = {**MARKET, "timeInForce": "GTC", "quantity": "0.01", "price": near("0.9")}
    stop = {**limit, "side": "SELL", "type": "STOP_LOSS_LIMIT", "stopPrice": near("0.9"), "price": near("0.89")}
    calls.make("create_test_order", client.create_test_order, **limit, side="BUY", type="LIMIT")
    calls.make("order_market_buy", client.order_market_buy, **MARKET, quantity="0.1")
    calls.make("order_market_buy by quote", client.order_market_buy, **MARKET, quoteOrderQty="100")
    calls.make("order_market_sell", client.order_market_sell, **MARKET, quantity="0.01")
    order = calls.make("order_limit_buy", client.order_limit_buy, **limit)
    calls.make("get_order", client.get_order, **MARKET, orderId=order["orderId"])
    calls.make("cancel_order", client.cancel_order, **MARKET, orderId=order["orderId"])
    stopped = calls.make("create_order", client.create_order, **stop)
    calls.make(
        "cancel_replace_order", client.cancel_replace_order, **stop, cancelReplaceMode="STOP_ON_FAILURE",
        cancelOrderId=stopped["orderId"],
    )  # fmt: skip
    calls.make("cancel_all_open_orders", client.cancel_all_open_orders, **MARKET)
    pair = calls.make(
        "create_oco_order", client.create_oco_order, **MARKET, side="SELL", quantity="0.01", aboveType="LIMIT_MAKER",
        abovePrice=near("1.1"), belowType="STOP_LOSS", belowStopPrice=near("0.9"),
    )  # fmt: skip
    calls.make("v3_get_order_list", client.v3_get_order_list, orderListId=pair["orderListId"])
    calls.make("v3_delete_order_list", client.v3_delete_order_list, **MARKET, orderListId=pair["orderListId"])


def refusals(client, near):
    limit = {"quantity": "0.01", "price": near("0.9")}
    for code, act, params in (
        (-1100, client.get_order_book, {"symbol": "btcusdt"}),
        (-1121, client.get_order_book, {"symbol": "NONE"}),
        (-2013, client.get_order, {**MARKET, "orderId": 10**9}),
        (-1013, client.order_limit_buy, {**MARKET, **limit, "price": "1.00"}),
        (-1104, client.order_limit_buy, {**MARKET, **limit, "created": 1}),
    ):
        try:
            act(**params)
        except BinanceAPIException as refused:
            calls.check(f"refusal {code}", holds=refused.code == code)
        else:
            calls.check(f"refusal {code}", holds=False)


async def first_event(stream):
    async with stream as events:
        event = await asyncio.wait_for(events.recv(), 30)
    if event.get("e") == "error":
        raise ValueError(event)


async def own_events(client, manager):
    async with manager.user_socket() as events:
        order = await client.ws_create_order(**MARKET, side="BUY", type="MARKET", quantity="0.01")
        rows = [await asyncio.wait_for(events.recv(), 10) for _ in range(2)]
    calls.check("ws_create_order", holds=order["status"] == "FILLED")
    kinds = {row.get("event", row)["e"] for row in rows}
    calls.check("user_socket", holds=kinds == {"executionReport", "outboundAccountPosition"})


async def sockets():
    client = await AsyncClient.create(exchange.key, exchange.secret)
    manager = BinanceSocketManager(client)
    streams = {name: getattr(manager, name)("BTCUSDT") for name in STREAMS}
    streams["depth_socket of 5"] = manager.depth_socket("BTCUSDT", depth="5")
    streams["multiplex_socket"] = manager.multiplex_socket(["btcusdt@trade", "btcusdt@kline_1m"])
    await asyncio.gather(
        own_events(client, manager), *(calls.wait(name, first_event(stream)) for name, stream in streams.items())
    )
    await calls.wait("ws_get_account", client.ws_get_account())
    await calls.wait("ws_get_klines", client.ws_get_klines(**MARKET, interval="1m"))
    for name in OF_SOCKET:
        await calls.wait(name, getattr(client, name)(**MARKET))
    await client.close_connection()


if __name__ == "__main__":
    own = Client(exchange.key, exchange.secret)
    share_of_last = prices(own.get_symbol_ticker(**MARKET)["price"])
    read(own)
    trade(own, share_of_last)
    refusals(own, share_of_last)
    asyncio.run(sockets())
    calls.report()
