"""A month of the desk: each day two hours of every fault, and a daily close; then every law must hold."""

import gc
from collections import Counter
from random import Random
from typing import NamedTuple, Self

from fanfold.market import bars, timeframes
from fanfold.messages import BarsClosed
from fanfold.simulation.schedules import bar_laws, limit_laws
from fanfold.simulation.schedules.laws import EVERYWHERE, OF_FIVE_SERVICES, broken
from fanfold.simulation.schedules.market import START
from fanfold.simulation.schedules.outcome import Outcome
from fanfold.simulation.schedules.whole_desk import CLOSE_S, KINDS, WholeDesk

TIMEFRAME, LENGTH_S = "5m", 300
DAY_BARS = timeframes.DAY_S // LENGTH_S
# Laws of which each breach is a bar.
MISSED = tuple(
    law.__name__
    for law in (bar_laws.every_bar_is_published_or_reported, bar_laws.bars_that_the_venue_had_in_time_are_published)
)
# The bars of a day under fire; the first of them is drawn.
FIRE_BARS, EARLIEST, LATEST = 24, 24, DAY_BARS - 72
# The day before is closed at 00:20.
CLOSE_BAR = CLOSE_S // LENGTH_S
RATE, FEW_RATE = 0.01, 0.1
FEW = frozenset(kind for kind in KINDS if kind in ("silent", "skew", "batch", "dead") or "-" in kind)
# A month's decisions are too many to try every mark that each may have been made at.
LAWS = [law for law in (*EVERYWHERE, *OF_FIVE_SERVICES) if law.breaches.__module__ != limit_laws.__name__]


class SoakResult(NamedTuple):
    """A soak in figures. ``missed`` counts bars that are neither published nor reported, or were there and left out."""

    days: int
    due: int
    published: int
    messages: int
    orders: int
    fills: int
    faults: Counter[str]
    kinds_of_a_day: int
    closed: int
    broken: list[str]

    @property
    def missed(self) -> int:
        return sum(breach.startswith(MISSED) for breach in self.broken)


class Soak(WholeDesk):
    """A desk on paper, for so many days."""

    timeframe = TIMEFRAME
    repeats = False

    def __init__(self, seed: int, days: int) -> None:
        rates = {kind: FEW_RATE if kind in FEW else RATE for kind in KINDS}
        super().__init__(seed, minutes=days * DAY_BARS, rates=rates, traced=False)
        self.days, self._plan = days, Random(f"plan {seed}")
        self.kinds_by_day: list[set[str]] = []

    def run(self) -> Self:
        self.faults.on = False
        self.command({"action": "open", "account": "main", "reason": "start", "actor": "ann"})
        self.settle()
        try:
            for day in range(self.days):
                self._day(day)
                # What a day leaves is kept to the end: to look for garbage among it would cost more each day.
                gc.freeze()
        finally:
            gc.unfreeze()
        self._close_the_day()
        self.heal()
        return self

    def _day(self, day: int) -> None:
        begins, hits = self._plan.randrange(EARLIEST, LATEST), len(self.faults.hits)
        for number in range(1, DAY_BARS + 1):
            self.faults.on = begins <= number < begins + FIRE_BARS
            if number == begins + FIRE_BARS:
                self._resume()
            if day and number == CLOSE_BAR:
                self._close_the_day()
            self.minute(day * DAY_BARS + number)
            self.settle(until=START + self.length_s * (day * DAY_BARS + number + 1))
        self.kinds_by_day.append({hit.kind for hit in self.faults.hits[hits:]})

    def _resume(self) -> None:
        """Let the account trade again, whatever an operator or a loss did, and give audit what it put aside."""
        self.command({"action": "resume", "account": "main", "reason": "checked", "actor": "ann", "rearm": True})
        self.redrive()

    def _close_the_day(self) -> None:
        """Close the day before under faults, and once more without, as an operator does whom the alarm tells."""
        self.faults.on = True
        self.closed.run(self.clock())
        self.faults.on = False
        self.settle()
        self.closed.run(self.clock())


def soak(seed: int, days: int) -> SoakResult:
    """Run so many days of a seed, and judge them."""
    world = Soak(seed, days).run()
    outcome = Outcome(world)
    messages = outcome.messages_of(BarsClosed)
    published = {
        (series.instrument, bar.closes_at_s)
        for message in messages
        for series in bars.unpack(message.frames)
        for bar in series.bars
    }
    return SoakResult(
        days=days,
        due=len(world.source.versions),
        published=len(published),
        messages=len(outcome.unique),
        orders=len(outcome.records),
        fills=len(outcome.fills),
        faults=Counter(hit.kind for hit in world.faults.hits),
        kinds_of_a_day=min(map(len, world.kinds_by_day)),
        closed=len([key for key in world.cloud.s3.bucket("audit").objects if key.startswith("seals/")]),
        broken=broken(outcome, LAWS),
    )
