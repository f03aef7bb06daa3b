"""Coinbase Advanced Trade, spot. It has no way to refuse a late request."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from fanfold.errors import VenueUnavailable
from fanfold.messages import Order
from fanfold.money import EXACT
from fanfold.venues.ccxt.dialects.dialect import (
    Caller,
    Document,
    Fence,
    NativeCall,
    exactly,
    listed,
    pages,
    require_limit,
    text,
)

PAGE, ACCOUNTS_PAGE = 100, 250


class Coinbase:
    """See Dialect. Orders are found by looking through those since a time: there is no look-up by client order id."""

    def place(self, order: Order, market_id: str, sent_id: str, deadline: datetime) -> NativeCall:
        require_limit(order, "coinbase")
        own = {"base_size": text(order.quantity), "limit_price": text(order.limit_price)}
        resting = {"limit_limit_gtc": own | {"post_only": bool(order.post_only)}}
        kind = {"sor_limit_ioc": own} if order.time_in_force == "ioc" else resting
        params = {
            "client_order_id": sent_id,
            "product_id": market_id,
            "side": order.side.upper(),
            "order_configuration": kind,
        }
        return NativeCall("v3PrivatePostBrokerageOrders", params)

    def fence(self, claimed_at: datetime, deadline: datetime) -> Fence:
        return Fence()

    def placed(self, caller: Caller, answer: Document, symbol: str) -> Document:
        accepted = answer.get("success_response") or {}
        return {"id": (accepted.get("order_id") or None) if answer.get("success") else None}

    def error(self, answer: Document) -> tuple[str, str]:
        refused = answer.get("error_response")
        if isinstance(refused, dict):
            return str(refused.get("error", "")), str(refused.get("message", ""))
        return str(answer.get("error", "")), str(answer.get("message", ""))

    def find(self, caller: Caller, order: Order, sent_id: str, venue_order_id: str) -> list[Document]:
        if venue_order_id:
            request = NativeCall("v3PrivateGetBrokerageOrdersHistoricalOrderId", {"order_id": venue_order_id})
            return [caller.order(caller.call(request)["order"], order.instrument)]
        market = caller.market_id(order.instrument)
        return list(self._orders(caller, {"product_ids": [market], "start_date": _iso(order.decided_at)}))

    def cancel(self, market_id: str, sent_id: str, venue_order_id: str) -> NativeCall:
        return NativeCall("v3PrivatePostBrokerageOrdersBatchCancel", {"order_ids": [venue_order_id]})

    def open_orders(self, caller: Caller) -> list[Document]:
        return list(self._orders(caller, {"order_status": ["OPEN"], "product_type": "SPOT"}))

    def trades(self, caller: Caller, symbol: str, since: datetime, until: datetime) -> Iterator[Document]:
        params = {
            "product_ids": [caller.market_id(symbol)],
            "start_sequence_timestamp": _iso(since),
            "limit": PAGE,
        }
        first = NativeCall("v3PrivateGetBrokerageOrdersHistoricalFills", params)
        for answer in pages(caller, first, lambda answer: _next_page(answer, "fills")):
            for document in listed(answer, "fills"):
                # A reversal or a correction undoes a fill; booked as another one it would be counted twice.
                if document.get("trade_type", "FILL") != "FILL":
                    raise VenueUnavailable(f"coinbase has a {document['trade_type']} of a trade; settle it by hand")
                yield caller.trade(document, symbol)

    def balances(self, caller: Caller) -> Iterator[tuple[str, Decimal]]:
        first = NativeCall("v3PrivateGetBrokerageAccounts", {"limit": ACCOUNTS_PAGE})
        for answer in pages(caller, first, lambda answer: _next_page(answer, "accounts")):
            for account in listed(answer, "accounts"):
                free, locked = exactly(account["available_balance"]["value"]), exactly(account["hold"]["value"])
                yield account["currency"], EXACT.add(free, locked)

    def cancel_all_after(self, within_s: int) -> None:
        return None

    def rights(self, caller: Caller) -> frozenset[str]:
        answer = caller.call(NativeCall("v3PrivateGetBrokerageKeyPermissions", {}))
        rights = {"trade": "can_trade", "withdraw": "can_transfer"}
        return frozenset(right for right, field in rights.items() if answer.get(field) is not False)

    def _orders(self, caller: Caller, params: Document) -> Iterator[Document]:
        first = NativeCall("v3PrivateGetBrokerageOrdersHistoricalBatch", params | {"limit": PAGE})
        for answer in pages(caller, first, lambda answer: _next_page(answer, "orders")):
            for document in listed(answer, "orders"):
                yield caller.order(document, caller.symbol(document["product_id"]))


def _next_page(answer: Any, name: str) -> Document | None:
    cursor = answer.get("cursor")
    return {"cursor": cursor} if cursor and listed(answer, name) else None


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


DIALECT = Coinbase
