"""Kraken spot. Its trades and orders are documents by id."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from fanfold.errors import BadInput, VenueUnavailable
from fanfold.messages import Order
from fanfold.venues.ccxt.dialects.dialect import Caller, Document, Fence, NativeCall, exactly, pages, text

PAGE = 50


class Kraken:
    """See Dialect. A nonce must rise with each request of a key, so the deadline alone is the fence."""

    def place(self, order: Order, market_id: str, sent_id: str, deadline: datetime) -> NativeCall:
        params = {
            "pair": market_id,
            "type": order.side,
            "volume": text(order.quantity),
            "cl_ord_id": sent_id,
            # A sale would pay in base, and Kraken's trades do not say in what they paid.
            "oflags": "fciq,post" if order.post_only else "fciq",
            "deadline": deadline.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        if order.kind == "limit":
            own = {"ordertype": "limit", "price": text(order.limit_price), "timeinforce": order.time_in_force.upper()}
        elif order.kind == "stop" and order.limit_price is not None:
            prices = {"price": text(order.stop_price), "price2": text(order.limit_price)}
            own = {"ordertype": "stop-loss-limit", "trigger": "last"} | prices
        elif order.kind == "stop":
            own = {"ordertype": "stop-loss", "price": text(order.stop_price)}
        else:
            raise BadInput(f"order {order.order_id} is at market without a bound; send a limit that is ioc")
        return NativeCall("privatePostAddOrder", params | own)

    def fence(self, claimed_at: datetime, deadline: datetime) -> Fence:
        return Fence()

    def placed(self, caller: Caller, answer: Document, symbol: str) -> Document:
        ids = answer.get("result", {}).get("txid") or [None]
        return {"id": ids[0]}

    def error(self, answer: Document) -> tuple[str, str]:
        errors = answer.get("error") or []
        if not errors:
            return "", ""
        code, text = str(errors[0]), "; ".join(map(str, errors))
        # What follows a second colon says which argument. A quarrel about the id may be about one that is in use.
        return (code if "cl_ord_id" in text else ":".join(code.split(":")[:2])), text

    def find(self, caller: Caller, order: Order, sent_id: str, venue_order_id: str) -> list[Document]:
        if venue_order_id:
            answer = caller.call(NativeCall("privatePostQueryOrders", {"txid": venue_order_id}))
            return _orders(caller, answer.get("result"))
        # What is open may close between the two looks, and then is among the closed ones.
        still = caller.call(NativeCall("privatePostOpenOrders", {"cl_ord_id": sent_id}))
        ended = caller.call(NativeCall("privatePostClosedOrders", {"cl_ord_id": sent_id}))
        return _orders(caller, _result(still, "open")) + _orders(caller, _result(ended, "closed"))

    def cancel(self, market_id: str, sent_id: str, venue_order_id: str) -> NativeCall:
        own = {"txid": venue_order_id} if venue_order_id else {"cl_ord_id": sent_id}
        return NativeCall("privatePostCancelOrder", own)

    def open_orders(self, caller: Caller) -> list[Document]:
        return _orders(caller, _result(caller.call(NativeCall("privatePostOpenOrders", {})), "open"))

    def trades(self, caller: Caller, symbol: str, since: datetime, until: datetime) -> Iterator[Document]:
        return (trade for trade in self.trades_of_all(caller, since) if trade["symbol"] == symbol)

    def trades_of_all(self, caller: Caller, since: datetime) -> Iterator[Document]:
        seen = 0

        def following(answer: Document) -> Document | None:
            nonlocal seen
            seen += len(_result(answer, "trades"))
            return {"ofs": seen} if len(_result(answer, "trades")) == PAGE else None

        # ``start`` is exclusive, and in whole seconds. Trades that are merged by their order would change their ids.
        params = {"start": int(since.timestamp()) - 1, "consolidate_taker": "false"}
        first = NativeCall("privatePostTradesHistory", params)
        for answer in pages(caller, first, following):
            for trade_id, document in _result(answer, "trades").items():
                symbol = caller.symbol(str(document.get("pair", "")))
                yield caller.trade({**document, "id": trade_id}, symbol) | {"symbol": symbol}

    def balances(self, caller: Caller) -> Iterator[tuple[str, Decimal]]:
        answer = caller.call(NativeCall("privatePostBalanceEx", {}))
        documents = answer.get("result")
        if not isinstance(documents, dict):
            raise VenueUnavailable("kraken gave an answer without balances")
        for code, document in documents.items():
            # What orders hold is part of it.
            yield caller.currency(code), exactly(document["balance"])

    def cancel_all_after(self, within_s: int) -> NativeCall:
        return NativeCall("privatePostCancelAllOrdersAfter", {"timeout": within_s})

    def rights(self, caller: Caller) -> None:
        return None


def _result(answer: Document, name: str) -> dict[str, Any]:
    documents = (answer.get("result") or {}).get(name)
    if not isinstance(documents, dict):
        raise VenueUnavailable(f"kraken gave an answer without {name}")
    return documents


def _orders(caller: Caller, documents: Any) -> list[Document]:
    if not isinstance(documents, dict):
        raise VenueUnavailable("kraken gave an answer without orders")
    return [
        caller.order({**document, "id": order_id}, caller.symbol(str(document.get("descr", {}).get("pair", ""))))
        for order_id, document in documents.items()
    ]


DIALECT = Kraken
