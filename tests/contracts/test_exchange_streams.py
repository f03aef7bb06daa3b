"""The streams of the simulated exchange, read by an unmodified ccxt.pro, over a connection that breaks too."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import ccxt.pro
import pytest

from fanfold.exchange import server

SYMBOL = "BTC/USDT"


@pytest.fixture
def trading() -> Any:
    """Runs a coroutine with a connected exchange."""

    def run(act: Callable[[Any], Awaitable[Any]]) -> Any:
        async def connected() -> Any:
            with server.serve() as served:
                exchange = ccxt.pro.binance({"apiKey": served.key, "secret": served.secret})
                exchange.options["fetchMarkets"] = {"types": ["spot"]}
                api = {name: f"{served.origin}/{name}/v1" for name in ("sapi", "fapiPublic", "dapiPublic")}
                socket = served.origin.replace("http", "ws")
                streams = {"spot": f"{socket}/stream/ws", "ws-api": {"spot": f"{socket}/ws-api/v3"}}
                rest = f"{served.origin}/api/v3"
                exchange.urls["api"] = {**api, "public": rest, "private": rest, "ws": streams}
                try:
                    return await asyncio.wait_for(act(exchange), 20)
                finally:
                    await exchange.close()

        return asyncio.run(connected())

    return run


async def traded(exchange: Any, amount: float) -> float:
    """Follow the public trades, those of others among them, to one of an amount; return its price."""
    while True:
        for trade in await exchange.watch_trades(SYMBOL):
            if trade["amount"] == amount:
                return float(trade["price"])


def test_the_stream_sends_orders_trades_and_balances(trading: Any) -> None:
    async def trade(exchange: Any) -> tuple[Any, ...]:
        await exchange.load_markets()
        waits = [asyncio.create_task(watch) for watch in (exchange.watch_my_trades(SYMBOL), exchange.watch_balance())]
        orders = asyncio.create_task(exchange.watch_orders(SYMBOL))
        public = asyncio.create_task(traded(exchange, 0.01))
        await asyncio.sleep(0.7)
        placed = await exchange.create_order(SYMBOL, "market", "buy", 0.01)
        return placed, await orders, await waits[0], await waits[1], await public

    placed, orders, mine, balance, price = trading(trade)
    assert orders[-1]["id"] == placed["id"]
    assert mine[-1]["order"] == placed["id"]
    assert (mine[-1]["fee"]["currency"], balance["USDT"]["used"] >= 0) == ("BTC", True)
    assert price == mine[-1]["price"]


def test_the_order_book_follows_and_survives_a_broken_connection(trading: Any) -> None:
    async def watch(exchange: Any) -> list[Any]:
        await exchange.load_markets()
        seen = []
        for price in (60_000, 60_001):
            update = asyncio.create_task(exchange.watch_order_book(SYMBOL))
            await asyncio.sleep(0.5)
            await exchange.create_order(SYMBOL, "limit", "buy", 0.01, price)
            await update
            while [price, 0.01] not in (book := await exchange.watch_order_book(SYMBOL))["bids"]:
                await exchange.create_order(SYMBOL, "limit", "buy", 0.01, 59_000)
            seen.append((book["bids"][0][0], book["asks"][0][0]))
            for client in list(exchange.clients.values()):
                await client.close()
            exchange.clients.clear()
            exchange.orderbooks.clear()
        return seen

    seen = trading(watch)
    assert len(seen) == 2
    assert all(bid < ask for bid, ask in seen)


def test_the_users_own_streams_survive_a_broken_connection(trading: Any) -> None:
    async def watch(exchange: Any) -> list[tuple[bool, bool]]:
        await exchange.load_markets()
        seen = []
        for _ in range(2):
            orders = asyncio.create_task(exchange.watch_orders(SYMBOL))
            trades = asyncio.create_task(exchange.watch_my_trades(SYMBOL))
            placed = set()
            # Until both are subscribed nothing is heard; then each order is.
            while not (orders.done() and trades.done()):
                placed.add((await exchange.create_order(SYMBOL, "market", "buy", 0.01))["id"])
                await asyncio.wait({orders, trades}, timeout=0.2)
            own = {order["id"] for order in orders.result()}, {trade["order"] for trade in trades.result()}
            seen.append((bool(own[0] & placed), bool(own[1] & placed)))
            for client in list(exchange.clients.values()):
                await client.close()
            exchange.clients.clear()
        return seen

    assert trading(watch) == [(True, True), (True, True)]
