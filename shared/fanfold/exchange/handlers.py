"""Functions of the exchange for a request that was let in: a function a path."""

import json
from collections.abc import Callable
from itertools import count
from typing import Any, Literal, NamedTuple

from fanfold.exchange import candles, market_views, order_views
from fanfold.exchange.candles import DAY_MS
from fanfold.exchange.liquidity import SymbolMarket
from fanfold.exchange.market_views import symbols_of
from fanfold.exchange.order_request import SpotOrder, client_id, parse
from fanfold.exchange.parameters import SIGNED, Params, check_names, whole
from fanfold.exchange.refusals import ExchangeRefusal, combined, invalid, missing
from fanfold.exchange.request_limits import RequestMeter
from fanfold.exchange.spot import PlacedOrder, SpotExchange


class TradingFloor(NamedTuple):
    """The exchange, its markets and its meter; ``names`` makes client order ids, ``updates`` numbers the books."""

    exchange: SpotExchange
    makers: dict[str, SymbolMarket]
    meter: RequestMeter
    names: Callable[[], str]
    updates: Callable[[], int]


# What may be sent together to ask for own trades.
TRADES_BY = {"", "orderId", "startTime", "endTime", "fromId", "startTime endTime", "orderId fromId"}
Handler = Callable[[TradingFloor, Params, int], Any]


class ExchangeRoute(NamedTuple):
    """A path's handler; ``orders`` is how many orders a call adds to the counts.

    ``takes`` names the parameters of the path; None where they are not checked.
    """

    handler: Handler
    weight: int | Callable[[Params], int] = 1
    takes: str | None = None
    security: Literal["none", "key", "signed"] = "none"
    orders: int = 0

    def weigh(self, params: Params) -> int:
        return self.weight if isinstance(self.weight, int) else self.weight(params)

    def check_names(self, params: Params) -> None:
        if self.takes is not None:
            check_names(f"{self.takes} {SIGNED}" if self.security == "signed" else self.takes, params)


def symbol_of(floor: TradingFloor, params: Params) -> str:
    """Return the symbol that must be sent."""
    if not params.get("symbol"):
        raise missing("symbol")
    return floor.exchange.listing(params["symbol"]).symbol


def exchange_info(floor: TradingFloor, params: Params, now_ms: int) -> Any:
    """Return the symbols with their rules, and the limits."""
    if {"symbol", "symbols"} & params.keys() and {"permissions", "symbolStatus"} & params.keys():
        raise combined()
    symbols = [floor.exchange.listings[name].document() for name in symbols_of(floor.exchange, params)]
    if params.get("showPermissionSets") == "false":
        symbols = [document | {"permissionSets": []} for document in symbols]
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": floor.meter.documents(),
        "exchangeFilters": [],
        "symbols": symbols if "SPOT" in params.get("permissions", "SPOT") else [],
    }


def each(view: Callable[[str], Any], floor: TradingFloor, params: Params) -> Any:
    """Return a view of one symbol as an object, of several as an array."""
    rows = [view(name) for name in symbols_of(floor.exchange, params)]
    return rows[0] if "symbol" in params else rows


def klines(floor: TradingFloor, params: Params, now_ms: int) -> Any:
    return candles.klines(floor.makers[symbol_of(floor, params)], params, now_ms)


def depth(floor: TradingFloor, params: Params, _now_ms: int) -> Any:
    symbol_of(floor, params)
    (symbol,) = symbols_of(floor.exchange, params)
    return market_views.depth(floor.exchange, symbol, whole(params, "limit", 100, 5_000), floor.updates())


def trades(floor: TradingFloor, params: Params, _now_ms: int) -> Any:
    """Return the public trades of a symbol that the request asks for."""
    return [
        market_views.trade(public_trade)
        for public_trade in market_views.recent(floor.exchange, symbol_of(floor, params), params)
    ]


def aggregates(floor: TradingFloor, params: Params, _now_ms: int) -> Any:
    """Return the same trades, each as an aggregate of its own."""
    return [
        market_views.aggregate(public_trade)
        for public_trade in market_views.recent(floor.exchange, symbol_of(floor, params), params)
    ]


def request_of(floor: TradingFloor, params: Params) -> SpotOrder:
    """Return the well-formed order of a request."""
    listing = floor.exchange.listing(symbol_of(floor, params))
    return parse(params, listing, floor.exchange.last(listing.symbol), floor.names())


def check_order(floor: TradingFloor, params: Params, _now_ms: int) -> Any:
    """Check an order and place none; say what it would cost where that is asked."""
    request = request_of(floor, params)
    if params.get("computeCommissionRates") != "true":
        return {}
    rates = order_views.commissions(floor.exchange, request.listing.symbol)
    names = ("standardCommission", "specialCommission", "taxCommission")
    per_order = {f"{name}ForOrder": {side: rates[name][side] for side in ("maker", "taker")} for name in names}
    return {**per_order, "discount": rates["discount"]}


def commission(floor: TradingFloor, params: Params, _now_ms: int) -> Any:
    return order_views.commissions(floor.exchange, symbol_of(floor, params))


def new_order(floor: TradingFloor, params: Params, now_ms: int) -> Any:
    return _new(floor, request_of(floor, params), now_ms)


def _new(floor: TradingFloor, request: SpotOrder, now_ms: int) -> Any:
    order = floor.exchange.place(request, now_ms)
    return order_views.placed(order, floor.exchange.trades, request.respond)


def _find(floor: TradingFloor, params: Params, id_name: str, client_name: str) -> PlacedOrder | None:
    symbol = symbol_of(floor, params)
    if not params.get(id_name) and not params.get(client_name):
        raise ExchangeRefusal(-1102, f"Param '{client_name}' or '{id_name}' must be sent, but both were empty/null!")
    return floor.exchange.find(symbol, params.get(id_name), params.get(client_name))


def query_order(floor: TradingFloor, params: Params, now_ms: int) -> Any:
    """Return an order, once queries find it."""
    order = _find(floor, params, "orderId", "origClientOrderId")
    if order is None and {"orderId", "origClientOrderId"} <= params.keys():
        raise ExchangeRefusal(-2039, "Client order ID is not correct for this order ID.")
    if order is None or now_ms < order.visible_at_ms:
        raise ExchangeRefusal(-2013, "Order does not exist.")
    return order_views.queried(order, now_ms)


def cancel_order(floor: TradingFloor, params: Params, now_ms: int) -> Any:
    order = _find(floor, params, "orderId", "origClientOrderId")
    return cancel(floor, order, params, "newClientOrderId", now_ms)


def cancel(floor: TradingFloor, order: PlacedOrder | None, params: Params, name: str, now_ms: int) -> Any:
    """Cancel an order, and the other of its pair; return what became of each."""
    restriction = params.get("cancelRestrictions")
    if restriction not in {None, "ONLY_NEW", "ONLY_PARTIALLY_FILLED"}:
        raise ExchangeRefusal(-1145, "Invalid cancelRestrictions")
    if order is None or not order.order.is_live:
        raise ExchangeRefusal(-2011, "Unknown order sent.")
    if restriction and restriction != f"ONLY_{order_views.status(order.order)}":
        raise ExchangeRefusal(-2011, "Order was not canceled due to cancel restrictions.")
    cancel_id = client_id(params, name, floor.names())
    pair = floor.exchange.list_of(order)
    floor.exchange.cancel(order, cancel_id, now_ms)
    reports = [order_views.canceled(leg, cancel_id, now_ms) for leg in pair or [order]]
    return order_views.order_list(pair, reports) if pair else reports[0]


def cancel_all(floor: TradingFloor, params: Params, now_ms: int) -> Any:
    """Cancel all orders of a symbol."""
    orders = floor.exchange.open_orders(symbol_of(floor, params))
    if not orders:
        raise ExchangeRefusal(-2011, "Unknown order sent.")
    return [cancel(floor, order, {}, "newClientOrderId", now_ms) for order in orders if order.order.is_live]


def replace_order(floor: TradingFloor, params: Params, now_ms: int) -> Any:
    """Cancel an order and place another. A part that fails says so; the mode says whether the second is tried then."""
    mode = params.get("cancelReplaceMode")
    if mode not in {"STOP_ON_FAILURE", "ALLOW_FAILURE"}:
        raise missing("cancelReplaceMode")
    if params.get("orderRateLimitExceededMode", "DO_NOTHING") not in {"DO_NOTHING", "CANCEL_ONLY"}:
        raise invalid("orderRateLimitExceededMode")
    request = request_of(floor, params)
    order = _find(floor, params, "cancelOrderId", "cancelOrigClientOrderId")
    canceled = _attempt(lambda: cancel(floor, order, params, "cancelNewClientOrderId", now_ms))
    if isinstance(canceled, ExchangeRefusal) and mode == "STOP_ON_FAILURE":
        return _replaced(canceled, None)
    return _replaced(canceled, _attempt(lambda: _new(floor, request, now_ms)))


def _attempt(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except ExchangeRefusal as refusal:
        return refusal


def _replaced(canceled: Any, placed: Any) -> Any:
    failed = [isinstance(part, ExchangeRefusal) for part in (canceled, placed)]
    document = {
        "cancelResult": "FAILURE" if failed[0] else "SUCCESS",
        "newOrderResult": "NOT_ATTEMPTED" if placed is None else "FAILURE" if failed[1] else "SUCCESS",
        "cancelResponse": _response(canceled),
        "newOrderResponse": _response(placed),
    }
    if not any(failed):
        return document
    both = failed[0] and not (placed is not None and not failed[1])
    code, word = (-2022, "failed") if both else (-2021, "partially failed")
    raise ExchangeRefusal(code, f"Order cancel-replace {word}.", 400 if both else 409, document)


def _response(part: Any) -> Any:
    return {"code": part.code, "msg": part.text} if isinstance(part, ExchangeRefusal) else part


def open_orders(floor: TradingFloor, params: Params, now_ms: int) -> Any:
    orders = floor.exchange.open_orders(symbol_of(floor, params) if "symbol" in params else None)
    return [order_views.queried(order, now_ms) for order in orders if order.visible_at_ms <= now_ms]


def all_orders(floor: TradingFloor, params: Params, now_ms: int) -> Any:
    """Return the orders of a symbol, whatever became of them."""
    symbol, limit = symbol_of(floor, params), whole(params, "limit", 500, 1_000)
    first, (start, end) = whole(params, "orderId", 0), span(params)
    orders = [
        order
        for order in floor.exchange.orders.values()
        if order.listing.symbol == symbol
        and order.order.order_id >= first
        and start <= order.placed_at_ms <= end
        and order.visible_at_ms <= now_ms
    ]
    rows = orders[:limit] if {"orderId", "startTime"} & params.keys() else orders[-limit:]
    return [order_views.queried(order, now_ms) for order in rows]


def span(params: Params) -> tuple[int, int]:
    """Return the moments from and until which something is asked for: a day at most."""
    start, end = whole(params, "startTime", 0), whole(params, "endTime", 2**63)
    if {"startTime", "endTime"} <= params.keys() and end - start > DAY_MS:
        raise ExchangeRefusal(-1127, "More than 24 hours between startTime and endTime.")
    return start, end


def my_trades(floor: TradingFloor, params: Params, now_ms: int) -> Any:
    """Return the trades of the account that fromId, orderId, startTime, endTime and limit ask for."""
    symbol, limit = symbol_of(floor, params), whole(params, "limit", 500, 1_000)
    sent = " ".join(name for name in ("orderId", "startTime", "endTime", "fromId") if name in params)
    if sent not in TRADES_BY:
        raise combined()
    first, order_id, (start, end) = whole(params, "fromId", 0), whole(params, "orderId", 0), span(params)
    matching_trades = [
        own
        for own in floor.exchange.trades
        if own.placed.listing.symbol == symbol
        and own.trade.trade_id >= first
        and start <= own.trade.at_ms <= end
        and (not order_id or own.placed.order.order_id == order_id)
        and own.visible_at_ms <= now_ms
    ]
    rows = matching_trades[:limit] if {"fromId", "startTime"} & params.keys() else matching_trades[-limit:]
    return [order_views.own_trade(own) for own in rows]


def account(floor: TradingFloor, params: Params, now_ms: int) -> Any:
    return order_views.account(floor.exchange, now_ms, omit_zero=params.get("omitZeroBalances") == "true")


def names(prefix: str) -> Callable[[], str]:
    """Return a source of client order ids for orders that came without."""
    numbers = count(1)
    return lambda: f"{prefix}{next(numbers):016d}"


def dump(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
