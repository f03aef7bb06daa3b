"""A live venue's best prices, and the pause that it asks for, which all of execution's processes keep to."""

from math import ceil
from typing import Protocol

from fanfold.matching.prices import Quote


class Market(Protocol):
    """A venue that may want to be left alone until an epoch second; see fanfold.market.source.Paced."""

    def quote(self, instrument: str) -> Quote: ...

    def held_until(self) -> float: ...

    def hold(self, until: float) -> None: ...


class Pauses(Protocol):
    """Until when a venue wants to be left alone, as any process was told."""

    def until(self, venue: str) -> int: ...

    def keep(self, venue: str, until: int) -> None: ...


class Quotes:
    """The quotes of one venue. Raises VenueUnavailable, and asks nothing, while it wants to be left alone."""

    def __init__(self, venue: str, market: Market, pauses: Pauses) -> None:
        self._venue = venue
        self._market = market
        self._pauses = pauses

    def quote(self, instrument: str) -> Quote:
        """Best bid and ask now."""
        known = self._pauses.until(self._venue)
        self._market.hold(known)
        try:
            return self._market.quote(instrument)
        finally:
            held = ceil(self._market.held_until())
            if held > known:
                self._pauses.keep(self._venue, held)
