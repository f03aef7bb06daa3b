"""The real venue of a schedule, whose faults the schedule's dice decides, and the way to it."""

from datetime import datetime
from random import Random
from typing import Any, Protocol

import msgspec
from greenlet import getcurrent

from fanfold.errors import VenueUnavailable
from fanfold.messages import Order
from fanfold.simulation.schedules.at_venue import AtVenue
from fanfold.simulation.schedules.faults import Crash, FaultDice
from fanfold.simulation.schedules.venue import PLACING, RealVenue
from fanfold.trading.answers import Placed, Rejected, Unknown, VenueOrder
from fanfold.trading.venue import OrderRequest

# A late order meets a look-up before it arrives in few schedules only.
PLACED = (*PLACING[1:], "late", "late")
# How late a request comes that is late: within its window, which is 5 s, and after all look-ups that bring certainty.
LATE_S = (3, 4, 4, 45)
# How many venues take a request however late it comes.
UNFENCED = 0.15
# Codes of rejections, in words.
REJECTIONS = {"-1021": "a request that comes after its deadline", "duplicate": "an id that rests already"}


class Trader(Protocol):
    """A world with a venue."""

    faults: FaultDice
    story: list[str] | None

    def tell(self, text: str) -> None: ...

    @property
    def venue(self) -> RealVenue: ...


class VenueWire:
    """The way to the venue: every call of it is a point at which the process may be stopped."""

    def __init__(self, world: Trader) -> None:
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
            if self._world.story is not None:
                self._world.tell(f"the venue is asked to {name.replace('_', ' ')}: {_in_short(answer)}")
            if faults.hit("after"):
                raise Crash
            return answer

        return call


class DicedVenue(RealVenue):
    """The venue. Its own dice says what becomes of orders that rest, and which fault it is that comes."""

    def __init__(self, world: Any, dice: Random) -> None:
        super().__init__(world.clock)
        self._world, self._dice = world, dice
        self._missed = set[str]()
        self.listed = dict(world.desk.instruments)
        self.fee_currency = dice.choice(["base", "quote", "BNB"])
        self.named = dice.random() < 0.7
        self.lag_s = dice.choice((0, 0, 2, 10))
        self.late_s = dice.choice(LATE_S)
        if dice.random() < UNFENCED:
            self.terms = msgspec.structs.replace(self.terms, fence="")

    def _fault(self) -> str:
        return self._dice.choice(PLACED) if self._world.faults.hit("venue") else ""

    def _read(self) -> None:
        self.settle()
        if self.silent or self._world.faults.hit("silent"):
            raise VenueUnavailable("box: no answer")

    def find(self, order: Order, venue_order_id: str = "") -> VenueOrder | None:
        stated = super().find(order, venue_order_id)
        if stated is None:
            self._missed.add(order.client_order_id)
        return stated

    def _accept(self, request: OrderRequest, fault: str, at: datetime | None = None) -> AtVenue | str:
        accepted = super()._accept(request, fault, at)
        if isinstance(accepted, str):
            self._world.reached[f"the venue rejects {REJECTIONS[accepted]}"] += 1
        elif request.order.client_order_id in self._missed and at is not None:
            self._world.reached["the venue accepts an order late, after it was not found"] += 1
        elif at is not None:
            self._world.reached["the venue accepts an order late"] += 1
        return accepted

    def move(self) -> None:
        """Let late requests arrive, and what rests fill a little, or be canceled by the venue."""
        self.random = self._dice
        super().move()
        self.random = None


def _in_short(answer: Any) -> str:
    """Name an answer for the story."""
    stated = answer.order if isinstance(answer, Placed) else answer
    match stated:
        case VenueOrder():
            return f"it is {stated.state}, {stated.filled} filled"
        case Unknown() | Rejected():
            return f"{type(stated).__name__.lower()}: {stated.why if isinstance(stated, Unknown) else stated.code}"
        case list() | tuple() | dict():
            return f"{len(stated)} of them"
        case _:
            return "nothing there" if stated is None else "an answer"
