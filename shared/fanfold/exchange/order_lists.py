"""Order lists: OCO pairs by the newer and the older path."""

import re
from collections.abc import Mapping
from typing import Any

from fanfold.exchange import order_views
from fanfold.exchange.handlers import TradingFloor, cancel, request_of, span, symbol_of
from fanfold.exchange.listings import ORDER_TYPES
from fanfold.exchange.order_request import SpotOrder, client_id, enumerated, response_of
from fanfold.exchange.parameters import Params, whole
from fanfold.exchange.refusals import ExchangeRefusal, combined, rejected
from fanfold.exchange.spot import PlacedOrder

SHARED = ("symbol", "side", "quantity", "selfTradePreventionMode")
# Name of an order's parameter -> name of a leg's, behind above or below.
LEG = {
    "type": "Type", "price": "Price", "stopPrice": "StopPrice", "timeInForce": "TimeInForce",
    "newClientOrderId": "ClientOrderId", "icebergQty": "IcebergQty", "trailingDelta": "TrailingDelta",
    "strategyId": "StrategyId", "strategyType": "StrategyType", "pegPriceType": "PegPriceType",
}  # fmt: skip
# The same of the older path, where the names of the legs have no rule.
OLD_LIMIT = {
    "price": "price", "newClientOrderId": "limitClientOrderId", "icebergQty": "limitIcebergQty",
    "strategyId": "limitStrategyId", "strategyType": "limitStrategyType",
}  # fmt: skip
OLD_STOP = {
    "stopPrice": "stopPrice", "price": "stopLimitPrice", "timeInForce": "stopLimitTimeInForce",
    "newClientOrderId": "stopClientOrderId", "icebergQty": "stopIcebergQty", "trailingDelta": "trailingDelta",
    "strategyId": "stopStrategyId", "strategyType": "stopStrategyType",
}  # fmt: skip
# Side, place and kind of a leg that is on the wrong side of the market.
MISPLACED = {
    ("buy", 0, "LIMIT_MAKER"): (-1165, "A limit order in a buy OCO must be below."),
    ("sell", 1, "LIMIT_MAKER"): (-1166, "A limit order in a sell OCO must be above."),
    ("buy", 1, "STOP_LOSS"): (-1196, "A stop loss order in a buy OCO must be above."),
    ("sell", 0, "STOP_LOSS"): (-1197, "A stop loss order in a sell OCO must be below."),
    ("buy", 0, "TAKE_PROFIT"): (-1198, "A take profit order in a buy OCO must be below."),
    ("sell", 1, "TAKE_PROFIT"): (-1199, "A take profit order in a sell OCO must be above."),
}


def new_pair(floor: TradingFloor, params: Params, now_ms: int) -> Any:
    """Place an OCO of an order above and an order below the last price."""
    for place in ("above", "below"):
        if enumerated(params, f"{place}Type", ORDER_TYPES, -1116, "Invalid orderType.") in {"LIMIT", "MARKET"}:
            raise ExchangeRefusal(-1158, "Order type not supported in OCO.")
    if params["aboveType"] == params["belowType"] == "LIMIT_MAKER":
        raise ExchangeRefusal(-1168, "At least one OCO order must be contingent.")
    above, below = (
        _leg(floor, params, {name: place + ending for name, ending in LEG.items()}) for place in ("above", "below")
    )
    _check_places(floor, (above, below))
    return _place_pair(floor, (above, below), params, now_ms)


def old_pair(floor: TradingFloor, params: Params, now_ms: int) -> Any:
    """Place an OCO by the older path: a limit-maker and a stop."""
    if "stopLimitPrice" in params and "stopLimitTimeInForce" not in params:
        raise combined("stopLimitTimeInForce")
    stop_type = "STOP_LOSS_LIMIT" if "stopLimitPrice" in params else "STOP_LOSS"
    stop = _leg(floor, params, OLD_STOP, stop_type)
    limit = _leg(floor, params, OLD_LIMIT, "LIMIT_MAKER")
    _check_places(floor, (stop, limit) if stop.side == "buy" else (limit, stop))
    return _place_pair(floor, (stop, limit), params, now_ms)


def _leg(floor: TradingFloor, params: Params, names: Mapping[str, str], kind: str | None = None) -> SpotOrder:
    """Return one order of a list; a refusal names the parameter as it was sent."""
    sent = {name: params[name] for name in SHARED if name in params} | ({} if kind is None else {"type": kind})
    sent |= {name: params[of_leg] for name, of_leg in names.items() if of_leg in params}
    try:
        return request_of(floor, sent)
    except ExchangeRefusal as refusal:
        text = re.sub(r"'(\w+)'", lambda match: f"'{names.get(match[1], match[1])}'", refusal.text)
        raise ExchangeRefusal(refusal.code, text, refusal.status) from refusal


def _place_pair(floor: TradingFloor, legs: tuple[SpotOrder, SpotOrder], params: Params, now_ms: int) -> Any:
    name = client_id(params, "listClientOrderId", floor.names())
    respond = response_of(params, "RESULT")
    placed = floor.exchange.place_pair(legs, name, now_ms)
    return order_views.order_list(placed, [order_views.placed(leg, (), respond) for leg in placed])


def _check_places(floor: TradingFloor, legs: tuple[SpotOrder, SpotOrder]) -> None:
    """Check that each of two orders, the upper first, is on its side of the last price."""
    for place, leg in enumerate(legs):
        wrong = MISPLACED.get((leg.side, place, leg.type.removesuffix("_LIMIT")))
        if wrong is not None:
            raise ExchangeRefusal(*wrong)
    # Of a stop loss its stop counts, of any other its limit where it has one.
    high, low = (leg.stop_price if leg.type.startswith("STOP_LOSS") else leg.price or leg.stop_price for leg in legs)
    last = floor.exchange.last(legs[0].listing.symbol)
    assert high is not None
    assert low is not None
    if last is None or not low < last < high:
        raise rejected("The relationship of the prices for the orders is not correct.")


def cancel_list(floor: TradingFloor, params: Params, now_ms: int) -> Any:
    """Cancel both orders of a list."""
    symbol = symbol_of(floor, params)
    orders = [order for order in _orders_of_list(floor, params, "listClientOrderId") if order.listing.symbol == symbol]
    live = [order for order in orders if order.order.is_live]
    if not live:
        raise ExchangeRefusal(-2011, "Unknown order list sent.")
    return cancel(floor, live[0], params, "newClientOrderId", now_ms)


def query_list(floor: TradingFloor, params: Params, _now_ms: int) -> Any:
    """Return a list with the names of its orders."""
    orders = _orders_of_list(floor, params, "origClientOrderId")
    if not orders:
        raise ExchangeRefusal(-2018, "Order list does not exist.")
    return order_views.order_list(orders)


def open_lists(floor: TradingFloor, _params: Params, _now_ms: int) -> Any:
    """Return the lists that have not ended."""
    lists = (orders for orders in _lists(floor) if any(order.order.is_live for order in orders))
    return [order_views.order_list(orders) for orders in lists]


def all_lists(floor: TradingFloor, params: Params, _now_ms: int) -> Any:
    """Return the lists that fromId, startTime, endTime and limit ask for."""
    if "fromId" in params and {"startTime", "endTime"} & params.keys():
        raise combined()
    start, end = span(params)
    first, limit = whole(params, "fromId", 0), whole(params, "limit", 500, 1_000)
    rows = [
        order_views.order_list(orders)
        for orders in _lists(floor)
        if (orders[0].order.pair or 0) >= first and start <= orders[0].placed_at_ms <= end
    ]
    return rows[:limit] if {"fromId", "startTime"} & params.keys() else rows[-limit:]


def _lists(floor: TradingFloor) -> list[list[PlacedOrder]]:
    """Return the orders of each list, in the order of their numbers."""
    lists: dict[int, list[PlacedOrder]] = {}
    for order in floor.exchange.orders.values():
        if order.order.pair is not None:
            lists.setdefault(order.order.pair, []).append(order)
    return [lists[number] for number in sorted(lists)]


def _orders_of_list(floor: TradingFloor, params: Params, client_name: str) -> list[PlacedOrder]:
    """Return the orders of a list by its number, else of the newest by its name; none where it is not there."""
    if not {"orderListId", client_name} & params.keys():
        raise ExchangeRefusal(-1102, f"Param 'orderListId' or '{client_name}' must be sent, but both were empty/null!")
    number, name = params.get("orderListId"), params.get(client_name)
    rows = [
        orders
        for orders in _lists(floor)
        if number in {None, str(orders[0].order.pair)} and name in {None, orders[0].list_client_id}
    ]
    return rows[-1] if rows else []
