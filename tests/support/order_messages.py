"""Messages that follow from an order: a fill of it, and an update of its state."""

from decimal import Decimal
from typing import Any

import msgspec

from fanfold.messages import Fill, Order, OrderState, OrderUpdate


def fill_of(order: Order, **changes: Any) -> Fill:
    """Return the fill of a whole order at its reference price, without a fee, as it is decided."""
    fill = Fill(
        trade_id=f"t-{order.order_id}", order_id=order.order_id, client_order_id=order.client_order_id,
        account=order.account, venue=order.venue, instance=order.instance, instrument=order.instrument,
        side=order.side, price=order.reference_price, quantity=order.quantity, fee=Decimal(0), liquidity="taker",
        at=order.decided_at,
    )  # fmt: skip
    return msgspec.structs.replace(fill, **changes)


def update_of(order: Order, state: OrderState = OrderState.FILLED, **changes: Any) -> OrderUpdate:
    """Return the update of an order that filled whole."""
    update = OrderUpdate(
        order_id=order.order_id, client_order_id=order.client_order_id, instance=order.instance,
        instrument=order.instrument, state=state, filled=order.quantity,
    )  # fmt: skip
    return msgspec.structs.replace(update, **changes)
