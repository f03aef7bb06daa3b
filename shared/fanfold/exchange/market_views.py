"""Market data as Binance tells it: candles, depth, trades and tickers."""

import json
from bisect import bisect_left
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from fanfold import money
from fanfold.exchange.liquidity import MarketMaker, Step, steps
from fanfold.exchange.parameters import Params
from fanfold.exchange.refusals import ExchangeRefusal, missing, text8
from fanfold.exchange.spot import SpotExchange
from fanfold.market.bars import Bar, Series
from fanfold.matching.engine import EngineTrade
from fanfold.matching.order_book import Level
from fanfold.money import ZERO, exact

INTERVALS = {
    "1m": 60, "3m": 180, "5m": 300, "15m": 900, "30m": 1_800, "1h": 3_600, "2h": 7_200, "4h": 14_400, "6h": 21_600,
    "8h": 28_800, "12h": 43_200, "1d": 86_400,
}  # fmt: skip
DAY_MS = 86_400_000


def whole(params: Params, name: str, default: int, most: int | None = None) -> int:
    """Return a whole number that was sent, at most ``most``."""
    text = params.get(name)
    if text is None:
        return default
    if not text.isdecimal():
        raise ExchangeRefusal(
            -1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'."
        )
    return int(text) if most is None else min(int(text), most)


def klines(maker: MarketMaker, params: Params, now_ms: int) -> list[list[Any]]:
    """Return the candles of an interval, the newest of them still open, as the market has walked them so far."""
    if not params.get("interval"):
        raise missing("interval")
    length_ms = INTERVALS.get(params["interval"], 0) * 1_000
    if not length_ms:
        raise ExchangeRefusal(-1120, "Invalid interval.")
    limit = max(whole(params, "limit", 500, 1_000), 1)
    since = whole(params, "startTime", -1)
    until = min(whole(params, "endTime", now_ms), now_ms)
    if since < 0:
        since_ms = (until // length_ms - limit + 1) * length_ms
        return _candles(maker.series, length_ms, since_ms, until, now_ms)[-limit:]
    return _candles(maker.series, length_ms, -(-since // length_ms) * length_ms, until, now_ms)[:limit]


def _candles(series: Series, length_ms: int, since_ms: int, until_ms: int, now_ms: int) -> list[list[Any]]:
    """Return the candles that open from one moment to another."""
    groups: dict[int, list[Step]] = {}
    for step in _walked(series, since_ms, min(until_ms // length_ms * length_ms + length_ms - 1, now_ms)):
        groups.setdefault(step.at_ms // length_ms * length_ms, []).append(step)
    return [candle(opens_at, length_ms, group) for opens_at, group in groups.items()]


def _closes_at_s(bar: Bar) -> int:
    return bar.closes_at_s


def _walked(series: Series, since_ms: int, until_ms: int) -> Iterable[Step]:
    """Return the steps of a span."""
    first = bisect_left(series.bars, since_ms // 1_000, key=_closes_at_s)
    after = bisect_left(series.bars, until_ms // 1_000 + DAY_MS // 1_000, key=_closes_at_s)
    bars = series.bars[first:after]
    part = Series(
        instrument=series.instrument, timeframe=series.timeframe, price_scale=series.price_scale,
        volume_scale=series.volume_scale, after=0, bars=bars,
    )  # fmt: skip
    return (step for step in steps(part) if since_ms <= step.at_ms <= until_ms)


@exact
def candle(opens_at_ms: int, length_ms: int, walked: list[Step]) -> list[Any]:
    """Return a candle as an array of twelve."""
    prices = [step.price for step in walked]
    volume = sum((step.quantity for step in walked), ZERO)
    quote = sum((step.quantity * step.price for step in walked), ZERO)
    half = [text8(money.ratio(figure, Decimal(2))) for figure in (volume, quote)]
    ends = (prices[0], max(prices), min(prices), prices[-1])
    traded = sum(1 for step in walked if step.quantity)
    return [
        opens_at_ms, *map(text8, ends), text8(volume), opens_at_ms + length_ms - 1, text8(quote), traded, *half, "0",
    ]  # fmt: skip


def depth(exchange: SpotExchange, symbol: str, limit: int, update_id: int) -> dict[str, Any]:
    book = exchange.engines[symbol].book
    bids, asks = book.levels("buy", limit), book.levels("sell", limit)
    return {"lastUpdateId": update_id, "bids": pairs(bids), "asks": pairs(asks)}


def pairs(levels: Iterable[Level]) -> list[list[str]]:
    return [[text8(level.price), text8(level.quantity)] for level in levels]


def trade(it: EngineTrade) -> dict[str, Any]:
    """Return a public trade."""
    return {
        "id": it.trade_id,
        "price": text8(it.price),
        "qty": text8(it.quantity),
        "quoteQty": text8(money.EXACT.multiply(it.price, it.quantity)),
        "time": it.at_ms,
        "isBuyerMaker": it.taker_side == "sell",
        "isBestMatch": True,
    }


def aggregate(it: EngineTrade) -> dict[str, Any]:
    """Return a trade as an aggregate of one."""
    return {
        "a": it.trade_id,
        "p": text8(it.price),
        "q": text8(it.quantity),
        "f": it.trade_id,
        "l": it.trade_id,
        "T": it.at_ms,
        "m": it.taker_side == "sell",
        "M": True,
    }


def recent(exchange: SpotExchange, symbol: str, params: Params) -> list[EngineTrade]:
    """Return the trades that fromId, startTime, endTime and limit ask for."""
    limit = whole(params, "limit", 500, 1_000)
    first, start = whole(params, "fromId", 0), whole(params, "startTime", 0)
    end = whole(params, "endTime", 2**63)
    trades = [it for it in exchange.tapes[symbol] if it.trade_id >= first and start <= it.at_ms <= end]
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
def day_ticker(exchange: SpotExchange, maker: MarketMaker, now_ms: int) -> dict[str, Any]:
    """Return the last 24 hours."""
    walked = list(_walked(maker.series, now_ms - DAY_MS, now_ms))
    last = exchange.last(maker.symbol) or ZERO
    opens, high, low, _close, volume, _, quote = candle(0, DAY_MS, walked)[1:8] if walked else [text8(ZERO)] * 7
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


def symbols_of(exchange: SpotExchange, params: Params) -> list[str]:
    """Return the symbols that ``symbol`` or ``symbols`` names; all where neither was sent."""
    names = [params["symbol"]] if "symbol" in params else list(exchange.listings)
    if "symbols" in params:
        try:
            names = list(json.loads(params["symbols"]))
        except ValueError as wrong:
            raise ExchangeRefusal(-1135, "JSON sent for parameter 'symbols' is not valid") from wrong
    return [exchange.listing(name).symbol for name in names]
