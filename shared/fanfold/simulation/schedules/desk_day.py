"""A desk of three strategies for some minutes of bars, with what an operator and a webhook send in between."""

from random import Random
from typing import Self

from fanfold.market import timeframes
from fanfold.messages import Target, Targets
from fanfold.simulation.schedules import operators
from fanfold.simulation.schedules.faults import FaultDice, drawn
from fanfold.simulation.schedules.market import START, B, SeededMarket, desk_of
from fanfold.simulation.schedules.witness import MAIN
from fanfold.simulation.schedules.world import STATES, World

MINUTES = 12
HEALING_MINUTES = 9


class DeskDay(World):
    """The desk under fire, and then healed."""

    timeframe = "1m"
    accounts: tuple[str, ...] = (MAIN,)
    healing_minutes = HEALING_MINUTES

    def __init__(self, seed: int, minutes: int = MINUTES, faults: FaultDice | None = None) -> None:
        """Run for so many bars, and some to heal; they are minutes where the timeframe is no other."""
        random = Random(seed)
        faults, limits = faults or FaultDice(random, drawn(random)), Random(f"limits {seed}")
        desk = desk_of(random, limits, self.timeframe)
        market = SeededMarket(random, minutes + self.healing_minutes, self.timeframe)
        self.length_s = timeframes.seconds(self.timeframe)
        self.quiet, self.halts = random.random() < 0.5, random.random() < 0.7
        self.minutes = minutes
        self.second = Random(f"second operator {seed}")
        super().__init__(random, faults, desk, market)

    def run(self) -> Self:
        for account in self.accounts:
            self.command({"action": "open", "account": account, "reason": "start", "actor": "ann"})
        self.until_quiet()
        for minute in range(1, self.minutes + 1):
            self.minute(minute)
        self.heal()
        return self

    def minute(self, minute: int) -> None:
        self.now = max(self.now, START + float(self.length_s * minute))
        self.bring_bars(minute)
        self._upset(minute)
        if self.quiet or not self.faults.on:
            self.until_quiet()
        else:
            for _ in range(self.random.randrange(200)):
                self.step()

    def bring_bars(self, minute: int) -> None:
        """Publish the bars of a minute, as market-data does."""
        self.topics.publish([self.market.minute(minute)])

    def _upset(self, minute: int) -> None:
        """Send what comes from outside besides bars, somewhere in the minute."""
        if not self.faults.on:
            return
        if self.halts and self.random.random() < 0.3:
            for _ in range(self.random.randrange(60)):
                self.step()
            operators.set_state(self, self.random.choice(STATES), self.second)
        if self.random.random() < 0.2:
            self.topics.publish([self._external(minute)])
        if self.random.random() < 0.3:
            self.sweep()

    def _external(self, minute: int) -> Targets:
        """Return a signal from outside, decided in the middle of a bar."""
        target = Target(
            signal_id=f"told-{minute}",
            instance="told",
            instrument=B,
            timeframe=self.timeframe,
            weight=self.random.choice((0.0, 0.5, 1.0)),
        )
        return Targets(
            id=f"told-{minute}", cause="webhook", at=self.clock(), account="main", poll_id="", targets=[target]
        )

    def heal(self) -> None:
        """Switch faults off: what is under way comes to its end, and time goes on."""
        self.faults.on = False
        for minute in range(self.minutes + 1, self.minutes + self.healing_minutes + 1):
            self.until_quiet()
            self.sweep()
            self.until_quiet()
            self.minute(minute)
        self.sweep()
        self.until_quiet()
