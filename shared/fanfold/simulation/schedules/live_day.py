"""A desk day of a live account: its venue, too, loses answers, is late, and lets processes die at a call."""

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec

from fanfold.simulation.schedules.desk_day import DeskDay
from fanfold.simulation.schedules.diced_venue import VenueWire
from fanfold.simulation.schedules.venue import RealVenue


class LiveDay(DeskDay):
    """The desk, with a live account at a venue in memory."""

    def __init__(self, seed: int, **more: Any) -> None:
        super().__init__(seed, **more)
        account = msgspec.structs.replace(self.desk.accounts["main"], mode="live")
        self.desk = msgspec.structs.replace(self.desk, accounts={"main": account})
        self.places |= {"live_venue": account.venue}
        dice, self.lags = Random(f"venue {seed}"), Random(f"lag {seed}")
        self.venue = RealVenue(self.clock, dice)
        self.venue.listed = dict(self.desk.instruments)
        self.venue.fee_currency = dice.choice(["base", "quote", "BNB"])
        self.venue.named = dice.random() < 0.7

    def outside(self, service: str) -> Callable[[str], Any] | None:
        return (lambda _account: VenueWire(self)) if service == "execution" else super().outside(service)

    def minute(self, minute: int) -> None:
        self.venue.move()
        self.venue.lag_s = self.lags.choice((0, 0, 2, 10)) if self.faults.on else 0
        super().minute(minute)

    def heal(self) -> None:
        self.venue.random, self.venue.lag_s = None, 0
        super().heal()
