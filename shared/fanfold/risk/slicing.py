"""Divide an order into slices: orders of its terms that are due one after the other, evenly over a time.

All are whole lots, the last has the remainder, and none is below what the venue takes: there are fewer where the order
is too small. The first is due at once and has the order's own id. Call these functions under ``money.exact``.
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import msgspec

from fanfold import ids
from fanfold.messages import Order, Side
from fanfold.money import ZERO, ceil_to, floor_to, ratio
from fanfold.risk.policy import PositionPolicy
from fanfold.risk.sizing import limit_of, price_of, reservation


def quantities(quantity: Decimal, side: Side, leg: PositionPolicy, reference: Decimal) -> list[Decimal]:
    """Return the quantities of the slices of an order, as many as the leg wants or as the venue's minimum lets be."""
    count = _count(quantity, side, leg, reference) if leg.slices > 1 else 1
    if count == 1:
        return [quantity]
    each = floor_to(ratio(quantity, Decimal(count)), leg.lot)
    return [each] * (count - 1) + [quantity - each * (count - 1)]


def _count(quantity: Decimal, side: Side, leg: PositionPolicy, reference: Decimal) -> int:
    price = min(price_of(side, leg, reference), limit_of(side, leg, reference))
    least = ceil_to(max(leg.lot, leg.amount_min, ratio(leg.notional_min, price)), leg.lot)
    return max(1, min(leg.slices, int(ratio(quantity, least))))


def reserved(quantity: Decimal, leg: PositionPolicy, reference: Decimal) -> Decimal:
    """Return the most cash that a spot buy may cost, each of its slices with what is rounded up for it."""
    return sum((reservation(part, leg, reference) for part in quantities(quantity, "buy", leg, reference)), ZERO)


def divided(order: Order, leg: PositionPolicy) -> Iterator[Order]:
    """Yield the slices of an approved order; of one that is not divided, the order itself."""
    parts = quantities(order.quantity, order.side, leg, order.reference_price)
    if len(parts) == 1:
        yield order
        return
    for number, part in enumerate(parts):
        yield _slice(order, number, part, timedelta(seconds=leg.slices_over_s) * number / len(parts), leg)


def _slice(order: Order, number: int, quantity: Decimal, after: timedelta, leg: PositionPolicy) -> Order:
    order_id = ids.derive("slice", order.order_id, number) if number else order.order_id
    return msgspec.structs.replace(
        order,
        order_id=order_id,
        client_order_id=ids.client_order_id(order_id),
        quantity=quantity,
        reserved=reservation(quantity, leg, order.reference_price) if order.reserved else ZERO,
        expires_at=order.expires_at + after,
        due_at=order.decided_at + after if number else msgspec.UNSET,
    )
