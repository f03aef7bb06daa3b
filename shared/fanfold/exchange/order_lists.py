"""Order lists: OCO pairs by the newer and the older path."""

from typing import Any

from fanfold.exchange import order_views
from fanfold.exchange.handlers import TradingFloor, cancel, request_of
from fanfold.exchange.order_request import SpotOrder, client_id
from fanfold.exchange.parameters import Params
from fanfold.exchange.refusals import ExchangeRefusal, rejected
from fanfold.exchange.spot import PlacedOrder


def new_pair(floor: TradingFloor, params: Params, now_ms: int) -> Any:
    """Place an OCO of an order above and an order below the last price."""
    shared = {name: params[name] for name in ("symbol", "side", "quantity") if name in params}
    legs = [_leg(floor, params, shared, place) for place in ("above", "below")]
    return _place_pair(floor, (legs[0], legs[1]), params, now_ms)


def old_pair(floor: TradingFloor, params: Params, now_ms: int) -> Any:
    """Place an OCO by the older path: a limit-maker and a stop."""
    shared = {name: params[name] for name in ("symbol", "side", "quantity") if name in params}
    stop_type = "STOP_LOSS_LIMIT" if "stopLimitPrice" in params else "STOP_LOSS"
    stop = {**shared, "type": stop_type}
    names = {"stopPrice": "stopPrice", "stopLimitPrice": "price", "stopLimitTimeInForce": "timeInForce"}
    names["stopClientOrderId"] = "newClientOrderId"
    stop |= {to: params[name] for name, to in names.items() if name in params}
    limit = {**shared, "type": "LIMIT_MAKER"}
    limit |= {to: params[name] for name, to in _LIMIT_NAMES.items() if name in params}
    return _place_pair(floor, (request_of(floor, stop), request_of(floor, limit)), params, now_ms)


_LIMIT_NAMES = {"price": "price", "limitClientOrderId": "newClientOrderId"}
_LEG_NAMES = {
    "Type": "type", "Price": "price", "StopPrice": "stopPrice", "TimeInForce": "timeInForce",
    "ClientOrderId": "newClientOrderId",
}  # fmt: skip


def _leg(floor: TradingFloor, params: Params, shared: dict[str, str], place: str) -> SpotOrder:
    leg = shared | {to: params[place + name] for name, to in _LEG_NAMES.items() if place + name in params}
    return request_of(floor, leg)


def _place_pair(floor: TradingFloor, legs: tuple[SpotOrder, SpotOrder], params: Params, now_ms: int) -> Any:
    _check_pair(floor, legs)
    name = client_id(params, "listClientOrderId", floor.names())
    placed = floor.exchange.place_pair(legs, name, now_ms)
    respond = params.get("newOrderRespType", "RESULT")
    return order_views.order_list(placed, [order_views.placed(it, (), respond) for it in placed])


def _check_pair(floor: TradingFloor, legs: tuple[SpotOrder, SpotOrder]) -> None:
    """Check that the last price is between the two, and that one of them is a stop."""
    stops = [leg.type.startswith("STOP_LOSS") for leg in legs]
    if sum(stops) != 1 or {"LIMIT", "MARKET"} & {leg.type for leg in legs}:
        raise ExchangeRefusal(-1158, "Order type not supported in OCO.")
    last = floor.exchange.last(legs[0].listing.symbol)
    target, stop = (legs[1], legs[0]) if stops[0] else (legs[0], legs[1])
    goal = target.stop_price or target.price
    assert goal is not None
    assert stop.stop_price is not None
    low, high = (goal, stop.stop_price) if stop.side == "buy" else (stop.stop_price, goal)
    if last is None or not low < last < high:
        raise rejected("The relationship of the prices for the orders is not correct.")


def cancel_list(floor: TradingFloor, params: Params, now_ms: int) -> Any:
    """Cancel both orders of a list."""
    orders = _orders_of_list(floor, params)
    live = [it for it in orders if it.order.is_live]
    if not live:
        raise ExchangeRefusal(-2011, "Unknown order list sent.")
    return cancel(floor, live[0], {}, "newClientOrderId", now_ms)


def query_list(floor: TradingFloor, params: Params, _now_ms: int) -> Any:
    """Return a list with the names of its orders."""
    orders = _orders_of_list(floor, params)
    if not orders:
        raise ExchangeRefusal(-2018, "Order list does not exist.")
    return order_views.order_list(orders)


def _orders_of_list(floor: TradingFloor, params: Params) -> list[PlacedOrder]:
    number, name = params.get("orderListId"), params.get("listClientOrderId") or params.get("origClientOrderId")
    lists = (it for it in floor.exchange.orders.values() if it.order.pair is not None)
    return [it for it in lists if str(it.order.pair) == number or (name and it.list_client_id == name)]
