"""The paths that the exchange answers, with their weights and what a caller must show."""

from typing import Any

from fanfold.exchange import handlers, market_views, order_lists, order_views, parameters
from fanfold.exchange.handlers import ExchangeRoute, TradingFloor, each
from fanfold.exchange.parameters import Params
from fanfold.exchange.refusals import ExchangeRefusal


def _nothing(_floor: TradingFloor, _params: Params, _now_ms: int) -> Any:
    return {}


def _none(_floor: TradingFloor, _params: Params, _now_ms: int) -> Any:
    return []


def _time(_floor: TradingFloor, _params: Params, now_ms: int) -> Any:
    return {"serverTime": now_ms}


def _restrictions(_floor: TradingFloor, _params: Params, now_ms: int) -> Any:
    """Return the rights of the key: it reads and trades, and cannot withdraw."""
    rights = dict.fromkeys(
        ("enableWithdrawals", "enableInternalTransfer", "permitsUniversalTransfer", "enableVanillaOptions",
         "enableMargin", "enableFutures"), False,
    )  # fmt: skip
    return {
        "ipRestrict": False,
        "createTime": now_ms,
        **rights,
        "enableReading": True,
        "enableSpotAndMarginTrading": True,
    }


def _coins(floor: TradingFloor, _params: Params, _now_ms: int) -> Any:
    assets = sorted({name for listing in floor.exchange.listings.values() for name in (listing.base, listing.quote)})
    return [
        {"coin": asset, "name": asset, "trading": True, "isLegalMoney": False, "depositAllEnable": False,
         "withdrawAllEnable": False, "free": "0", "locked": "0", "networkList": []}
        for asset in assets
    ]  # fmt: skip


def _no_symbols(_floor: TradingFloor, _params: Params, now_ms: int) -> Any:
    return {"timezone": "UTC", "serverTime": now_ms, "rateLimits": [], "exchangeFilters": [], "symbols": []}


def _system_status(_floor: TradingFloor, _params: Params, _now_ms: int) -> Any:
    return {"status": 0, "msg": "normal"}


def _trade_fees(floor: TradingFloor, _params: Params, _now_ms: int) -> Any:
    rates = floor.exchange.rates
    fees = {"makerCommission": str(rates.maker_bps.scaleb(-4)), "takerCommission": str(rates.taker_bps.scaleb(-4))}
    return [{"symbol": symbol, **fees} for symbol in floor.exchange.listings]


def _fee_coin(floor: TradingFloor, params: Params, _now_ms: int) -> Any:
    """Return whether fees are paid in BNB, and set it where that is asked."""
    wanted = params.get("spotBNBBurn")
    if wanted not in {None, "true", "false"}:
        raise ExchangeRefusal(-1100, "Illegal characters found in parameter 'spotBNBBurn'.")
    if wanted:
        floor.exchange.fee_coin = order_views.FEE_COIN if wanted == "true" else ""
    return {"spotBNBBurn": bool(floor.exchange.fee_coin), "interestBNBBurn": False}


def _order_counts(floor: TradingFloor, _params: Params, now_ms: int) -> Any:
    return floor.meter.order_counts(now_ms)


def _day_ticker(floor: TradingFloor, params: Params, now_ms: int) -> Any:
    if params.get("type", "FULL") not in {"FULL", "MINI"}:
        raise ExchangeRefusal(-1139, "Invalid ticker type.")

    def view(name: str) -> Any:
        document = market_views.day_ticker(floor.exchange, floor.makers[name], now_ms)
        return market_views.mini_ticker(document) if params.get("type") == "MINI" else document

    return each(view, floor, params)


def _average_price(floor: TradingFloor, params: Params, now_ms: int) -> Any:
    symbol = handlers.symbol_of(floor, params)
    return market_views.average_price(floor.exchange, floor.makers[symbol], now_ms)


def _price_ticker(floor: TradingFloor, params: Params, _now_ms: int) -> Any:
    return each(lambda name: market_views.price_ticker(floor.exchange, name), floor, params)


def _book_ticker(floor: TradingFloor, params: Params, _now_ms: int) -> Any:
    return each(lambda name: market_views.book_ticker(floor.exchange, name), floor, params)


def _depth_weight(params: Params) -> int:
    limit = parameters.whole(params, "limit", 100, 5_000)
    return next(weight for most, weight in ((100, 5), (500, 25), (1_000, 50), (5_000, 250)) if limit <= most)


def _day_weight(params: Params) -> int:
    count = params.get("symbols", "").count(",") + 1
    if "symbol" in params or ("symbols" in params and count <= 20):
        return 2
    return 40 if "symbols" in params and count <= 100 else 80


def _price_weight(params: Params) -> int:
    return 2 if "symbol" in params else 4


def _open_weight(params: Params) -> int:
    return 6 if "symbol" in params else 80


def _trades_weight(params: Params) -> int:
    return 5 if "orderId" in params else 20


def _check_weight(params: Params) -> int:
    return 20 if params.get("computeCommissionRates") == "true" else 1


API = "/api/v3/"
ROUTES: dict[str, ExchangeRoute] = {
    "GET ping": ExchangeRoute(_nothing, 1, ""),
    "GET time": ExchangeRoute(_time, 1, ""),
    "GET exchangeInfo": ExchangeRoute(
        handlers.exchange_info, 20, parameters.TICKER + " permissions showPermissionSets"
    ),
    "GET klines": ExchangeRoute(handlers.klines, 2, parameters.SPAN + " interval timeZone"),
    "GET uiKlines": ExchangeRoute(handlers.klines, 2, parameters.SPAN + " interval timeZone"),
    "GET avgPrice": ExchangeRoute(_average_price, 2, "symbol"),
    "GET depth": ExchangeRoute(handlers.depth, _depth_weight, "symbol limit symbolStatus"),
    "GET trades": ExchangeRoute(handlers.trades, 25, "symbol limit"),
    "GET historicalTrades": ExchangeRoute(handlers.trades, 25, "symbol limit fromId"),
    "GET aggTrades": ExchangeRoute(handlers.aggregates, 4, parameters.SPAN + " fromId"),
    "GET ticker/24hr": ExchangeRoute(_day_ticker, _day_weight, parameters.TICKER + " type"),
    "GET ticker/price": ExchangeRoute(_price_ticker, _price_weight, parameters.TICKER),
    "GET ticker/bookTicker": ExchangeRoute(_book_ticker, _price_weight, parameters.TICKER),
    "GET account": ExchangeRoute(handlers.account, 20, "omitZeroBalances", "signed"),
    "POST order": ExchangeRoute(handlers.new_order, 1, parameters.NEW_ORDER, "signed", orders=1),
    "POST order/test": ExchangeRoute(
        handlers.check_order, _check_weight, parameters.NEW_ORDER + " computeCommissionRates", "signed"
    ),
    "GET order": ExchangeRoute(handlers.query_order, 4, "symbol orderId origClientOrderId", "signed"),
    "DELETE order": ExchangeRoute(handlers.cancel_order, 1, parameters.CANCEL, "signed"),
    "POST order/cancelReplace": ExchangeRoute(handlers.replace_order, 1, parameters.REPLACE, "signed", orders=1),
    "POST order/oco": ExchangeRoute(order_lists.old_pair, 1, parameters.OLD_PAIR, "signed", orders=2),
    "POST orderList/oco": ExchangeRoute(order_lists.new_pair, 1, parameters.NEW_PAIR, "signed", orders=2),
    "GET orderList": ExchangeRoute(order_lists.query_list, 4, "orderListId origClientOrderId", "signed"),
    "DELETE orderList": ExchangeRoute(
        order_lists.cancel_list, 1, "symbol orderListId listClientOrderId newClientOrderId", "signed"
    ),
    "GET openOrderList": ExchangeRoute(order_lists.open_lists, 6, "", "signed"),
    "GET allOrderList": ExchangeRoute(order_lists.all_lists, 20, "fromId startTime endTime limit", "signed"),
    "GET account/commission": ExchangeRoute(handlers.commission, 20, "symbol", "signed"),
    "GET openOrders": ExchangeRoute(handlers.open_orders, _open_weight, "symbol", "signed"),
    "DELETE openOrders": ExchangeRoute(handlers.cancel_all, 1, "symbol", "signed"),
    "GET allOrders": ExchangeRoute(handlers.all_orders, 20, parameters.SPAN + " orderId", "signed"),
    "GET myTrades": ExchangeRoute(handlers.my_trades, _trades_weight, parameters.SPAN + " orderId fromId", "signed"),
    "GET rateLimit/order": ExchangeRoute(_order_counts, 40, "", "signed"),
    # What ccxt asks besides the spot API, while it loads the markets or checks a key.
    "GET /sapi/v1/account/apiRestrictions": ExchangeRoute(_restrictions, security="signed"),
    "GET /sapi/v1/capital/config/getall": ExchangeRoute(_coins, 10, security="signed"),
    "GET /sapi/v1/asset/tradeFee": ExchangeRoute(_trade_fees, security="signed"),
    "GET /sapi/v1/bnbBurn": ExchangeRoute(_fee_coin, security="signed"),
    "POST /sapi/v1/bnbBurn": ExchangeRoute(_fee_coin, 1, "spotBNBBurn interestBNBBurn", "signed"),
    "GET /sapi/v1/system/status": ExchangeRoute(_system_status),
    "GET /sapi/v1/margin/allPairs": ExchangeRoute(_none, security="key"),
    "GET /sapi/v1/margin/isolated/allPairs": ExchangeRoute(_none, security="signed"),
    "GET /fapi/v1/exchangeInfo": ExchangeRoute(_no_symbols),
    "GET /dapi/v1/exchangeInfo": ExchangeRoute(_no_symbols),
}


def route_of(method: str, path: str) -> ExchangeRoute | None:
    """Return the route of a request; None where nothing is served."""
    return ROUTES.get(f"{method} {path.removeprefix(API)}")
