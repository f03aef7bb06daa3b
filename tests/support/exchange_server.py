"""A make-believe exchange on loopback that speaks as five real ones do, from candles that a test puts in."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from fanfold.market import timeframes

# A minute of February 2026, in epoch seconds, at which candles begin.
START = 1_770_523_200
Query = dict[str, str]


class Answer(NamedTuple):
    """The response: a status, the bytes of the body, and headers besides the usual.

    A status of 0 is no answer: the connection is closed. Where a header says that the body is longer, it breaks off.
    """

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = MappingProxyType({})


class Request(NamedTuple):
    """A request as it came."""

    method: str
    path: str
    query: Query
    headers: Mapping[str, str]
    body: str


class Candle(NamedTuple):
    """A candle in the exchange's own words; it opens at an epoch second."""

    opens_at: int
    open: str
    high: str
    low: str
    close: str
    volume: str


class Exchange:
    """One market's candles, best prices and rules, and what the exchange does wrong.

    ``page`` is the most candles it gives at once, ``backwards`` makes it give them newest first; ``fault`` sees every
    request and may answer it in the exchange's place.
    """

    def __init__(self, base: str = "BTC", quote: str = "USDT", tick: str = "0.01", lot: str = "0.00001") -> None:
        self.base, self.quote, self.tick, self.lot = base, quote, tick, lot
        self.others: list[tuple[str, str]] = []
        self.candles: list[Candle] = []
        self.touch = ("100.00", "100.01")
        self.page = 1_000
        self.backwards = False
        self.fault: Callable[[str, Query], Answer | None] = lambda _path, _query: None
        self.public_requests: list[tuple[str, Query]] = []

    def span(self, start: float, limit: int, end: float = float("inf"), length: int = 60) -> list[Candle]:
        """Candles that open in a span of epoch seconds, as many as a page takes; long ones as their first minute."""
        candles = [
            candle for candle in self.candles if start <= candle.opens_at < end and candle.opens_at % length == 0
        ]
        page = candles[: min(limit, self.page)]
        return page[::-1] if self.backwards else page

    def respond(self, request: Request) -> Answer:
        """Answer a request; one that knows its key overrides this."""
        return self.answer(request.path, request.query)

    def answer(self, path: str, query: Query) -> Answer:
        self.public_requests.append((path, query))
        wrong = self.fault(path, query)
        if wrong is not None:
            return wrong
        for start, dialect in DIALECTS.items():
            if path.startswith(start):
                return Answer(body=json.dumps(dialect(self, path, query)).encode())
        return Answer(404, b'{"msg": "no such path"}')

    def count(self, path: str) -> int:
        return sum(asked_path.endswith(path) for asked_path, _ in self.public_requests)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    # The usual five lose a connection where eight threads connect at once.
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up waiting is no news."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(exchange: Exchange) -> Iterator[str]:
    """The origin under which the exchange answers."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            request = Request(self.command, url.path, dict(parse_qsl(url.query)), dict(self.headers), body)
            answer = exchange.respond(request)
            if not answer.status:
                self.close_connection = True
                return
            self.send_response(answer.status)
            length = {"Content-Length": str(len(answer.body))}
            for name, value in {"Content-Type": "application/json", **length, **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)
            self.close_connection = self.close_connection or "Content-Length" in answer.headers

        def do_POST(self) -> None:
            self.do_GET()

        def do_DELETE(self) -> None:
            self.do_GET()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def binance(exchange: Exchange, path: str, query: Query) -> object:
    if path.endswith("exchangeInfo"):
        pairs = [(exchange.base, exchange.quote), *exchange.others]
        return {"symbols": [_binance_symbol(exchange, base, quote) for base, quote in pairs]}
    if path.endswith("bookTicker"):
        bid, ask = exchange.touch
        return [{"symbol": name, "bidPrice": bid, "askPrice": ask} for name in json.loads(query["symbols"])]
    length = timeframes.seconds(query["interval"])
    candles = exchange.span(int(query["startTime"]) / 1_000, int(query["limit"]), length=length)
    return [
        [candle.opens_at * 1_000, *candle[1:], candle.opens_at * 1_000 + 59_999, "0", 1, "0", "0", "0"]
        for candle in candles
    ]


def _binance_symbol(exchange: Exchange, base: str, quote: str) -> object:
    return {
        "symbol": base + quote,
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": quote,
        "isSpotTradingAllowed": True,
        "orderTypes": ["LIMIT", "MARKET"],
        "permissions": ["SPOT"],
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": exchange.tick, "maxPrice": "1000000", "tickSize": exchange.tick},
            {"filterType": "LOT_SIZE", "minQty": exchange.lot, "maxQty": "9000", "stepSize": exchange.lot},
            {"filterType": "NOTIONAL", "minNotional": "5.00000000"},
        ],
    }


def bybit(exchange: Exchange, path: str, query: Query) -> object:
    if path.endswith("instruments-info"):
        market = {
            "symbol": exchange.base + exchange.quote,
            "baseCoin": exchange.base,
            "quoteCoin": exchange.quote,
            "status": "Trading",
            "priceFilter": {"tickSize": exchange.tick},
            "lotSizeFilter": {
                "basePrecision": exchange.lot,
                "quotePrecision": "0.00000001",
                "minOrderQty": exchange.lot,
                "maxOrderQty": "100",
                "minOrderAmt": "5",
            },
        }
        return _bybit({"category": "spot", "list": [market]})
    if path.endswith("tickers"):
        bid, ask = exchange.touch
        return _bybit({"category": "spot", "list": [{"symbol": query["symbol"], "bid1Price": bid, "ask1Price": ask}]})
    candles = exchange.span(int(query["start"]) / 1_000, int(query["limit"]))
    rows = [[str(candle.opens_at * 1_000), *candle[1:], "0"] for candle in reversed(candles)]
    return _bybit({"category": "spot", "symbol": query["symbol"], "list": rows})


def _bybit(result: object) -> object:
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": 1_770_531_564_519}


def okx(exchange: Exchange, path: str, query: Query) -> object:
    if path.endswith("instruments"):
        market = {
            "instType": "SPOT",
            "instId": f"{exchange.base}-{exchange.quote}",
            "baseCcy": exchange.base,
            "quoteCcy": exchange.quote,
            "tickSz": exchange.tick,
            "lotSz": exchange.lot,
            "minSz": exchange.lot,
            "state": "live",
        }
        return {"code": "0", "msg": "", "data": [market]}
    if path.endswith("ticker"):
        bid, ask = exchange.touch
        return {
            "code": "0",
            "msg": "",
            "data": [{"instType": "SPOT", "instId": query["instId"], "bidPx": bid, "askPx": ask}],
        }
    # Both ends are left out, and a span with more than a page gives the newest of it.
    candles = exchange.span(int(query["before"]) / 1_000 + 0.001, 2**31, int(query["after"]) / 1_000)
    rows = [
        [str(candle.opens_at * 1_000), *candle[1:], "0", "0", "1"]
        for candle in reversed(candles[-int(query["limit"]) :])
    ]
    return {"code": "0", "msg": "", "data": rows}


def kraken(exchange: Exchange, path: str, query: Query) -> object:
    name = exchange.base + exchange.quote
    if path.endswith("AssetPairs"):
        market = {
            "altname": name,
            "wsname": f"{exchange.base}/{exchange.quote}",
            "base": exchange.base,
            "quote": exchange.quote,
            "pair_decimals": len(exchange.tick) - 2,
            "lot_decimals": len(exchange.lot) - 2,
            "cost_decimals": 5,
            "ordermin": exchange.lot,
            "costmin": "0.5",
            "tick_size": exchange.tick,
            "status": "online",
            "fees": [[0, 0.4]],
            "fees_maker": [[0, 0.25]],
        }
        return {"error": [], "result": {name: market}}
    if path.endswith("Ticker"):
        bid, ask = exchange.touch
        return {"error": [], "result": {name: {"b": [bid, "1", "1"], "a": [ask, "1", "1"]}}}
    # It never gives more than the newest of a page, whatever since says.
    candles = [candle for candle in exchange.candles if candle.opens_at > int(query["since"])][-720:]
    rows = [[candle.opens_at, *candle[1:5], "0", candle.volume, 1] for candle in candles]
    return {"error": [], "result": {name: rows, "last": 0}}


def coinbase(exchange: Exchange, path: str, query: Query) -> object:
    name = f"{exchange.base}-{exchange.quote}"
    if path.endswith("transaction_summary"):
        return {"fee_tier": {"taker_fee_rate": "0.006", "maker_fee_rate": "0.004"}}
    if path.endswith("products"):
        market = {
            "product_id": name,
            "base_currency_id": exchange.base,
            "quote_currency_id": exchange.quote,
            "base_increment": exchange.lot,
            "quote_increment": exchange.tick,
            "price_increment": exchange.tick,
            "quote_min_size": "1",
            "base_min_size": exchange.lot,
            "status": "online",
            "trading_disabled": False,
            "product_type": "SPOT",
        }
        return {"products": [market], "num_products": 1}
    if path.endswith("ticker"):
        return {"trades": [], "best_bid": exchange.touch[0], "best_ask": exchange.touch[1]}
    candles = exchange.span(int(query["start"]), 300, int(query["end"]))
    rows = [
        {
            "start": str(candle.opens_at),
            "open": candle.open,
            "high": candle.high,
            "low": candle.low,
            "close": candle.close,
            "volume": candle.volume,
        }
        for candle in reversed(candles)
    ]
    return {"candles": rows}


# The first path that fits.
DIALECTS: dict[str, Callable[[Exchange, str, Query], object]] = {
    "/api/v3/brokerage": coinbase,
    "/api/v3": binance,
    "/v5": bybit,
    "/api/v5": okx,
    "/0/public": kraken,
}
