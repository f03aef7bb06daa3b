"""Market data as Binance tells it: candles, depth, trades and tickers."""

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from fanfold import money
from fanfold.exchange.candles import DAY_MS, candle
from fanfold.exchange.liquidity import SymbolMarket
from fanfold.exchange.parameters import Params, whole
from fanfold.exchange.refusals import ExchangeRefusal, combined, text8
from fanfold.exchange.spot import SpotExchange
from fanfold.matching.engine import EngineTrade
from fanfold.matching.order_book import Level
from fanfold.money import ZERO, exact

AVERAGE_MINUTES = 5
STATUSES = ("TRADING", "HALT", "BREAK")


def depth(exchange: SpotExchange, symbol: str, limit: int, update_id: int) -> dict[str, Any]:
    book = exchange.engines[symbol].book
    bids, asks = book.levels("buy", limit), book.levels("sell", limit)
    return {"lastUpdateId": update_id, "bids": pairs(bids), "asks": pairs(asks)}


def pairs(levels: Iterable[Level]) -> list[list[str]]:
    return [[text8(level.price), text8(level.quantity)] for level in levels]


def trade(public_trade: EngineTrade) -> dict[str, Any]:
    """Return a public trade."""
    return {
        "id": public_trade.trade_id,
        "price": text8(public_trade.price),
        "qty": text8(public_trade.quantity),
        "quoteQty": text8(money.EXACT.multiply(public_trade.price, public_trade.quantity)),
        "time": public_trade.at_ms,
        "isBuyerMaker": public_trade.taker_side == "sell",
        "isBestMatch": True,
    }


def aggregate(public_trade: EngineTrade) -> dict[str, Any]:
    """Return a trade as an aggregate of one."""
    return {
        "a": public_trade.trade_id,
        "p": text8(public_trade.price),
        "q": text8(public_trade.quantity),
        "f": public_trade.trade_id,
        "l": public_trade.trade_id,
        "T": public_trade.at_ms,
        "m": public_trade.taker_side == "sell",
        "M": True,
    }


def recent(exchange: SpotExchange, symbol: str, params: Params) -> list[EngineTrade]:
    """Return the trades that fromId, startTime, endTime and limit ask for."""
    limit = whole(params, "limit", 500, 1_000)
    first, start = whole(params, "fromId", 0), whole(params, "startTime", 0)
    end = whole(params, "endTime", 2**63)
    trades = [
        public_trade
        for public_trade in exchange.tapes[symbol]
        if public_trade.trade_id >= first and start <= public_trade.at_ms <= end
    ]
    return trades[:limit] if first or start else trades[-limit:]


def book_ticker(exchange: SpotExchange, symbol: str) -> dict[str, Any]:
    """Return the best bid and ask; zeros where a side is empty."""
    book = exchange.engines[symbol].book
    (bid,) = book.levels("buy", 1) or [Level(ZERO, ZERO)]
    (ask,) = book.levels("sell", 1) or [Level(ZERO, ZERO)]
    return {
        "symbol": symbol,
        "bidPrice": text8(bid.price),
        "bidQty": text8(bid.quantity),
        "askPrice": text8(ask.price),
        "askQty": text8(ask.quantity),
    }


def price_ticker(exchange: SpotExchange, symbol: str) -> dict[str, Any]:
    return {"symbol": symbol, "price": text8(exchange.last(symbol) or ZERO)}


@exact
def day_ticker(exchange: SpotExchange, maker: SymbolMarket, now_ms: int) -> dict[str, Any]:
    """Return the last 24 hours."""
    steps = list(maker.walked(now_ms - DAY_MS, now_ms))
    last = exchange.last(maker.symbol) or ZERO
    opens, high, low, _close, volume, _, quote = candle(0, DAY_MS, steps)[1:8] if steps else [text8(ZERO)] * 7
    change = last - Decimal(opens)
    touch = book_ticker(exchange, maker.symbol)
    tape = exchange.tapes[maker.symbol]
    return {
        "symbol": maker.symbol,
        "priceChange": text8(change),
        "priceChangePercent": f"{money.ratio(change * 100, Decimal(opens)) if Decimal(opens) else ZERO:.3f}",
        "weightedAvgPrice": text8(money.ratio(Decimal(quote), Decimal(volume)) if Decimal(volume) else ZERO),
        "prevClosePrice": opens,
        "lastPrice": text8(last),
        "lastQty": text8(tape[-1].quantity if tape else ZERO),
        **{name: touch[name] for name in ("bidPrice", "bidQty", "askPrice", "askQty")},
        "openPrice": opens,
        "highPrice": high,
        "lowPrice": low,
        "volume": volume,
        "quoteVolume": quote,
        "openTime": now_ms - DAY_MS,
        "closeTime": now_ms,
        "firstId": tape[0].trade_id if tape else -1,
        "lastId": tape[-1].trade_id if tape else -1,
        "count": len(tape),
    }


def mini_ticker(document: dict[str, Any]) -> dict[str, Any]:
    """Return the prices and volumes alone of a ticker."""
    names = ("symbol", "openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "quoteVolume")
    return {name: document[name] for name in (*names, "openTime", "closeTime", "firstId", "lastId", "count")}


@exact
def average_price(exchange: SpotExchange, maker: SymbolMarket, now_ms: int) -> dict[str, Any]:
    """Return the average by volume of the last minutes; the last price where nothing was traded."""
    steps = list(maker.walked(now_ms - AVERAGE_MINUTES * 60_000, now_ms))
    volume = sum((step.quantity for step in steps), ZERO)
    quote = sum((step.quantity * step.price for step in steps), ZERO)
    price = money.ratio(quote, volume) if volume else exchange.last(maker.symbol) or ZERO
    tape = exchange.tapes[maker.symbol]
    closes_at = tape[-1].at_ms if tape else now_ms
    return {"mins": AVERAGE_MINUTES, "price": text8(price), "closeTime": closes_at}


def symbols_of(exchange: SpotExchange, params: Params) -> list[str]:
    """Return the symbols that ``symbol`` or ``symbols`` names; all where neither was sent.

    Of several, those that have not the ``symbolStatus`` that was sent are left out; one that has not is refused.
    """
    if "symbol" in params and "symbols" in params:
        raise combined()
    status = params.get("symbolStatus")
    if status not in {None, *STATUSES}:
        raise ExchangeRefusal(-1122, "Invalid symbolStatus.")
    listings = [exchange.listing(name) for name in _names_of(exchange, params)]
    rows = [listing.symbol for listing in listings if status in {None, listing.status}]
    if "symbol" in params and not rows:
        raise ExchangeRefusal(-1220, "The symbol's status does not match the requested symbolStatus.")
    return rows


def _names_of(exchange: SpotExchange, params: Params) -> list[str]:
    """Return the names of symbols that were sent, or all."""
    if "symbols" not in params:
        return [params["symbol"]] if "symbol" in params else list(exchange.listings)
    try:
        names = json.loads(params["symbols"])
    except ValueError as wrong:
        raise ExchangeRefusal(-1135, "JSON sent for parameter 'symbols' is not valid") from wrong
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ExchangeRefusal(-1135, "JSON sent for parameter 'symbols' is not valid")
    if len(set(names)) < len(names):
        raise ExchangeRefusal(-1151, "Symbol is present multiple times in the list.")
    return names
