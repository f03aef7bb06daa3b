"""Trade with binance-connector, Binance's older client: requests, refusals and streams."""

import json
import threading

from binance.error import ClientError
from binance.spot import Spot
from binance.websocket.spot.websocket_stream import SpotWebsocketStreamClient
from calls import Calls, prices, settings

MARKET = {"symbol": "BTCUSDT"}
ALONE = (
    "ping", "time", "exchange_info", "ticker_24hr", "ticker_price", "book_ticker", "account", "get_oco_orders",
    "get_oco_open_orders", "get_order_rate_limit", "get_open_orders",
)  # fmt: skip
OF_MARKET = (
    "depth", "trades", "historical_trades", "agg_trades", "avg_price", "ticker_24hr", "ticker_price", "book_ticker",
    "get_open_orders", "get_orders", "my_trades", "query_commission_rates",
)  # fmt: skip
STREAMS = ("btcusdt@trade", "btcusdt@kline_1m", "btcusdt@depth10@100ms", "btcusdt@ticker")
exchange, calls = settings(), Calls()


def trade(client, near):
    limit = {**MARKET, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": 0.01, "price": near("0.9")}
    pair = {
        **MARKET, "side": "SELL", "quantity": 0.01, "aboveType": "TAKE_PROFIT_LIMIT", "abovePrice": near("1.1"),
        "aboveStopPrice": near("1.09"), "aboveTimeInForce": "GTC", "belowType": "STOP_LOSS_LIMIT",
        "belowPrice": near("0.89"), "belowStopPrice": near("0.9"), "belowTimeInForce": "GTC",
    }  # fmt: skip
    calls.make("new_order_test", client.new_order_test, **limit)
    calls.make("new_order at market", client.new_order, **MARKET, side="BUY", type="MARKET", quantity=0.1)
    order = calls.make("new_order", client.new_order, **limit)
    calls.make("get_order", client.get_order, **MARKET, orderId=order["orderId"])
    calls.make("cancel_order", client.cancel_order, **MARKET, orderId=order["orderId"])
    order = calls.make("new_order again", client.new_order, **limit)
    calls.make(
        "cancel_and_replace", client.cancel_and_replace, **limit, cancelReplaceMode="ALLOW_FAILURE",
        cancelOrderId=order["orderId"],
    )  # fmt: skip
    calls.make("cancel_open_orders", client.cancel_open_orders, **MARKET)
    listed = calls.make("new_oco_order", client.new_oco_order, **pair)
    calls.make("get_oco_order", client.get_oco_order, orderListId=listed["orderListId"])
    calls.make("cancel_oco_order", client.cancel_oco_order, **MARKET, orderListId=listed["orderListId"])
    try:
        client.new_order(**limit | {"price": "1.00"})
    except ClientError as refused:
        calls.check("refusal", holds=(refused.status_code, refused.error_code) == (400, -1013))


def streams():
    received = {name: threading.Event() for name in STREAMS}

    def on_message(_client, text):
        name = json.loads(text).get("stream")
        if name in received:
            received[name].set()

    client = SpotWebsocketStreamClient(stream_url=exchange.socket, on_message=on_message, is_combined=True)
    client.subscribe(list(STREAMS))
    for name, event in received.items():
        calls.check(f"stream {name}", holds=event.wait(30))
    client.stop()


if __name__ == "__main__":
    own = Spot(api_key=exchange.key, api_secret=exchange.secret, base_url=exchange.origin)
    trade(own, prices(own.ticker_price(**MARKET)["price"]))
    for method in ALONE:
        calls.make(method, getattr(own, method))
    for method in OF_MARKET:
        calls.make(method, getattr(own, method), **MARKET)
    for method in ("klines", "ui_klines"):
        calls.make(method, getattr(own, method), **MARKET, interval="1m")
    streams()
    calls.report()
