"""A live venue's best prices, and the pause that it demands, which all of execution's processes observe."""

from math import ceil
from typing import Protocol

from fanfold.matching.prices import Quote


class Market(Protocol):
    """A venue that may demand a pause until an epoch second; see fanfold.market.source.Paced."""

    def quote(self, instrument: str) -> Quote: ...

    def held_until(self) -> float: ...

    def hold(self, until: float) -> None: ...


class Pauses(Protocol):
    """The pauses that venues demanded of any process."""

    def until(self, venue: str) -> int: ...

    def store(self, venue: str, until: int) -> None: ...


class Quotes:
    """The quotes of one venue. Raises VenueUnavailable, and sends no request, during a pause that it demanded."""

    def __init__(self, venue: str, market: Market, pauses: Pauses) -> None:
        self._venue = venue
        self._market = market
        self._pauses = pauses

    def quote(self, instrument: str) -> Quote:
        """Return the best bid and ask now."""
        known = self._pauses.until(self._venue)
        self._market.hold(known)
        try:
            return self._market.quote(instrument)
        finally:
            held = ceil(self._market.held_until())
            if held > known:
                self._pauses.store(self._venue, held)
