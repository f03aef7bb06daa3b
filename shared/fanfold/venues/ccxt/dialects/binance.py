"""Binance spot.

A stop and the profit beside it are one order of ours and an order list there, an OCO, of two orders with an id each.
To others of this project the list is one order: its number is the id of both, and what either fills is filled.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from fanfold.errors import BadInput, VenueUnavailable
from fanfold.messages import Order
from fanfold.money import EXACT, ZERO
from fanfold.trading.terms import BINANCE, PAIR
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
# What the id of a list has before its number.
LIST = "list-"
# The state of a list is the first of these that either of its orders has; one that is not known comes before all.
STATES = ("open", "canceling", "closed", "canceled", "expired", "rejected")


class Binance:
    """See Dialect. The answer to an order holds its fills."""

    def place(self, order: Order, market_id: str, sent_id: str, deadline: datetime) -> NativeCall:
        if order.profit_price is not msgspec.UNSET:
            return NativeCall("privatePostOrderListOco", _pair(order, market_id, sent_id))
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
        if "orderReports" in answer:
            return _listed([_order(caller, report, symbol) for report in listed(answer, "orderReports")])
        return caller.order(answer, symbol)

    def error(self, answer: Document) -> tuple[str, str]:
        return (str(answer["code"]), str(answer.get("msg", ""))) if "code" in answer else ("", "")

    def find(self, caller: Caller, order: Order, sent_id: str, venue_order_id: str) -> list[Document]:
        if order.profit_price is msgspec.UNSET:
            ids = [{"orderId": venue_order_id} if venue_order_id else {"origClientOrderId": sent_id}]
        else:
            # How Binance says that it has no list is not documented; of an order it is.
            ids = [{"origClientOrderId": sent_id + ending} for ending in PAIR]
        market = {"symbol": caller.market_id(order.instrument)}
        answers = [caller.known(NativeCall("privateGetOrder", market | own)) for own in ids]
        orders = [_order(caller, answer, order.instrument) for answer in answers if answer is not None]
        if orders and len(orders) < len(ids):
            raise VenueUnavailable("binance tells of one of the two orders of a list")
        return [_listed(orders)] if orders else []

    def cancel(self, market_id: str, sent_id: str, venue_order_id: str) -> NativeCall:
        if venue_order_id.startswith(LIST):
            params = {"symbol": market_id, "orderListId": venue_order_id.removeprefix(LIST)}
            return NativeCall("privateDeleteOrderList", params)
        own = {"orderId": venue_order_id} if venue_order_id else {"origClientOrderId": sent_id}
        return NativeCall("privateDeleteOrder", {"symbol": market_id, **own})

    def open_orders(self, caller: Caller) -> list[Document]:
        answer = caller.call(NativeCall("privateGetOpenOrders", {}))
        orders: dict[tuple[str, str], list[Document]] = {}
        for document in listed(answer):
            structure = _order(caller, document, caller.symbol(document["symbol"]))
            orders.setdefault((structure["symbol"], structure["id"]), []).append(structure)
        return [_listed(of_list) for of_list in orders.values()]

    def trades(self, caller: Caller, symbol: str, since: datetime, until: datetime) -> Iterator[Document]:
        market = {"symbol": caller.market_id(symbol), "limit": PAGE}
        first = NativeCall("privateGetMyTrades", market | {"startTime": milliseconds(since)})

        def following(answer: Any) -> Document | None:
            # A time and a first id exclude each other.
            return {"fromId": int(answer[-1]["id"]) + 1, "startTime": None} if len(listed(answer)) == PAGE else None

        for answer in pages(caller, first, following):
            for document in listed(answer):
                structure = caller.trade(document, symbol)
                yield structure | {"order": _id(document, structure["order"])}

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


def _pair(order: Order, market_id: str, sent_id: str) -> Document:
    """Return the parameters of a list that sells by a stop below the price or by a limit order above it."""
    if (order.side, order.kind) != ("sell", "stop") or order.limit_price is None:
        raise BadInput(f"order {order.order_id} is no stop with a limit that sells: no profit is taken beside it")
    stop, profit = PAIR
    return {
        "symbol": market_id,
        "side": "SELL",
        "quantity": text(order.quantity),
        "listClientOrderId": sent_id,
        "aboveType": "LIMIT_MAKER",
        "aboveClientOrderId": sent_id + profit,
        "abovePrice": text(order.profit_price or None),
        "belowType": "STOP_LOSS_LIMIT",
        "belowClientOrderId": sent_id + stop,
        "belowStopPrice": text(order.stop_price),
        "belowPrice": text(order.limit_price),
        "belowTimeInForce": "GTC",
        "newOrderRespType": "RESULT",
        "recvWindow": BINANCE.window_s * 1_000,
    }


def _id(document: Document, order_id: Any) -> str:
    """Return the id of an order, or of the list that it is of."""
    number = document.get("orderListId", -1)
    return str(order_id) if int(number) < 0 else f"{LIST}{number}"


def _order(caller: Caller, document: Document, symbol: str) -> Document:
    """Return ccxt's structure of an order under the id of its list, where it is of one."""
    structure = caller.order(document, symbol)
    return structure | {"id": _id(document, structure["id"])}


def _listed(orders: list[Document]) -> Document:
    """Return the orders of a list as one; an order by itself as it is."""
    first, filled = orders[0], ZERO
    if len(orders) == 1:
        return first
    for order in orders:
        filled = EXACT.add(filled, Decimal(str(order["filled"])))
    # They are read in turn: the first may have been open still when the second had filled.
    status = min(
        (order["status"] for order in orders), key=lambda state: STATES.index(state) if state in STATES else -1
    )
    return first | {"status": status, "filled": filled, "trades": []}


DIALECT = Binance
