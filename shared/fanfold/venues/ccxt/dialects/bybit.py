"""Bybit spot, of a unified account."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from fanfold.messages import Order
from fanfold.venues.ccxt.dialects.dialect import (
    Caller,
    Document,
    Fence,
    NativeCall,
    exactly,
    listed,
    milliseconds,
    pages,
    require_limit,
    text,
)

PAGE = 50
SPAN = timedelta(days=7)


class Bybit:
    """See Dialect. Its answers to orders hold an id and nothing else."""

    def place(self, order: Order, market_id: str, sent_id: str, deadline: datetime) -> NativeCall:
        require_limit(order, "bybit")
        params = {
            "category": "spot",
            "symbol": market_id,
            "side": order.side.capitalize(),
            "orderType": "Limit",
            "timeInForce": "PostOnly" if order.post_only else order.time_in_force.upper(),
            "price": text(order.limit_price),
            "qty": text(order.quantity),
            "orderLinkId": sent_id,
        }
        return NativeCall("privatePostV5OrderCreate", params)

    def fence(self, claimed_at: datetime, deadline: datetime) -> Fence:
        return Fence(stamp_ms=milliseconds(claimed_at))

    def placed(self, caller: Caller, answer: Document, symbol: str) -> Document:
        return {"id": answer.get("result", {}).get("orderId") or None}

    def error(self, answer: Document) -> tuple[str, str]:
        code = str(answer.get("retCode", "0"))
        return (code, str(answer.get("retMsg", ""))) if code != "0" else ("", "")

    def find(self, caller: Caller, order: Order, sent_id: str, venue_order_id: str) -> list[Document]:
        own = {"orderId": venue_order_id} if venue_order_id else {"orderLinkId": sent_id}
        params = {"category": "spot", "symbol": caller.market_id(order.instrument), **own}
        # Open ones and the last 500 that ended; then those before.
        for method in ("privateGetV5OrderRealtime", "privateGetV5OrderHistory"):
            answer = caller.known(NativeCall(method, params))
            documents = [] if answer is None else listed(answer, "result", "list")
            if documents:
                return [caller.order(document, order.instrument) for document in documents]
        return []

    def cancel(self, market_id: str, sent_id: str, venue_order_id: str) -> NativeCall:
        own = {"orderId": venue_order_id} if venue_order_id else {"orderLinkId": sent_id}
        return NativeCall("privatePostV5OrderCancel", {"category": "spot", "symbol": market_id, **own})

    def open_orders(self, caller: Caller) -> list[Document]:
        first = NativeCall("privateGetV5OrderRealtime", {"category": "spot", "openOnly": 0, "limit": PAGE})
        return [
            caller.order(document, caller.symbol(document["symbol"]))
            for answer in pages(caller, first, _next_page)
            for document in listed(answer, "result", "list")
        ]

    def trades(self, caller: Caller, symbol: str, since: datetime, until: datetime) -> Iterator[Document]:
        market = {"category": "spot", "symbol": caller.market_id(symbol), "limit": PAGE}
        while since <= until:
            span = {"startTime": milliseconds(since), "endTime": milliseconds(since + SPAN) - 1}
            for answer in pages(caller, NativeCall("privateGetV5ExecutionList", market | span), _next_page):
                yield from (_trade(caller, document, symbol) for document in listed(answer, "result", "list"))
            since += SPAN

    def balances(self, caller: Caller) -> Iterator[tuple[str, Decimal]]:
        answer = caller.call(NativeCall("privateGetV5AccountWalletBalance", {"accountType": "UNIFIED"}))
        (account,) = listed(answer, "result", "list")
        for balance in listed(account, "coin"):
            yield balance["coin"], exactly(balance["walletBalance"])

    def cancel_all_after(self, within_s: int) -> None:
        return None

    def rights(self, caller: Caller) -> frozenset[str]:
        permissions = caller.call(NativeCall("privateGetV5UserQueryApi", {}))["result"]["permissions"]
        withdraws = {"withdraw"} if "Withdraw" in permissions.get("Wallet", []) else set()
        return frozenset(withdraws | ({"trade"} if permissions.get("Spot") else set()))


def _trade(caller: Caller, document: Document, symbol: str) -> Document:
    """Return ccxt's structure of a trade, with our id, and the currency of its fee, at which ccxt only guesses."""
    structure = caller.trade(document, symbol) | {"clientOrderId": document.get("orderLinkId")}
    fee = {"cost": document["execFee"], "currency": document.get("feeCurrency")}
    return structure | ({"fee": fee, "fees": [fee]} if fee["currency"] else {})


def _next_page(answer: Any) -> Document | None:
    cursor = answer.get("result", {}).get("nextPageCursor")
    return {"cursor": cursor} if cursor and listed(answer, "result", "list") else None


DIALECT = Bybit
