"""An order inside a real venue in memory."""

from datetime import datetime
from decimal import Decimal

import msgspec

from fanfold.messages import Order
from fanfold.trading.answers import VenueOrder, VenueOrderState


class AtVenue(msgspec.Struct):
    """An order at the venue, as it is inside."""

    number: int
    order: Order
    accepted_at: datetime
    stamped: datetime
    filled: Decimal = Decimal(0)
    state: VenueOrderState = VenueOrderState.OPEN

    def stated(self) -> VenueOrder:
        return VenueOrder(
            venue_order_id=f"v{self.number}",
            client_order_id=self.order.client_order_id,
            instrument=self.order.instrument,
            side=self.order.side,
            quantity=self.order.quantity,
            filled=self.filled,
            state=self.state,
        )
