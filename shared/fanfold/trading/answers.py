"""The answers of a venue that takes real orders: values, of which only a definitive one says what became of an order.

A venue's order and trade are as it states them, under its own ids; amounts are exact.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal

import msgspec

from fanfold.messages import Side
from fanfold.money import ZERO
from fanfold.records import Charge

__all__ = ["Charge", "Outcome", "Placed", "Rejected", "Unknown", "VenueOrder", "VenueOrderState", "VenueTrade"]


class VenueOrderState(StrEnum):
    """The state of an order at its venue. OPEN counts an order that is partly filled, and a stop that waits."""

    OPEN = "OPEN"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"


class VenueOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order as its venue states it. ``client_order_id`` is "" where it was placed without one."""

    venue_order_id: str
    client_order_id: str
    instrument: str
    side: Side
    quantity: Decimal
    filled: Decimal
    state: VenueOrderState
    reason: str = ""


class VenueTrade(msgspec.Struct, frozen=True, kw_only=True):
    """An execution of one of the account's orders, as its venue states it.

    ``client_order_id`` is "" where the venue's trades do not name it; ``venue_order_id`` always is named.
    """

    trade_id: str
    venue_order_id: str
    client_order_id: str = ""
    instrument: str
    side: Side
    price: Decimal
    quantity: Decimal
    charges: tuple[Charge, ...] = ()
    liquidity: Literal["taker", "maker"]
    at: datetime


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """The venue has the order. ``trades`` are those that its answer held; others are still to be fetched."""

    order: VenueOrder
    trades: tuple[VenueTrade, ...] = ()

    @property
    def whole(self) -> bool:
        """Return whether the trades account for all that the order has filled."""
        return sum((trade.quantity for trade in self.trades), ZERO) == self.order.filled


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """The venue will never have the order of this request; ``code`` is the venue's own.

    Where only the request ``lapsed``, late, early or one too many, the same order may be sent again under a new claim.
    An order that is ``unfit`` breaks a rule of its instrument, such as the tick, as far as can be said.
    """

    code: str
    detail: str = ""
    lapsed: bool = False
    unfit: bool = False


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody knows whether the venue has, or will have, the order of this request."""

    why: str


Outcome = Placed | Rejected | Unknown
