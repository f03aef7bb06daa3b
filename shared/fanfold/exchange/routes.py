"""The paths that the exchange answers, with their weights and what a caller must show."""

from typing import Any

from fanfold.exchange import handlers, market_views, order_lists
from fanfold.exchange.handlers import ExchangeRoute, TradingFloor, each
from fanfold.exchange.order_request import Params


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
    assets = sorted({name for it in floor.exchange.listings.values() for name in (it.base, it.quote)})
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


def _order_counts(floor: TradingFloor, _params: Params, now_ms: int) -> Any:
    return floor.meter.order_counts(now_ms)


def _day_ticker(floor: TradingFloor, params: Params, now_ms: int) -> Any:
    return each(lambda name: market_views.day_ticker(floor.exchange, floor.makers[name], now_ms), floor, params)


def _price_ticker(floor: TradingFloor, params: Params, _now_ms: int) -> Any:
    return each(lambda name: market_views.price_ticker(floor.exchange, name), floor, params)


def _book_ticker(floor: TradingFloor, params: Params, _now_ms: int) -> Any:
    return each(lambda name: market_views.book_ticker(floor.exchange, name), floor, params)


API = "/api/v3"
ROUTES: dict[tuple[str, str], ExchangeRoute] = {
    ("GET", f"{API}/ping"): ExchangeRoute(_nothing),
    ("GET", f"{API}/time"): ExchangeRoute(_time),
    ("GET", f"{API}/exchangeInfo"): ExchangeRoute(handlers.exchange_info, 20),
    ("GET", f"{API}/klines"): ExchangeRoute(handlers.klines, 2),
    ("GET", f"{API}/depth"): ExchangeRoute(handlers.depth, 5),
    ("GET", f"{API}/trades"): ExchangeRoute(handlers.trades, 25),
    ("GET", f"{API}/historicalTrades"): ExchangeRoute(handlers.trades, 25),
    ("GET", f"{API}/aggTrades"): ExchangeRoute(handlers.aggregates, 4),
    ("GET", f"{API}/ticker/24hr"): ExchangeRoute(_day_ticker, 2),
    ("GET", f"{API}/ticker/price"): ExchangeRoute(_price_ticker, 2),
    ("GET", f"{API}/ticker/bookTicker"): ExchangeRoute(_book_ticker, 2),
    ("GET", f"{API}/account"): ExchangeRoute(handlers.account, 20, "signed"),
    ("POST", f"{API}/order"): ExchangeRoute(handlers.new_order, 1, "signed", orders=1),
    ("POST", f"{API}/order/test"): ExchangeRoute(handlers.check_order, 1, "signed"),
    ("GET", f"{API}/order"): ExchangeRoute(handlers.query_order, 4, "signed"),
    ("DELETE", f"{API}/order"): ExchangeRoute(handlers.cancel_order, 1, "signed"),
    ("POST", f"{API}/order/cancelReplace"): ExchangeRoute(handlers.replace_order, 1, "signed", orders=1),
    ("POST", f"{API}/order/oco"): ExchangeRoute(order_lists.old_pair, 1, "signed", orders=2),
    ("POST", f"{API}/orderList/oco"): ExchangeRoute(order_lists.new_pair, 1, "signed", orders=2),
    ("GET", f"{API}/orderList"): ExchangeRoute(order_lists.query_list, 4, "signed"),
    ("DELETE", f"{API}/orderList"): ExchangeRoute(order_lists.cancel_list, 1, "signed"),
    ("GET", f"{API}/openOrders"): ExchangeRoute(handlers.open_orders, 6, "signed"),
    ("DELETE", f"{API}/openOrders"): ExchangeRoute(handlers.cancel_all, 1, "signed"),
    ("GET", f"{API}/allOrders"): ExchangeRoute(handlers.all_orders, 20, "signed"),
    ("GET", f"{API}/myTrades"): ExchangeRoute(handlers.my_trades, 20, "signed"),
    ("GET", f"{API}/rateLimit/order"): ExchangeRoute(_order_counts, 40, "signed"),
    ("GET", "/sapi/v1/account/apiRestrictions"): ExchangeRoute(_restrictions, 1, "signed"),
    ("GET", "/sapi/v1/capital/config/getall"): ExchangeRoute(_coins, 10, "signed"),
    ("GET", "/sapi/v1/asset/tradeFee"): ExchangeRoute(_trade_fees, 1, "signed"),
    ("GET", "/sapi/v1/system/status"): ExchangeRoute(_system_status),
    ("GET", "/sapi/v1/margin/allPairs"): ExchangeRoute(_none, 1, "key"),
    ("GET", "/sapi/v1/margin/isolated/allPairs"): ExchangeRoute(_none, 1, "signed"),
    ("GET", "/fapi/v1/exchangeInfo"): ExchangeRoute(_no_symbols),
    ("GET", "/dapi/v1/exchangeInfo"): ExchangeRoute(_no_symbols),
}
