"""Trade with Binance's own SDK, which reads each answer by a model: requests, sessions and streams, with either key."""

import asyncio

from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_sdk_spot.spot import Spot
from calls import Calls, prices, settings

MARKET = {"symbol": "BTCUSDT"}
ALONE = (
    "ping", "time", "exchange_info", "ticker24hr", "ticker_price", "ticker_book_ticker", "get_account",
    "rate_limit_order", "get_open_orders", "open_order_list", "all_order_list",
)  # fmt: skip
OF_MARKET = (
    "exchange_info", "depth", "get_trades", "historical_trades", "agg_trades", "avg_price", "ticker24hr",
    "ticker_price", "ticker_book_ticker", "account_commission", "all_orders", "my_trades",
)  # fmt: skip
OF_SOCKET = (
    "exchange_info", "depth", "ticker_price", "ticker24hr", "avg_price", "trades_recent", "open_orders_status",
    "open_orders_cancel_all", "my_trades", "all_orders", "account_commission",
)  # fmt: skip
STREAMS = {
    "agg_trade": {}, "trade": {}, "book_ticker": {}, "diff_book_depth": {}, "partial_book_depth": {"levels": "5"},
    "kline": {"interval": "1m"}, "kline_offset": {"interval": "1m"}, "mini_ticker": {}, "ticker": {}, "avg_price": {},
}  # fmt: skip
EVENTS = {"ExecutionReport", "OutboundAccountPosition"}
exchange, calls = settings(), Calls()


def client_of(keys):
    return Spot(
        config_rest_api=ConfigurationRestAPI(**keys, base_path=exchange.origin, timeout=10_000),
        config_ws_api=ConfigurationWebSocketAPI(**keys, stream_url=f"{exchange.socket}/ws-api/v3"),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=exchange.socket),
    )


def model(answer):
    """Return an answer as the SDK's model of it."""
    data = answer.data()
    return getattr(data, "actual_instance", data)


def requests(api, near):
    def call(name, **params):
        return calls.make(name, lambda: model(getattr(api, name)(**params)))

    limit = {
        **MARKET, "side": "BUY", "type": "LIMIT", "time_in_force": "GTC", "quantity": 0.01, "price": float(near("0.9")),
    }  # fmt: skip
    pair = {
        **MARKET, "side": "SELL", "quantity": 0.01, "above_type": "LIMIT_MAKER", "above_price": float(near("1.1")),
        "below_type": "STOP_LOSS", "below_stop_price": float(near("0.9")),
    }  # fmt: skip
    call("order_test", **limit, compute_commission_rates=True)
    call("new_order", **MARKET, side="BUY", type="MARKET", quantity=0.1)
    call("new_order", **MARKET, side="BUY", type="MARKET", quote_order_qty=100.0)
    placed = call("new_order", **limit, strategy_id=1, strategy_type=1_000_000)
    call("get_order", **MARKET, order_id=placed.order_id)
    replaced = call(
        "order_cancel_replace", **limit, cancel_replace_mode="STOP_ON_FAILURE", cancel_order_id=placed.order_id
    )
    call("delete_order", **MARKET, order_id=replaced.new_order_response.order_id)
    listed = call("order_list_oco", **pair)
    call("get_order_list", order_list_id=listed.order_list_id)
    call("delete_order_list", **MARKET, order_list_id=listed.order_list_id)
    call(
        "order_oco", **MARKET, side="SELL", quantity=0.01, price=float(near("1.1")), stop_price=float(near("0.9")),
        stop_limit_price=float(near("0.89")), stop_limit_time_in_force="GTC",
    )  # fmt: skip
    call("delete_open_orders", **MARKET)
    call("klines", **MARKET, interval="1m")
    call("ui_klines", **MARKET, interval="1h")
    for name in ALONE:
        call(name)
    for name in OF_MARKET:
        call(name, **MARKET)


async def session(client, near, *, logged_on):
    connection = await client.websocket_api.create_connection()

    async def call(name, **params):
        return await calls.wait(f"ws {name}", _model_of(getattr(connection, name)(**params)))

    events = []
    if logged_on:
        await call("session_logon")
        subscription = await connection.user_data_stream_subscribe()
    else:
        subscription = await connection.user_data_stream_subscribe_signature()
    getattr(subscription, "stream", subscription).on("message", events.append)
    await call("order_place", **MARKET, side="BUY", type="MARKET", quantity=0.01)
    limit = {"side": "BUY", "type": "LIMIT", "time_in_force": "GTC", "quantity": 0.01, "price": float(near("0.9"))}
    await call("order_place", **MARKET, **limit)
    for name in ("ping", "time", "account_status", "account_rate_limits_orders", "session_status"):
        await call(name)
    for name in OF_SOCKET:
        await call(name, **MARKET)
    await asyncio.sleep(1)
    kinds = {type(getattr(event, "actual_instance", event)).__name__ for event in events}
    calls.check(f"ws events {sorted(kinds)}", holds=kinds == EVENTS)
    await connection.close_connection()


async def _model_of(awaited):
    return model(await awaited)


async def streams(client):
    connection = await client.websocket_streams.create_connection()
    received = {name: asyncio.Event() for name in STREAMS}
    for name, params in STREAMS.items():
        stream = await getattr(connection, name)(symbol="btcusdt", **params)
        stream.on("message", lambda _event, name=name: received[name].set())
    for name, event in received.items():
        await calls.wait(f"stream {name}", asyncio.wait_for(event.wait(), 30))
    await connection.close_connection()


if __name__ == "__main__":
    key = f"-----BEGIN PRIVATE KEY-----\n{exchange.ed25519_secret}\n-----END PRIVATE KEY-----\n"
    hmac = client_of({"api_key": exchange.key, "api_secret": exchange.secret})
    ed25519 = client_of({"api_key": exchange.ed25519_key, "private_key": key})
    share_of_last = prices(model(hmac.rest_api.ticker_price(**MARKET)).price)
    for own in (hmac, ed25519):
        requests(own.rest_api, share_of_last)
        asyncio.run(session(own, share_of_last, logged_on=own is ed25519))
    asyncio.run(streams(hmac))
    calls.report()
