"""The best prices of an instrument, as a quote."""

from datetime import datetime
from decimal import Decimal, InvalidOperation

from fanfold.errors import VenueUnavailable
from fanfold.matching.prices import Quote
from fanfold.money import ZERO
from fanfold.venues.ccxt.client import Client


def quote_of(client: Client, instrument: str, now: datetime) -> Quote:
    """Return the best bid and ask now. Raises VenueUnavailable where there are none, or they cross."""
    bid, ask = client.touch(instrument)
    try:
        quote = Quote(Decimal(bid), Decimal(ask), now)
    except (TypeError, InvalidOperation):
        raise VenueUnavailable(f"{client.name} has no {instrument} prices: bid {bid}, ask {ask}") from None
    if not ZERO < quote.bid <= quote.ask:
        raise VenueUnavailable(f"{client.name} has no market in {instrument}: bid {bid}, ask {ask}")
    return quote
