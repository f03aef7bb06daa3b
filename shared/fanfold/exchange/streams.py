"""Streams of the exchange: market data by SUBSCRIBE, and the account's events by a signed subscription."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from fanfold import money
from fanfold.exchange import market_views, order_views
from fanfold.exchange.box import Box
from fanfold.exchange.handlers import dump
from fanfold.exchange.refusals import ExchangeRefusal, text8
from fanfold.exchange.signing import check_key, check_signature, check_time
from fanfold.exchange.spot import PlacedOrder
from fanfold.matching.engine import EngineTrade, OrderEvent
from fanfold.matching.wallets import FeeCharge
from fanfold.money import ZERO

DEPTH = 5_000
EXECUTIONS = {
    "new": "NEW", "trade": "TRADE", "canceled": "CANCELED", "expired": "EXPIRED", "prevented": "TRADE_PREVENTION",
}  # fmt: skip
Book = dict[str, dict[str, str]]


class StreamSession:
    """A connection: the streams that it wants, and the messages that wait to be sent."""

    def __init__(self) -> None:
        self.streams: set[str] = set()
        self.has_account = False
        self.outgoing: asyncio.Queue[bytes] = asyncio.Queue()

    def send(self, document: Any) -> None:
        self.outgoing.put_nowait(dump(document))


class StreamFeed:
    """All connections, and what each symbol's subscribers were told last."""

    def __init__(self, box: Box, clock: Callable[[], int]) -> None:
        self.sessions: set[StreamSession] = set()
        self._box = box
        self._clock = clock
        self._books: dict[str, tuple[Book, int]] = {}
        self._told: dict[str, int] = {}
        box.exchange.listeners.append(self._on_order)
        box.before_snapshot.append(self.pump)

    def receive(self, session: StreamSession, text: str) -> None:
        """Answer a message of a connection."""
        message = json.loads(text)
        method: str | None = message.get("method")
        params: Any = message.get("params") or {}
        if method == "SUBSCRIBE":
            self._start(params)
            session.streams |= set(params)
            session.send({"result": None, "id": message.get("id")})
        elif method == "UNSUBSCRIBE":
            session.streams -= set(params)
            session.send({"result": None, "id": message.get("id")})
        else:
            session.send({"id": message.get("id"), **self._call(session, method, params)})

    def pump(self) -> None:
        """Tell the subscribers of each symbol what has changed since the last time."""
        names = {stream.partition("@")[0].upper() for session in self.sessions for stream in session.streams}
        for symbol in sorted(names & set(self._box.exchange.listings)):
            self._pump_depth(symbol)
            self._pump_trades(symbol)

    def _start(self, streams: list[str]) -> None:
        """Take the present state of each symbol that has no subscriber yet as told."""
        for symbol in {stream.partition("@")[0].upper() for stream in streams} & set(self._box.exchange.listings):
            if symbol not in self._books:
                self._books[symbol] = (self._book(symbol), self._box.next_update())
                tape = self._box.exchange.tapes[symbol]
                self._told[symbol] = tape[-1].trade_id if tape else 0

    def _call(self, session: StreamSession, method: str | None, params: dict[str, Any]) -> dict[str, Any]:
        """Answer a call of the WebSocket API."""
        try:
            if method == "userDataStream.subscribe.signature":
                sent = {name: str(value) for name, value in params.items()}
                check_key(self._box.credentials, sent.get("apiKey", ""))
                check_time(sent, self._clock())
                query = "&".join(f"{name}={sent[name]}" for name in sorted(sent) if name != "signature")
                check_signature(self._box.credentials, query, "", sent)
                session.has_account = True
                return {"status": 200, "result": {"subscriptionId": 0}}
            if method == "time":
                return {"status": 200, "result": {"serverTime": self._clock()}}
        except ExchangeRefusal as refusal:
            return {"status": refusal.status, "error": {"code": refusal.code, "msg": refusal.text}}
        return {"status": 400, "error": {"code": -1000, "msg": f"{method} is not served."}}

    def _tell(self, stream: str, document: Any) -> None:
        for session in self.sessions:
            if any(it == stream or it.startswith(f"{stream}@") for it in session.streams):
                session.send(document)

    def _book(self, symbol: str) -> Book:
        book = self._box.exchange.engines[symbol].book
        sides = {"b": book.levels("buy", DEPTH), "a": book.levels("sell", DEPTH)}
        return {name: {text8(it.price): text8(it.quantity) for it in levels} for name, levels in sides.items()}

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
        touch = market_views.book_ticker(self._box.exchange, symbol)
        best = dict(zip("baBA", (touch[it] for it in ("bidPrice", "askPrice", "bidQty", "askQty")), strict=True))
        self._tell(f"{symbol.lower()}@bookTicker", {"u": number, "s": symbol, **best})

    def _pump_trades(self, symbol: str) -> None:
        for trade in self._box.exchange.tapes[symbol]:
            if trade.trade_id > self._told[symbol]:
                self._told[symbol] = trade.trade_id
                self._tell(f"{symbol.lower()}@trade", _trade(symbol, trade))
                aggregate = {"e": "aggTrade", "E": trade.at_ms, "s": symbol, **market_views.aggregate(trade)}
                self._tell(f"{symbol.lower()}@aggTrade", aggregate)

    def _on_order(self, event: OrderEvent, placed: PlacedOrder, fee: FeeCharge | None) -> None:
        if event.kind not in EXECUTIONS:
            return
        listing = placed.listing
        rows = [it for it in order_views.balances(self._box.exchange) if it["asset"] in {listing.base, listing.quote}]
        position = {
            "e": "outboundAccountPosition",
            "E": event.at_ms,
            "u": event.at_ms,
            "B": [{"a": it["asset"], "f": it["free"], "l": it["locked"]} for it in rows],
        }
        for session in self.sessions:
            if session.has_account:
                session.send({"subscriptionId": 0, "event": execution_report(event, placed, fee)})
                session.send({"subscriptionId": 0, "event": position})


def _changes(before: dict[str, str], after: dict[str, str]) -> list[list[str]]:
    """Return the levels that are new or changed, and those that are gone with a quantity of zero."""
    fresh = [[price, quantity] for price, quantity in after.items() if before.get(price) != quantity]
    return fresh + [[price, text8(ZERO)] for price in before if price not in after]


def _trade(symbol: str, trade: EngineTrade) -> dict[str, Any]:
    return {
        "e": "trade",
        "E": trade.at_ms,
        "s": symbol,
        "t": trade.trade_id,
        "p": text8(trade.price),
        "q": text8(trade.quantity),
        "T": trade.at_ms,
        "m": trade.taker_side == "sell",
        "M": True,
    }


def execution_report(event: OrderEvent, placed: PlacedOrder, fee: FeeCharge | None) -> dict[str, Any]:
    """Return an event of an order as the user data stream tells it."""
    order, trade = event.order, event.trade
    price, quantity = (trade.price, trade.quantity) if trade is not None else (ZERO, ZERO)
    return {
        "e": "executionReport",
        "E": event.at_ms,
        "s": placed.listing.symbol,
        "c": placed.client_order_id,
        "S": order.side.upper(),
        "o": placed.type,
        "f": order.time_in_force.upper(),
        "q": text8(order.quantity),
        "p": text8(order.limit or ZERO),
        "P": text8(order.trigger.price if order.trigger is not None else ZERO),
        "F": text8(ZERO),
        "g": -1 if order.pair is None else order.pair,
        "C": "",
        "x": EXECUTIONS[event.kind],
        "X": order_views.status(order),
        "r": "NONE",
        "i": order.order_id,
        "l": text8(quantity),
        "z": text8(order.filled),
        "L": text8(price),
        "n": text8(fee.amount) if fee is not None else "0",
        "N": fee.asset if fee is not None else None,
        "T": event.at_ms,
        "t": trade.trade_id if trade is not None else -1,
        "I": event.at_ms,
        "w": order.is_live and not order.waiting,
        "m": trade is not None and trade.maker_id == order.order_id,
        "M": False,
        "O": placed.placed_at_ms,
        "Z": text8(order.quote_filled),
        "Y": text8(money.EXACT.multiply(price, quantity)),
        "Q": text8(ZERO),
        "W": placed.working_at_ms,
        "V": order.prevention.upper(),
    }
