"""The port to a venue that takes real orders of one account.

``place``, ``cancel`` and ``request_cancel`` answer with values whatever happens. Everything that only reads raises
VenueUnavailable where the venue gives no usable answer: no answer is never "nothing there".
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

import msgspec

from fanfold.desk import Instrument
from fanfold.errors import VenueUnavailable
from fanfold.matching.prices import Quote
from fanfold.messages import Order
from fanfold.trading.answers import Outcome, Unknown, VenueOrder, VenueTrade
from fanfold.trading.terms import VenueTerms


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A claimed order: its request carries the time of the claim, and the venue takes it until the deadline."""

    order: Order
    claimed_at: datetime
    deadline: datetime


class TradingVenue(Protocol):
    """A venue, under the key of one account."""

    @property
    def terms(self) -> VenueTerms:
        """Return the terms on which the venue takes orders."""

    def place(self, request: OrderRequest) -> Outcome:
        """Send one request, once, stamped with the time of its claim. It is never sent again from inside."""

    def find(self, order: Order, venue_order_id: str = "") -> VenueOrder | None:
        """Return the order by its client order id, open or ended; None where the venue says that it has none now.

        Where its venue's id is known, that is used if the venue finds nothing else.
        """

    def cancel(self, order: Order, venue_order_id: str) -> VenueOrder | Unknown:
        """Cancel an order. Return its state at the venue after that, which may be FILLED, or Unknown."""

    def request_cancel(self, order: Order, venue_order_id: str) -> str:
        """Ask to cancel an order that the venue has named, and look nothing up; return what went wrong, or ""."""

    def open_orders(self) -> Sequence[VenueOrder]:
        """Return every open order of the key, whoever placed it; one that cannot be read is left out, and rings."""

    def trades(self, instrument: str, since: datetime) -> Sequence[VenueTrade]:
        """Return every trade of the key in an instrument at or after a time, oldest first."""

    def trades_of_all(
        self, instruments: Collection[str], since: datetime
    ) -> Mapping[str, Sequence[VenueTrade] | VenueUnavailable]:
        """Return the same of several instruments, by one reading of the account; a fault is of its instrument alone."""

    def balances(self) -> Mapping[str, Decimal]:
        """Return what the key holds by currency, free and locked together; none of it is left out."""

    def quote(self, instrument: str) -> Quote:
        """Return the best bid and ask now."""

    def rules(self, instrument: str, since: datetime) -> Instrument | None:
        """Return the rules of an instrument as the venue stated them at ``since`` or later; None: it is not listed."""

    def worth(self, currency: str, quote: str) -> Decimal | None:
        """Return what a unit of a currency costs in another at the venue now; None where it gives no such price."""

    def arm_cancel_all(self, within_s: int) -> bool:
        """Ask the venue to cancel everything unless asked again in time; 0 disarms. False where it cannot."""
