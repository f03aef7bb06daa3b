"""OKX spot."""

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

PAGE = 100
# It takes 10 to 120 seconds, or 0; what is armed is armed again each minute.
CANCEL_ALL_S_MAX = 120
# Its quick list of fills goes back three days.
RECENT = timedelta(days=2)


class Okx:
    """See Dialect. Its answers to orders hold an id and nothing else."""

    def place(self, order: Order, market_id: str, sent_id: str, deadline: datetime) -> NativeCall:
        require_limit(order, "okx")
        params = {
            "instId": market_id,
            "tdMode": "cash",
            "side": order.side,
            "ordType": "post_only" if order.post_only else "ioc" if order.time_in_force == "ioc" else "limit",
            "px": text(order.limit_price),
            "sz": text(order.quantity),
            "clOrdId": sent_id,
        }
        return NativeCall("privatePostTradeOrder", params)

    def fence(self, claimed_at: datetime, deadline: datetime) -> Fence:
        return Fence(milliseconds(claimed_at), {"expTime": str(milliseconds(deadline))})

    def placed(self, caller: Caller, answer: Document, symbol: str) -> Document:
        (document,) = listed(answer, "data")
        return {"id": document.get("ordId") or None}

    def error(self, answer: Document) -> tuple[str, str]:
        for document in answer.get("data") or []:
            if isinstance(document, dict) and str(document.get("sCode", "0")) != "0":
                return str(document["sCode"]), str(document.get("sMsg", ""))
        code = str(answer.get("code", "0"))
        return (code, str(answer.get("msg", ""))) if code not in ("0", "2") else ("", "")

    def find(self, caller: Caller, order: Order, sent_id: str, venue_order_id: str) -> list[Document]:
        own = {"ordId": venue_order_id} if venue_order_id else {"clOrdId": sent_id}
        answer = caller.known(NativeCall("privateGetTradeOrder", {"instId": caller.market_id(order.instrument), **own}))
        return (
            [] if answer is None else [caller.order(document, order.instrument) for document in listed(answer, "data")]
        )

    def cancel(self, market_id: str, sent_id: str, venue_order_id: str) -> NativeCall:
        own = {"ordId": venue_order_id} if venue_order_id else {"clOrdId": sent_id}
        return NativeCall("privatePostTradeCancelOrder", {"instId": market_id, **own})

    def open_orders(self, caller: Caller) -> list[Document]:
        first = NativeCall("privateGetTradeOrdersPending", {"instType": "SPOT", "limit": PAGE})
        return [
            caller.order(document, caller.symbol(document["instId"]))
            for answer in pages(caller, first, lambda answer: _after(answer, "ordId"))
            for document in listed(answer, "data")
        ]

    def trades(self, caller: Caller, symbol: str, since: datetime, until: datetime) -> Iterator[Document]:
        method = "privateGetTradeFills" if until - since < RECENT else "privateGetTradeFillsHistory"
        params = {"instType": "SPOT", "instId": caller.market_id(symbol), "begin": milliseconds(since), "limit": PAGE}
        for answer in pages(caller, NativeCall(method, params), lambda answer: _after(answer, "billId")):
            for document in listed(answer, "data"):
                yield caller.trade(document, symbol) | {"clientOrderId": document.get("clOrdId")}

    def balances(self, caller: Caller) -> Iterator[tuple[str, Decimal]]:
        (account,) = listed(caller.call(NativeCall("privateGetAccountBalance", {})), "data")
        for balance in listed(account, "details"):
            yield balance["ccy"], exactly(balance["eq"])

    def cancel_all_after(self, within_s: int) -> NativeCall:
        return NativeCall("privatePostTradeCancelAllAfter", {"timeOut": str(min(within_s, CANCEL_ALL_S_MAX))})

    def rights(self, caller: Caller) -> frozenset[str]:
        answer = caller.call(NativeCall("privateGetAccountConfig", {}))
        (document,) = listed(answer, "data")
        return frozenset(str(document["perm"]).split(",")) & {"trade", "withdraw"}


def _after(answer: Any, name: str) -> Document | None:
    documents = listed(answer, "data")
    return {"after": documents[-1][name]} if len(documents) == PAGE else None


DIALECT = Okx
