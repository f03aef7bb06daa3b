"""Streams of the exchange: market data by name, and the account's events to who subscribed to them."""

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from fanfold.exchange import candles, market_views, order_views, stream_views
from fanfold.exchange.box import Box
from fanfold.exchange.handlers import dump
from fanfold.exchange.refusals import ExchangeRefusal, text8
from fanfold.exchange.spot import PlacedOrder
from fanfold.matching.engine import OrderEvent
from fanfold.matching.wallets import FeeCharge
from fanfold.money import ZERO

DEPTH = 5_000
LEVELS = (5, 10, 20)
ALL_TICKERS = "!miniTicker@arr"
METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
Book = dict[str, dict[str, str]]


class StreamSession:
    """A connection: the streams and the account's subscriptions that it has, and the messages that wait to be sent."""

    def __init__(self, *, combined: bool = False, connected_at_ms: int = 0) -> None:
        self.streams: set[str] = set()
        self.combined = combined
        self.connected_at_ms = connected_at_ms
        # When the session was logged on; the account's subscriptions, and which of them are the logon's.
        self.authorized_at_ms: int | None = None
        self.subscriptions: dict[int, bool] = {}
        self.subscribed = 0
        self.outgoing: asyncio.Queue[bytes | None] = asyncio.Queue()

    def send(self, document: Any) -> None:
        self.outgoing.put_nowait(dump(document))

    def send_from(self, name: str, document: Any) -> None:
        """Send an event of a stream, within its name where the connection combines streams."""
        self.send({"stream": name, "data": document} if self.combined else document)

    def close(self) -> None:
        self.outgoing.put_nowait(None)


class StreamFeed:
    """All connections, and what each stream's subscribers were told last."""

    def __init__(self, box: Box, clock: Callable[[], int]) -> None:
        self.sessions: set[StreamSession] = set()
        self._box = box
        self._clock = clock
        self._books: dict[str, tuple[Book, int]] = {}
        self._told: dict[str, int] = {}
        self._candles: dict[str, int] = {}
        self._second = 0
        box.exchange.listeners.append(self._on_order)
        box.before_snapshot.append(self.pump)

    def open(self, path: str, query: str = "") -> StreamSession:
        """Begin a connection: raw at /ws/NAME, combined at /stream?streams=NAME/NAME."""
        session = StreamSession(combined=path == "/stream", connected_at_ms=self._clock())
        names = parse_qs(query).get("streams", [""])[0] if session.combined else path.removeprefix("/ws/")
        self._start(session, [name for name in names.split("/") if "@" in name])
        self.sessions.add(session)
        return session

    def receive(self, session: StreamSession, text: str) -> None:
        """Answer a message of a connection for market data."""
        try:
            message = json.loads(text)
            method, params, number = (message.get(name) for name in ("method", "params", "id"))
        except (ValueError, AttributeError):
            session.send({"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1"})
            return
        if not isinstance(params, list | None) or not all(isinstance(param, str | bool) for param in params or []):
            session.send({"code": 2, "msg": "Invalid request: property name must be a string", "id": number})
            return
        if method not in METHODS:
            wanted = ", ".join(f"`{name}`" for name in METHODS)
            text = f"Invalid request: unknown variant `{method}`, expected one of {wanted}"
            session.send({"code": 2, "msg": text, "id": number})
            return
        session.send({"result": self._do(session, method, params or []), "id": number})

    def _do(self, session: StreamSession, method: str, params: list[Any]) -> Any:
        """Carry out a method of a connection, and return its result."""
        if method == "SUBSCRIBE":
            self._start(session, params)
        elif method == "UNSUBSCRIBE":
            session.streams -= set(params)
        elif method == "LIST_SUBSCRIPTIONS":
            return sorted(session.streams)
        elif method == "GET_PROPERTY":
            return session.combined
        else:
            session.combined = params == ["combined", True]
        return None

    def pump(self) -> None:
        """Tell the subscribers of each stream what has changed since the last time."""
        names = {_plain(name) for session in self.sessions for name in session.streams}
        listings = self._box.exchange.listings
        for symbol in sorted({name.partition("@")[0].upper() for name in names} & set(listings)):
            self._pump_depth(symbol)
            self._pump_trades(symbol)
        second = self._clock() // 1_000
        if second != self._second:
            self._second = second
            for name in sorted(names):
                symbol, _, kind = name.partition("@")
                if symbol.upper() in listings:
                    self._pump_second(name, symbol.upper(), kind)
            if ALL_TICKERS in names:
                self._tell(ALL_TICKERS, [self._ticker(symbol, mini=True) for symbol in listings])

    def _start(self, session: StreamSession, streams: Iterable[str]) -> None:
        """Add streams, and take the present state of each symbol that has no subscriber yet as told."""
        names = set(streams)
        session.streams |= names
        for symbol in {name.partition("@")[0].upper() for name in names} & set(self._box.exchange.listings):
            if symbol not in self._books:
                self._books[symbol] = (self._book(symbol), self._box.next_update())
                tape = self._box.exchange.tapes[symbol]
                self._told[symbol] = tape[-1].trade_id if tape else 0

    def _tell(self, stream: str, document: Any) -> None:
        for session in self.sessions:
            for name in session.streams:
                if _plain(name) == stream:
                    session.send_from(name, document)

    def _book(self, symbol: str) -> Book:
        book = self._box.exchange.engines[symbol].book
        sides = {"b": book.levels("buy", DEPTH), "a": book.levels("sell", DEPTH)}
        return {name: {text8(level.price): text8(level.quantity) for level in levels} for name, levels in sides.items()}

    def _pump_depth(self, symbol: str) -> None:
        before, update = self._books[symbol]
        after = self._book(symbol)
        changes = {side: _changes(before[side], after[side]) for side in before}
        if not any(changes.values()):
            return
        number = self._box.next_update()
        self._books[symbol] = (after, number)
        head = {"e": "depthUpdate", "E": self._clock(), "s": symbol, "U": update + 1, "u": number}
        self._tell(f"{symbol.lower()}@depth", head | changes)
        for levels in LEVELS:
            top = market_views.depth(self._box.exchange, symbol, levels, number)
            self._tell(f"{symbol.lower()}@depth{levels}", top)
        touch = market_views.book_ticker(self._box.exchange, symbol)
        best = dict(zip("baBA", (touch[field] for field in ("bidPrice", "askPrice", "bidQty", "askQty")), strict=True))
        self._tell(f"{symbol.lower()}@bookTicker", {"u": number, "s": symbol, **best})

    def _pump_trades(self, symbol: str) -> None:
        for trade in self._box.exchange.tapes[symbol]:
            if trade.trade_id > self._told[symbol]:
                self._told[symbol] = trade.trade_id
                self._tell(f"{symbol.lower()}@trade", stream_views.trade(symbol, trade))
                aggregate = {"e": "aggTrade", "E": trade.at_ms, "s": symbol, **market_views.aggregate(trade)}
                self._tell(f"{symbol.lower()}@aggTrade", aggregate)

    def _pump_second(self, name: str, symbol: str, kind: str) -> None:
        """Tell what is told each second: candles and tickers."""
        now_ms, box = self._clock(), self._box
        if kind in {"ticker", "miniTicker"}:
            self._tell(name, self._ticker(symbol, mini=kind == "miniTicker"))
        elif kind == "avgPrice":
            document = market_views.average_price(box.exchange, box.makers[symbol], now_ms)
            self._tell(name, stream_views.average_price(symbol, document, now_ms))
        elif kind.startswith("kline_"):
            self._pump_candles(name, symbol, kind.removeprefix("kline_"), now_ms)

    def _ticker(self, symbol: str, *, mini: bool) -> dict[str, Any]:
        now_ms, box = self._clock(), self._box
        document = market_views.day_ticker(box.exchange, box.makers[symbol], now_ms)
        return stream_views.ticker(document, now_ms, mini=mini)

    def _pump_candles(self, name: str, symbol: str, kind: str, now_ms: int) -> None:
        """Tell the candles since the one that was open the last time; the last of them is open now."""
        interval, _, zone = kind.partition("@")
        params = {"interval": interval, "timeZone": zone.removeprefix("+") or "0"}
        params |= {"startTime": str(self._candles[name])} if name in self._candles else {"limit": "1"}
        try:
            rows = candles.klines(self._box.makers[symbol], params, now_ms)
        except ExchangeRefusal:
            # As Binance does with the name of a stream that there is not.
            return
        tape = self._box.exchange.tapes[symbol]
        for row in rows:
            self._candles[name] = row[0]
            trades = [trade.trade_id for trade in tape if row[0] <= trade.at_ms <= row[6]]
            self._tell(name, stream_views.candle(symbol, interval, row, trades, now_ms))

    def _on_order(self, event: OrderEvent, placed: PlacedOrder, fee: FeeCharge | None) -> None:
        if event.kind not in stream_views.EXECUTIONS:
            return
        listing, exchange = placed.listing, self._box.exchange
        rows = [
            balance for balance in order_views.balances(exchange) if balance["asset"] in {listing.base, listing.quote}
        ]
        self._tell_account(stream_views.execution_report(event, placed, fee))
        self._tell_account(stream_views.position(rows, event.at_ms))
        if placed.order.pair is not None:
            orders = exchange.list_of(placed)
            is_last = event.kind == "new" and placed is orders[-1]
            if is_last or not any(order.order.is_live for order in orders):
                self._tell_account(stream_views.order_list(orders, event.at_ms))

    def _tell_account(self, document: Any) -> None:
        for session in self.sessions:
            for number in session.subscriptions:
                session.send({"subscriptionId": number, "event": document})


def _plain(name: str) -> str:
    """Return the name of a stream without its pace, which is the same for all."""
    return name.removesuffix("@100ms").removesuffix("@1000ms")


def _changes(before: dict[str, str], after: dict[str, str]) -> list[list[str]]:
    """Return the levels that are new or changed, and those that are gone with a quantity of zero."""
    fresh = [[price, quantity] for price, quantity in after.items() if before.get(price) != quantity]
    return fresh + [[price, text8(ZERO)] for price in before if price not in after]
