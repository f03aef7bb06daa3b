"""Events as Binance's streams tell them: of the account's orders and lists, of trades, candles and tickers."""

from typing import Any

from fanfold import money
from fanfold.exchange import order_views
from fanfold.exchange.refusals import text8
from fanfold.exchange.spot import PlacedOrder
from fanfold.matching.engine import EngineTrade, OrderEvent
from fanfold.matching.wallets import FeeCharge
from fanfold.money import ZERO

EXECUTIONS = {
    "new": "NEW", "trade": "TRADE", "canceled": "CANCELED", "expired": "EXPIRED", "prevented": "TRADE_PREVENTION",
}  # fmt: skip
# Field of a ticker event -> field of the ticker that a request returns.
TICKER = {
    "p": "priceChange", "P": "priceChangePercent", "w": "weightedAvgPrice", "x": "prevClosePrice", "c": "lastPrice",
    "Q": "lastQty", "b": "bidPrice", "B": "bidQty", "a": "askPrice", "A": "askQty", "o": "openPrice", "h": "highPrice",
    "l": "lowPrice", "v": "volume", "q": "quoteVolume", "O": "openTime", "C": "closeTime", "F": "firstId",
    "L": "lastId", "n": "count",
}  # fmt: skip
MINI = "cohlvq"
LABELS = {"strategyId": "j", "strategyType": "J"}


def trade(symbol: str, public_trade: EngineTrade) -> dict[str, Any]:
    """Return a public trade."""
    return {
        "e": "trade",
        "E": public_trade.at_ms,
        "s": symbol,
        "t": public_trade.trade_id,
        "p": text8(public_trade.price),
        "q": text8(public_trade.quantity),
        "T": public_trade.at_ms,
        "m": public_trade.taker_side == "sell",
        "M": True,
    }


def candle(symbol: str, interval: str, row: list[Any], trade_ids: list[int], now_ms: int) -> dict[str, Any]:
    """Return a candle; it is closed once its last moment is over."""
    return {
        "e": "kline",
        "E": now_ms,
        "s": symbol,
        "k": {
            "t": row[0],
            "T": row[6],
            "s": symbol,
            "i": interval,
            "f": trade_ids[0] if trade_ids else -1,
            "L": trade_ids[-1] if trade_ids else -1,
            **dict(zip("ohlcv", row[1:6], strict=True)),
            "n": row[8],
            "x": row[6] < now_ms,
            "q": row[7],
            "V": row[9],
            "Q": row[10],
            "B": "0",
        },
    }


def ticker(document: dict[str, Any], now_ms: int, *, mini: bool) -> dict[str, Any]:
    """Return a 24-hour ticker, whole or its prices and volumes alone."""
    head = {"e": "24hrMiniTicker" if mini else "24hrTicker", "E": now_ms, "s": document["symbol"]}
    return head | {key: document[name] for key, name in TICKER.items() if not mini or key in MINI}


def average_price(symbol: str, document: dict[str, Any], now_ms: int) -> dict[str, Any]:
    """Return the average price of the last minutes."""
    interval = f"{document['mins']}m"
    return {
        "e": "avgPrice", "E": now_ms, "s": symbol, "i": interval, "w": document["price"], "T": document["closeTime"],
    }  # fmt: skip


def position(balances: list[dict[str, str]], at_ms: int) -> dict[str, Any]:
    """Return the balances that an event may have changed."""
    rows = [{"a": balance["asset"], "f": balance["free"], "l": balance["locked"]} for balance in balances]
    return {"e": "outboundAccountPosition", "E": at_ms, "u": at_ms, "B": rows}


def order_list(orders: list[PlacedOrder], at_ms: int) -> dict[str, Any]:
    """Return the state of a list."""
    document = order_views.order_list(orders)
    return {
        "e": "listStatus",
        "E": at_ms,
        "s": document["symbol"],
        "g": document["orderListId"],
        "c": document["contingencyType"],
        "l": document["listStatusType"],
        "L": document["listOrderStatus"],
        "r": "NONE",
        "C": document["listClientOrderId"],
        "T": document["transactionTime"],
        "O": [
            {"s": order["symbol"], "i": order["orderId"], "c": order["clientOrderId"]} for order in document["orders"]
        ],
    }


def execution_report(event: OrderEvent, placed: PlacedOrder, fee: FeeCharge | None) -> dict[str, Any]:
    """Return an event of an order; of a cancel, ``c`` names the cancel and ``C`` the order."""
    order, trade = event.order, event.trade
    price, quantity = (trade.price, trade.quantity) if trade is not None else (ZERO, ZERO)
    own_name = placed.client_order_id
    names = (placed.cancel_id or own_name, own_name) if event.kind == "canceled" else (own_name, "")
    expired = {"eR": event.reason} if event.kind == "expired" and event.reason else {}
    prevented = {"v": 0, "A": text8(order.prevented)} if order.prevented else {}
    working = {"W": placed.working_at_ms} if placed.working_at_ms >= 0 else {}
    return {
        "e": "executionReport",
        "E": event.at_ms,
        "s": placed.listing.symbol,
        "c": names[0],
        "S": order.side.upper(),
        "o": placed.type,
        "f": order.time_in_force.upper(),
        "q": text8(order.quantity),
        "p": text8(order.limit or ZERO),
        "P": text8(order.trigger.price if order.trigger is not None else ZERO),
        "F": text8(ZERO),
        "g": -1 if order.pair is None else order.pair,
        "C": names[1],
        "x": EXECUTIONS[event.kind],
        "X": order_views.status(order),
        "r": "NONE",
        "i": order.order_id,
        "l": text8(quantity),
        "z": text8(order.filled),
        "L": text8(price),
        "n": text8(fee.amount) if fee is not None else "0",
        "N": fee.asset if fee is not None else None,
        "T": event.at_ms,
        "t": trade.trade_id if trade is not None else -1,
        **prevented,
        **{LABELS[name]: number for name, number in placed.labels},
        "I": event.at_ms,
        "w": order.is_live and not order.waiting,
        "m": trade is not None and trade.maker_id == order.order_id,
        "M": False,
        "O": placed.placed_at_ms,
        "Z": text8(order.quote_filled),
        "Y": text8(money.EXACT.multiply(price, quantity)),
        "Q": text8(placed.quote_quantity),
        **working,
        "V": order.prevention.upper(),
        **expired,
    }
