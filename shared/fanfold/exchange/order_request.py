"""The parameters of an order, read and checked as the exchange does before its engine sees them."""

import re
from decimal import Decimal
from typing import Literal, cast

import msgspec

from fanfold.exchange.listings import DEFAULT_PREVENTION, ORDER_TYPES, PREVENTIONS, Listing
from fanfold.exchange.parameters import Params, whole
from fanfold.exchange.refusals import ExchangeRefusal, illegal, invalid, missing, rejected
from fanfold.matching.order_book import SelfTradePrevention, Trigger
from fanfold.messages import Side
from fanfold.money import decimals

FIGURE = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
CLIENT_ID = r"^[\.A-Z\:/a-z0-9_-]{1,36}$"
DECIMALS = 8
# Type -> what must be sent with it; of the rest, what must not.
REQUIRED: dict[str, frozenset[str]] = {
    "LIMIT": frozenset({"timeInForce", "quantity", "price"}),
    "LIMIT_MAKER": frozenset({"quantity", "price"}),
    "MARKET": frozenset(),
    "STOP_LOSS": frozenset({"quantity", "stopPrice"}),
    "STOP_LOSS_LIMIT": frozenset({"timeInForce", "quantity", "price", "stopPrice"}),
    "TAKE_PROFIT": frozenset({"quantity", "stopPrice"}),
    "TAKE_PROFIT_LIMIT": frozenset({"timeInForce", "quantity", "price", "stopPrice"}),
}
CONDITIONAL = ("price", "stopPrice", "timeInForce", "quoteOrderQty")
STRATEGY_TYPE_MIN = 1_000_000
RESPONSES = ("ACK", "RESULT", "FULL")
UNSUPPORTED = {
    "icebergQty": "Iceberg orders are not supported for this symbol.",
    "trailingDelta": "Trailing stop orders are not supported for this symbol.",
    "pegPriceType": "Pegged orders are not supported for this symbol.",
}


class SpotOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A new order that is well-formed and passes the filters."""

    listing: Listing
    side: Side
    type: str
    time_in_force: Literal["gtc", "ioc", "fok"]
    client_order_id: str
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    prevention: SelfTradePrevention = "expire_maker"
    respond: str = "FULL"
    labels: tuple[tuple[str, int], ...] = ()

    @property
    def trigger(self) -> Trigger | None:
        """Return the last price that sets the order to work: for a stop worse than now, for a target better."""
        if self.stop_price is None:
            return None
        return Trigger(self.stop_price, rises=(self.side == "buy") == self.type.startswith("STOP_LOSS"))


def figure(params: Params, name: str) -> Decimal | None:
    """Return a positive figure; None where it was not sent."""
    text = params.get(name)
    if text is None:
        return None
    if not re.match(FIGURE, text):
        raise illegal(name, FIGURE)
    value = Decimal(text)
    if decimals(value) > DECIMALS:
        raise ExchangeRefusal(-1111, f"Parameter '{name}' has too much precision.")
    if not value:
        raise ExchangeRefusal(-1013, f"Invalid {name}.")
    return value


def client_id(params: Params, name: str, default: str) -> str:
    """Return a client id, or the default where none was sent."""
    text = params.get(name, default)
    if not re.match(CLIENT_ID, text):
        raise illegal(name, CLIENT_ID)
    return text


def enumerated(params: Params, name: str, values: tuple[str, ...], code: int, text: str) -> str:
    """Return a parameter that must be one of some values."""
    if not params.get(name):
        raise missing(name)
    if params[name] not in values:
        raise ExchangeRefusal(code, text)
    return params[name]


def response_of(params: Params, default: str) -> str:
    """Return how much of an order its answer tells."""
    respond = params.get("newOrderRespType", default)
    if respond not in RESPONSES:
        raise invalid("newOrderRespType")
    return respond


def _labels(params: Params) -> tuple[tuple[str, int], ...]:
    """Return the numbers by which the sender knows an order's strategy."""
    labels = tuple((name, whole(params, name, 0)) for name in ("strategyId", "strategyType") if name in params)
    if dict(labels).get("strategyType", STRATEGY_TYPE_MIN) < STRATEGY_TYPE_MIN:
        raise ExchangeRefusal(-1134, "`strategyType` was less than 1000000.")
    return labels


def parse(params: Params, listing: Listing, last: Decimal | None, default_id: str) -> SpotOrder:
    """Return the order of a request's parameters. Raises ExchangeRefusal with the code that Binance documents."""
    side = enumerated(params, "side", ("BUY", "SELL"), -1117, "Invalid side.")
    kind = enumerated(params, "type", ORDER_TYPES, -1116, "Invalid orderType.")
    _check_names(params, kind)
    request = SpotOrder(
        listing=listing,
        side=cast(Side, side.lower()),
        type=kind,
        time_in_force=_time_in_force(params, kind),
        client_order_id=client_id(params, "newClientOrderId", default_id),
        quantity=figure(params, "quantity"),
        quote_quantity=figure(params, "quoteOrderQty"),
        price=figure(params, "price"),
        stop_price=figure(params, "stopPrice"),
        prevention=_prevention(params),
        respond=response_of(params, "FULL" if kind in {"LIMIT", "MARKET"} else "ACK"),
        labels=_labels(params),
    )
    _check_filters(request, last)
    return request


def _check_names(params: Params, kind: str) -> None:
    for name, text in UNSUPPORTED.items():
        if name in params:
            raise rejected(text)
    for name in sorted(REQUIRED[kind]):
        if not params.get(name):
            raise missing(name)
    for name in CONDITIONAL:
        by_quote = name == "quoteOrderQty" and kind == "MARKET" and "quantity" not in params
        if name in params and name not in REQUIRED[kind] and not by_quote:
            raise ExchangeRefusal(-1106, f"Parameter '{name}' sent when not required.")
    if kind == "MARKET" and not {"quantity", "quoteOrderQty"} & params.keys():
        raise ExchangeRefusal(-1102, "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!")


def _time_in_force(params: Params, kind: str) -> Literal["gtc", "ioc", "fok"]:
    if "timeInForce" not in REQUIRED[kind]:
        return "gtc"
    text = enumerated(params, "timeInForce", ("GTC", "IOC", "FOK"), -1115, "Invalid timeInForce.")
    return cast(Literal["gtc", "ioc", "fok"], text.lower())


def _prevention(params: Params) -> SelfTradePrevention:
    mode = params.get("selfTradePreventionMode", DEFAULT_PREVENTION)
    if mode not in PREVENTIONS:
        raise ExchangeRefusal(-1013, "This symbol does not allow the specified self-trade prevention mode.")
    return cast(SelfTradePrevention, mode.lower())


def _check_filters(request: SpotOrder, last: Decimal | None) -> None:
    listing = request.listing
    listing.check_trading()
    if request.price is not None:
        listing.check_price(request.price, last, by_side=True)
    if request.stop_price is not None:
        listing.check_price(request.stop_price, last, by_side=False)
    if request.quantity is not None:
        listing.check_quantity(request.quantity, at_market=request.price is None)
        listing.check_notional(request.price or request.stop_price or last, request.quantity)
    if request.quote_quantity is not None:
        listing.check_notional(Decimal(1), request.quote_quantity)
