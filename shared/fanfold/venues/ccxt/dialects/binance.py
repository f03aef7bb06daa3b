"""Binance spot."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from fanfold.errors import BadInput
from fanfold.messages import Order
from fanfold.money import EXACT
from fanfold.trading.terms import BINANCE
from fanfold.venues.ccxt.dialects.dialect import (
    Caller,
    Document,
    Fence,
    NativeCall,
    exactly,
    listed,
    milliseconds,
    pages,
    text,
)

PAGE = 1_000


class Binance:
    """See Dialect. The answer to an order holds its fills."""

    def place(self, order: Order, market_id: str, sent_id: str, deadline: datetime) -> NativeCall:
        params = {
            "symbol": market_id,
            "side": order.side.upper(),
            "quantity": text(order.quantity),
            "newClientOrderId": sent_id,
            "newOrderRespType": "FULL",
            "recvWindow": BINANCE.window_s * 1_000,
        }
        if order.post_only:
            params |= {"type": "LIMIT_MAKER", "price": text(order.limit_price)}
        elif order.kind == "limit":
            params |= {"type": "LIMIT", "timeInForce": order.time_in_force.upper(), "price": text(order.limit_price)}
        elif order.kind == "stop" and order.limit_price is not None:
            prices = {"stopPrice": text(order.stop_price), "price": text(order.limit_price)}
            params |= {"type": "STOP_LOSS_LIMIT", "timeInForce": "GTC"} | prices
        elif order.kind == "stop":
            params |= {"type": "STOP_LOSS", "stopPrice": text(order.stop_price)}
        else:
            raise BadInput(f"order {order.order_id} is at market without a bound; send a limit that is ioc")
        return NativeCall("privatePostOrder", params)

    def fence(self, claimed_at: datetime, deadline: datetime) -> Fence:
        return Fence(stamp_ms=milliseconds(claimed_at))

    def placed(self, caller: Caller, answer: Document, symbol: str) -> Document:
        return caller.order(answer, symbol)

    def error(self, answer: Document) -> tuple[str, str]:
        return (str(answer["code"]), str(answer.get("msg", ""))) if "code" in answer else ("", "")

    def find(self, caller: Caller, symbol: str, sent_id: str, venue_order_id: str, since: datetime) -> list[Document]:
        params = {"symbol": caller.market_id(symbol), "origClientOrderId": sent_id}
        if venue_order_id:
            params = {"symbol": params["symbol"], "orderId": venue_order_id}
        return [caller.order(caller.call(NativeCall("privateGetOrder", params)), symbol)]

    def cancel(self, market_id: str, sent_id: str, venue_order_id: str) -> NativeCall:
        own = {"orderId": venue_order_id} if venue_order_id else {"origClientOrderId": sent_id}
        return NativeCall("privateDeleteOrder", {"symbol": market_id, **own})

    def open_orders(self, caller: Caller) -> list[Document]:
        answer = caller.call(NativeCall("privateGetOpenOrders", {}))
        return [caller.order(order, caller.symbol(order["symbol"])) for order in listed(answer)]

    def trades(self, caller: Caller, symbol: str, since: datetime, until: datetime) -> Iterator[Document]:
        market = {"symbol": caller.market_id(symbol), "limit": PAGE}
        first = NativeCall("privateGetMyTrades", market | {"startTime": milliseconds(since)})

        def following(answer: Any) -> Document | None:
            # A time and a first id exclude each other.
            return {"fromId": int(answer[-1]["id"]) + 1, "startTime": None} if len(listed(answer)) == PAGE else None

        for answer in pages(caller, first, following):
            yield from (caller.trade(trade, symbol) for trade in listed(answer))

    def balances(self, caller: Caller) -> Iterator[tuple[str, Decimal]]:
        answer = caller.call(NativeCall("privateGetAccount", {"omitZeroBalances": "true"}))
        for balance in listed(answer, "balances"):
            yield balance["asset"], EXACT.add(exactly(balance["free"]), exactly(balance["locked"]))

    def cancel_all_after(self, within_s: int) -> None:
        return None

    def rights(self, caller: Caller) -> frozenset[str]:
        answer = caller.call(NativeCall("sapiGetAccountApiRestrictions", {}))
        rights = {"withdraw": "enableWithdrawals", "trade": "enableSpotAndMarginTrading"}
        return frozenset(right for right, field in rights.items() if answer.get(field) is not False)


DIALECT = Binance
