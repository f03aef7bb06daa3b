"""A desk day of a live account: its venue, too, loses answers, is late, and lets processes die at a call."""

from random import Random
from typing import TYPE_CHECKING, Any

import msgspec
from greenlet import getcurrent

from fanfold.simulation.schedules.desk_day import DeskDay
from fanfold.simulation.schedules.faults import Crash
from fanfold.simulation.schedules.process import ServiceProcess
from fanfold.simulation.schedules.venue import RealVenue

if TYPE_CHECKING:
    from fanfold.simulation.schedules.outcome import Outcome


class VenueWire:
    """The way to the venue: every call of it is a point at which the process may be stopped."""

    def __init__(self, world: "LiveDay") -> None:
        self._world = world

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._world.venue, name)
        if not callable(method):
            return method

        def call(*parameters: Any) -> Any:
            getcurrent().parent.switch()
            faults = self._world.faults
            faults.note("venue", name)
            if faults.hit("before"):
                raise Crash
            answer = method(*parameters)
            if faults.hit("after"):
                raise Crash
            return answer

        return call


class LiveDay(DeskDay):
    """The desk, with a live account at a venue in memory."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        account = msgspec.structs.replace(self.desk.accounts["main"], mode="live")
        self.desk = msgspec.structs.replace(self.desk, accounts={"main": account})
        self.places |= {"live_venue": account.venue}
        dice, self.lags = Random(f"venue {seed}"), Random(f"lag {seed}")
        self.venue = RealVenue(self.clock, dice)
        self.venue.listed = dict(self.desk.instruments)
        self.venue.fee_currency = dice.choice(["base", "quote", "BNB"])
        self.venue.named = dice.random() < 0.7

    def cold(self, service: str) -> ServiceProcess:
        venue = (lambda _account: VenueWire(self)) if service == "execution" else None
        return ServiceProcess(service, self.call, self.clock, self.desk, self.places, venue)

    def minute(self, minute: int) -> None:
        self.venue.move()
        self.venue.lag_s = self.lags.choice((0, 0, 2, 10)) if self.faults.on else 0
        super().minute(minute)

    def heal(self) -> None:
        self.venue.random, self.venue.lag_s = None, 0
        super().heal()


def venue_of(outcome: "Outcome") -> RealVenue:
    """Return the venue of a live world."""
    assert isinstance(outcome.world, LiveDay)
    return outcome.world.venue
