"""The parameters that each path takes, and what is checked of them before any handler reads one."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from fanfold.exchange.refusals import ExchangeRefusal, illegal

Params = Mapping[str, str]
NUMBER = r"^[0-9]{1,20}$"
NUMBERS = ("orderId", "cancelOrderId", "orderListId", "fromId", "limit", "startTime", "endTime")
# A time later than this, which is in the year 5138, is in microseconds.
MICROSECONDS = 10**14
SYMBOL = r"^[A-Z0-9-_.]{1,20}$"
SIGNED = "timestamp recvWindow signature"
TICKER = "symbol symbols symbolStatus"
SPAN = "symbol startTime endTime limit"
NEW_ORDER = (
    "symbol side type timeInForce quantity quoteOrderQty price newClientOrderId strategyId strategyType stopPrice "
    "trailingDelta icebergQty newOrderRespType selfTradePreventionMode pegPriceType pegOffsetValue pegOffsetType"
)
CANCEL = "symbol orderId origClientOrderId newClientOrderId cancelRestrictions"
REPLACE = (
    NEW_ORDER + " cancelReplaceMode cancelNewClientOrderId cancelOrigClientOrderId cancelOrderId cancelRestrictions "
    "orderRateLimitExceededMode"
)
PAIR = "symbol listClientOrderId side quantity newOrderRespType selfTradePreventionMode"
OLD_PAIR = (
    PAIR
    + " limitClientOrderId price limitStrategyId limitStrategyType limitIcebergQty trailingDelta stopClientOrderId "
    "stopPrice stopStrategyId stopStrategyType stopLimitPrice stopIcebergQty stopLimitTimeInForce"
)
NEW_PAIR = (
    PAIR + " aboveType aboveClientOrderId aboveIcebergQty abovePrice aboveStopPrice aboveTrailingDelta "
    "aboveTimeInForce aboveStrategyId aboveStrategyType abovePegPriceType abovePegOffsetType abovePegOffsetValue "
    "belowType belowClientOrderId belowIcebergQty belowPrice belowStopPrice belowTrailingDelta belowTimeInForce "
    "belowStrategyId belowStrategyType belowPegPriceType belowPegOffsetType belowPegOffsetValue"
)


def params_of(query: str, body: str) -> dict[str, str]:
    """Return the parameters of a request; what the query has, the body does not change."""
    rows = [parse_qsl(part, keep_blank_values=True) for part in (query, body)]
    if any(len(dict(part)) < len(part) for part in rows):
        raise ExchangeRefusal(-1101, "Duplicate values for a parameter detected.")
    return dict(rows[1]) | dict(rows[0])


def is_readable(query: str, body: str) -> bool:
    """Return whether a request has each parameter once."""
    try:
        params_of(query, body)
    except ExchangeRefusal:
        return False
    return True


def check_names(takes: str, params: Params) -> None:
    """Raise ExchangeRefusal for more parameters than a path takes, for one that it does not read, or an empty one."""
    taken = takes.split()
    if len(params) > len(taken):
        text = f"Too many parameters; expected '{len(taken)}' and received '{len(params)}'."
        raise ExchangeRefusal(-1101, text)
    read = len(params.keys() & taken)
    if read < len(params):
        text = f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{len(params)}'."
        raise ExchangeRefusal(-1104, text)
    for name, value in params.items():
        if not value:
            raise ExchangeRefusal(-1105, f"Parameter '{name}' was empty.")
    if "symbol" in params and not re.match(SYMBOL, params["symbol"]):
        raise illegal("symbol", SYMBOL)
    for name in NUMBERS:
        if name in params and not re.match(NUMBER, params[name]):
            raise illegal(name, NUMBER)


def whole(params: Params, name: str, default: int, most: int | None = None) -> int:
    """Return a whole number that was sent, at most ``most``; a time in microseconds as one in milliseconds."""
    if name not in params:
        return default
    if not re.match(NUMBER, params[name]):
        raise illegal(name, NUMBER)
    number = int(params[name])
    if name.endswith("Time") and number > MICROSECONDS:
        number //= 1_000
    return number if most is None else min(number, most)
