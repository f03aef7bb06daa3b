"""The simulated exchange, judged by what others wrote: an unmodified ccxt trades on it, and its own checks pass."""

import asyncio
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import ccxt
import ccxt.async_support
import pytest

from fanfold.exchange import server
from fanfold.venues.ccxt.client import Client

SYMBOL = "BTC/USDT"


@pytest.fixture(scope="module")
def served() -> Iterator[server.ServedExchange]:
    with server.serve(deposits=None) as exchange:
        yield exchange


def moved(urls: Any, origin: str) -> Any:
    """The same paths at another host, as docs/exchange.md shows it."""
    if isinstance(urls, dict):
        return {name: moved(url, origin) for name, url in urls.items()}
    return origin + "/" + urls.split("/", 3)[3]


def client(kind: Any, served: server.ServedExchange) -> Any:
    exchange = kind({"apiKey": served.key, "secret": served.secret})
    exchange.urls["api"] = moved(exchange.urls["api"], served.origin)
    return exchange


def check(name: str, exchange: Any, method: str, entry: Any, *more: Any, without: tuple[str, ...] = ()) -> None:
    """Apply a check of ccxt's own test package to a structure, without what Binance does not tell either."""
    module = import_module(f"ccxt.test.exchange.base.test_{name}")
    getattr(module, f"test_{name}")(exchange, dict.fromkeys(without, True), method, entry, *more)


KINDS: list[tuple[Any, ...]] = [
    ("market", "buy", 0.01, None, {}, "closed"),
    ("market", "sell", 0.005, None, {}, "closed"),
    ("limit", "buy", 0.01, 0.98, {}, "open"),
    ("limit", "buy", 0.01, 1.02, {"timeInForce": "IOC"}, "closed"),
    ("limit", "buy", 0.01, 1.02, {"timeInForce": "FOK"}, "closed"),
    ("limit", "buy", 0.01, 0.97, {"postOnly": True}, "open"),
    ("market", "sell", 0.001, None, {"stopLossPrice": 0.9}, "open"),
    ("limit", "sell", 0.001, 0.89, {"stopLossPrice": 0.9}, "open"),
    ("market", "sell", 0.001, None, {"takeProfitPrice": 1.1}, "open"),
    ("limit", "sell", 0.001, 1.1, {"takeProfitPrice": 1.1}, "open"),
]


def test_ccxt_places_finds_and_cancels_orders_of_every_kind(served: server.ServedExchange) -> None:
    exchange = client(ccxt.binance, served)
    last = exchange.fetch_ticker(SYMBOL)["last"]
    for n, (kind, side, amount, factor, params, status) in enumerate(KINDS):
        prices = {name: last * value for name, value in params.items() if name.endswith("Price")}
        sent = {**params, **prices, "clientOrderId": f"kind-{n}"}
        order = exchange.create_order(SYMBOL, kind, side, amount, factor and last * factor, sent)
        assert (order["status"], order["clientOrderId"]) == (status, f"kind-{n}"), (kind, params)
        fetched = exchange.fetch_order(order["id"], SYMBOL)
        assert fetched["status"] == status
        assert exchange.fetch_order(None, SYMBOL, {"origClientOrderId": f"kind-{n}"})["id"] == order["id"]
        for entry in (order, fetched):
            # Binance says -1 for the working time of an order that waits, which ccxt reads as its time.
            without = ("timestamp", "datetime") if entry["info"].get("workingTime") == -1 else ()
            check("order", exchange, "createOrder", entry, SYMBOL, exchange.milliseconds() + 60_000, without=without)
        if status == "open":
            assert exchange.cancel_order(order["id"], SYMBOL)["status"] == "canceled"
    assert exchange.fetch_open_orders(SYMBOL) == []
    assert len(exchange.fetch_orders(SYMBOL)) >= len(KINDS)


def test_ccxt_reads_market_data_and_the_account(served: server.ServedExchange) -> None:
    exchange = client(ccxt.binance, served)
    now = exchange.milliseconds()
    markets = exchange.load_markets()
    assert {"BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT"} == set(markets)
    check("market", exchange, "fetchMarkets", markets[SYMBOL])
    check(
        "order_book",
        exchange,
        "fetchOrderBook",
        exchange.fetch_order_book(SYMBOL),
        SYMBOL,
        without=("timestamp", "datetime"),
    )
    check("ticker", exchange, "fetchTicker", exchange.fetch_ticker(SYMBOL), SYMBOL)
    for candle in exchange.fetch_ohlcv(SYMBOL, "5m", limit=20):
        check("ohlcv", exchange, "fetchOHLCV", candle, SYMBOL, now)
    trades = exchange.fetch_trades(SYMBOL)
    assert trades
    for trade in trades:
        check("trade", exchange, "fetchTrades", trade, SYMBOL, now + 60_000, True)
    check("balance", exchange, "fetchBalance", exchange.fetch_balance())
    exchange.create_order(SYMBOL, "market", "buy", 0.001)
    for trade in exchange.fetch_my_trades(SYMBOL):
        check("trade", exchange, "fetchMyTrades", trade, SYMBOL, now + 60_000, False)
    assert abs(exchange.fetch_time() - exchange.milliseconds()) < 1_000


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("limit", "buy", 10, 60_000), "InsufficientFunds"),
        (("limit", "buy", 0.01, 100), "InvalidOrder"),
        (("limit", "buy", 0.00001, 60_000), "BadRequest"),
        (("limit", "buy", 0.01, 90_000, {"postOnly": True}), "OrderImmediatelyFillable"),
    ],
)
def test_ccxt_raises_what_it_raises_for_binance(served: server.ServedExchange, arguments: Any, kind: str) -> None:
    exchange = client(ccxt.binance, served)
    with pytest.raises(getattr(ccxt, kind)) as caught:
        exchange.create_order(SYMBOL, *arguments)
    assert type(caught.value).__name__ == kind


def test_asynchronous_ccxt_edits_and_cancels(served: server.ServedExchange) -> None:
    async def trade() -> list[Any]:
        exchange = client(ccxt.async_support.binance, served)
        try:
            if await exchange.fetch_open_orders(SYMBOL):
                await exchange.cancel_all_orders(SYMBOL)
            order = await exchange.create_order(SYMBOL, "limit", "buy", 0.01, 60_000)
            edited = await exchange.edit_order(order["id"], SYMBOL, "limit", "buy", 0.01, 59_000)
            return [edited, await exchange.cancel_all_orders(SYMBOL)]
        finally:
            await exchange.close()

    edited, canceled = asyncio.run(trade())
    assert (edited["price"], edited["status"], len(canceled)) == (59_000, "open", 1)


def test_the_desks_own_client_reads_the_box(served: server.ServedExchange) -> None:
    own = Client("binance", served.origin)
    assert own.has(SYMBOL)
    bid, ask = own.touch(SYMBOL)
    assert float(bid) < float(ask)


@pytest.mark.parametrize(
    ("fault", "kinds"),
    [
        ("reply_lost_after", {"NetworkError"}),
        ("server_error_after", {"OperationFailed", "ExchangeNotAvailable"}),
        ("truncated_answer", {"NetworkError", "ExchangeError"}),
        ("html_403", {"ExchangeNotAvailable"}),
        ("backend_timeout", {"RequestTimeout"}),
        ("duplicate_reject", {"InvalidOrder"}),
    ],
)
def test_an_injected_fault_reaches_ccxt_as_a_real_one_does(
    served: server.ServedExchange, fault: str, kinds: set[str]
) -> None:
    exchange = client(ccxt.binance, served)
    exchange.load_markets()
    exchange.fetch(
        f"{served.origin}/box/faults", "POST", {"Content-Type": "application/json"}, f'{{"fault": "{fault}"}}'
    )
    with pytest.raises(ccxt.BaseError) as caught:
        exchange.create_order(SYMBOL, "limit", "buy", 0.01, 60_000, {"clientOrderId": f"f-{fault}"})
    assert type(caught.value).__name__ in kinds
    journal = exchange.fetch(f"{served.origin}/box/journal")
    assert journal[-1]["fault"] == fault
    orders = exchange.fetch(f"{served.origin}/box/orders")
    names = [order["clientOrderId"] for order in orders]
    assert names.count(f"f-{fault}") == (0 if fault == "html_403" else names.count(f"f-{fault}"))
    assert names.count(f"f-{fault}") <= 1
