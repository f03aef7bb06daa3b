"""Check an order against the steps and limits of its market, which ccxt would round to, or not look at."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from fanfold.errors import BadInput
from fanfold.messages import Order
from fanfold.money import EXACT


def check(order: Order, market: Mapping[str, Any]) -> None:
    """Raise BadInput for an order off the market's steps or limits."""
    price = order.limit_price if order.limit_price is not None else order.stop_price
    prices = (price, order.stop_price, order.profit_price or None)
    for name, value in (("amount", order.quantity), *(("price", each) for each in prices)):
        step = market["precision"].get(name)
        if step is not None and value is not None and EXACT.remainder(value, Decimal(str(step))):
            raise BadInput(f"{name} {value:f} of order {order.order_id} is not a multiple of {step}")
    figures = {"amount": order.quantity, "price": price}
    figures["cost"] = None if price is None else EXACT.multiply(order.quantity, price)
    for name, figure in figures.items():
        limits = market["limits"].get(name) or {}
        least, most = limits.get("min"), limits.get("max")
        if figure is None:
            continue
        if (least is not None and figure < Decimal(str(least))) or (most and figure > Decimal(str(most))):
            bounds = f"{least or 0} and {most or 'any'}"
            raise BadInput(f"{name} {figure:f} of order {order.order_id} is not between {bounds} of {order.instrument}")
