"""The length of one order: a price moves, a strategy wants a position, and everything fails on its way to the books.

The desk is small, and begins warm and opened, so that a schedule takes milliseconds.
"""

from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any, NamedTuple

import msgspec

from fanfold import desk
from fanfold.aws.dynamodb import ledger
from fanfold.desk import Desk
from fanfold.market.bars import Bar
from fanfold.messages import Message, OrderState, TradingState
from fanfold.simulation.schedules import operators
from fanfold.simulation.schedules.diced_venue import DicedVenue, VenueWire
from fanfold.simulation.schedules.faults import KINDS, WHOLE_DESK, FaultDice, Hit
from fanfold.simulation.schedules.market import START, A, document, instance
from fanfold.simulation.schedules.order_market import (
    BUSY_MINUTES_MAX,
    HEALING_MINUTES_MAX,
    OUTAGE_MINUTES,
    WARM_MINUTES,
    OrderMarket,
)
from fanfold.simulation.schedules.prepared import Prepared
from fanfold.simulation.schedules.process import SERVICES
from fanfold.simulation.schedules.world import STATES, World

UNDER_WAY = (OrderState.APPROVED, OrderState.SUBMITTING)
# Each seed draws for each kind how often it comes, at each of its chances: those of a kind that has few are better.
USUAL_RATES = (0.0, 0.01, 0.08)
RATES = {
    "dead": (0.0, 0.0, 0.05, 0.2),
    "skew": (0.0, 0.0, 0.05, 0.2),
    "halt": (0.0, 0.0, 0.3, 0.7),
    "rotation": (0.0, 0.0, 0.1, 0.5),
    "deploy": (0.0, 0.0, 0.1, 0.5),
    "poison": (0.0, 0.0, 0.1, 0.5),
    "bars-missing": (0.0, 0.0, 0.2, 0.6),
    "bars-twice": (0.0, 0.0, 0.2, 0.5),
    "bars-late": (0.0, 0.0, 0.1, 0.3),
    "bars-out-of-order": (0.0, 0.0, 0.2, 0.4),
    "venue": (0.0, 0.2, 0.7),
    "outage": (0.0, 0.0, 0.0, 0.3),
}
# Batches have more than one order's messages, and neither market-data nor audit takes part.
ORDER_KINDS = tuple(kind for kind in KINDS if kind not in ("batch", *WHOLE_DESK))
# How many schedules let a minute's decision come about before anything fails.
SPARED = 0.7
POISON = ("", "{", '{"type": "unknown.v9"}', "[" * 2_000, '{"type": "targets.v1", "id": 7}', "\ud7ff")


class Variant(NamedTuple):
    """The account of a schedule, and how its strategy sends orders."""

    mode: str
    kind: str
    order: str


ACCOUNTS = (("live", "spot"), ("live", "spot"), ("paper", "spot"), ("paper", "margin"))
VARIANTS = tuple(Variant(mode, kind, order) for mode, kind in ACCOUNTS for order in ("market", "limit"))


@cache
def desk_of(variant: Variant, *, deployed: bool = False) -> Desk:
    """Return a desk of one strategy on one instrument; once more deployed, its limits are tighter."""
    file = document({"trend": instance(params={"fast": 1, "slow": 2}, instruments=[A], order=variant.order)})
    file["accounts"]["main"] |= {"kind": variant.kind, "participation_max": "0.1"}
    file["limits"]["main"] = {
        "order_notional_max": "2000" if deployed else "4000",
        "position_notional_max": "3000" if deployed else "6000",
    }
    built = desk.build(file, "simulated")
    account = msgspec.structs.replace(built.accounts["main"], mode=variant.mode)
    return msgspec.structs.replace(built, accounts={"main": account})


@cache
def prepared(variant: Variant) -> Prepared:
    """Return the cloud of a desk that was opened and has seen some minutes, without a fault."""
    world = OneOrder(0, variant, before=None)
    world.faults.on = False
    world.command({"action": "open", "account": "main", "reason": "start", "actor": "ann"})
    world.settle()
    for minute in range(1, WARM_MINUTES + 1):
        world.tick(minute)
        world.settle()
    return world.left()


# As many as there are variants, moves and volumes.
@cache
def polled(variant: Variant, bar: Bar) -> Prepared:
    """Return that cloud a minute later, without a fault: all that risk decides by waits for it, and it took nothing."""
    world = OneOrder(0, variant, before=prepared)
    world.faults.on = False
    world.market.bars[A][WARM_MINUTES] = bar
    world.listening = tuple(service for service in SERVICES if service != "risk")
    world.tick(WARM_MINUTES + 1)
    world.settle()
    return world.left()


class OneOrder(World):
    """A schedule. ``listed`` repeats it with these faults alone."""

    rates = RATES
    silent = True

    def __init__(
        self,
        seed: int,
        variant: Variant | None = None,
        *,
        before: Callable[[Variant], Prepared] | None = None,
        polled: Callable[[Variant, Bar], Prepared] | None = None,
        kinds: tuple[str, ...] = ORDER_KINDS,
        listed: tuple[Hit, ...] | None = None,
        traced: bool = False,
    ) -> None:
        self._seed = seed
        random, dice = Random(seed), Random(f"faults {seed}")
        self.variant = variant or random.choice(VARIANTS)
        rates = {kind: dice.choice(self.rates.get(kind, USUAL_RATES)) for kind in ORDER_KINDS}
        rates = {kind: rates[kind] for kind in kinds if kind in rates}
        faults = FaultDice(dice, rates, listed=listed, traced=traced)
        # A spot account holds nothing yet: it would not trade a fall.
        market = OrderMarket(random, begins_with_a_rise=self.variant.kind == "spot")
        self.spares_the_decision = random.random() < SPARED
        warm = before(self.variant) if before else None
        self._is_polled = polled is not None and self.spares_the_decision
        if polled is not None and self._is_polled:
            warm = polled(self.variant, market.bars[A][WARM_MINUTES])
        super().__init__(random, faults, desk_of(self.variant), market, warm)
        self.healed_at = WARM_MINUTES + 1 + random.choice((1, 1, BUSY_MINUTES_MAX))
        self.healing_minutes = random.choice((1, 1, 1, 1, 2))
        self.key_version = 1
        self.cloud.services["ssm"] = self._parameter
        self.secret = f"secret-{seed}"
        self.late_bars: list[Message] = []
        self.poisoned: list[str] = []
        # The dice of a second operator, whom few schedules have.
        self._second: Random | None = None
        self.venue = DicedVenue(self, Random(f"venue {seed}"))
        if self.variant.mode == "live":
            self.places |= {"live_venue": "v", "venue_secret": "/fanfold/live/venue"}

    @classmethod
    def of(cls, seed: int, **more: Any) -> "OneOrder":
        """Return the schedule of a seed, on a desk that is warm."""
        return cls(seed, before=prepared, polled=polled, **more)

    def left(self) -> Prepared:
        """Return what it leaves to schedules that begin with it; it ends."""
        left = Prepared(self.cloud, self.places, self.now)
        vars(self).clear()
        return left

    def run(self) -> "OneOrder":
        for minute in range(WARM_MINUTES + 1, self.healed_at):
            self._busy(minute)
        self.heal()
        return self

    def _busy(self, minute: int) -> None:
        if self.spares_the_decision:
            self._decide(minute)
        else:
            self.tick(minute)
        for steps in (self.random.randrange(60), self.random.randrange(60)):
            for _ in range(steps):
                if not self.step():
                    break
            self._upset()
        self.settle(until=START + 60 * (minute + 1))

    def _decide(self, minute: int) -> None:
        """Let a minute begin, and nothing fail until risk has approved an order, so that it has a way to go."""
        self.faults.on, self.spares_the_decision = False, False
        if not self._is_polled:
            self.tick(minute)
        while not self.witness.approvals and self.step():
            pass
        self.faults.on = True

    def tick(self, minute: int) -> None:
        """Let a minute begin: its bars come, and what rests at the venue may trade."""
        self.now = max(self.now, START + 60.0 * minute)
        if self.story is not None:
            self.tell(f"minute {minute} closes at {self.market.close(A, self.now)}")
        self.venue.move()
        bars, earlier, self.late_bars = self.market.minute(minute), self.late_bars, list[Message]()
        if self.faults.hit("bars-late") or self.faults.hit("bars-out-of-order"):
            self.late_bars.append(bars)
        elif not self.faults.hit("bars-missing"):
            self.topics.publish([bars])
        if self.faults.hit("bars-twice"):
            self.topics.publish([msgspec.structs.replace(bars, id=f"{bars.id}-again")])
        self.topics.publish(earlier)

    def _upset(self) -> None:
        if self.faults.hit("bars-late"):
            self.topics.publish(self.late_bars)
            self.late_bars.clear()
        if self.faults.hit("poison"):
            self.poisoned.append(self.random.choice(POISON))
            self.queues[self.random.choice(SERVICES)].send(self.poisoned[-1], {}, "poison", "")
        if self.faults.hit("halt"):
            self.halt(self.random.choice(STATES))
        if self.random.random() < 0.5:
            self.now += self.random.choice((0, 6, 12))
            self.sweep()
        if self.faults.hit("deploy"):
            self.deploy(desk_of(self.variant, deployed=True))
        if self.faults.hit("rotation"):
            self.key_version += 1

    def halt(self, state: TradingState) -> None:
        if self._second is None:
            self._second = Random(f"second operator {self._seed}")
        operators.set_state(self, state, self._second)

    def deploy(self, desk: Desk) -> None:
        """Let processes that begin from now on have another desk; those at work come to their end."""
        self.desk = desk
        self.desks.append(desk)
        for pool in self.warm.values():
            pool.clear()

    def heal(self) -> None:
        """Switch faults off: what is under way comes to its end, and time goes on."""
        first = self.healed_at
        outage = self.variant.mode == "live" and self._waiting() and self.faults.hit("outage")
        self.faults.on = False
        self.venue.lag_s = 0
        if outage:
            self.venue.silent = True
            for minute in range(first, first + OUTAGE_MINUTES):
                self._pass(minute)
            first += OUTAGE_MINUTES
        self.venue.silent = False
        self.tell("faults are over")
        for minute in range(first, first + HEALING_MINUTES_MAX):
            if minute >= first + self.healing_minutes and not self._waiting():
                return
            if not self._pass(minute):
                return

    def _pass(self, minute: int) -> bool:
        """Let a minute pass without faults; end it early, and return false, once nothing can come of it any more."""
        self.settle()
        if self._is_over():
            return False
        self.tick(minute)
        self.settle()
        if self._is_over():
            return False
        self.sweep()
        self.settle()
        return True

    def _is_over(self) -> bool:
        """Return whether no order ever was at a venue, none is on its way there, and nobody is owed a message."""
        tables = self.cloud.dynamodb.tables
        boxes = [items for name, items in tables["ledger"].partitions.items() if name.startswith("outbox#")]
        return not self.venue.orders and not any(tables["paper_book"].partitions.values()) and not any(boxes)

    def _waiting(self) -> bool:
        """Return whether something is still to become of an order, or of a position that is to be closed."""
        ids = [order.order_id for order in ledger.live(self.ledger, "main")]
        records = ledger.records(self.ledger, ids).values()
        # A venue that takes an order late ends the doubt about it; one that never has it leaves it for an operator.
        there = {placed.order.client_order_id for placed in self.venue.orders}
        for record in records:
            if record.state in UNDER_WAY and (not record.doubt or record.order.client_order_id in there):
                return True
        account = self.cloud.dynamodb.table("ledger").get(ledger.account_key("main"))
        if account is None or account["trading_state"]["S"] != TradingState.FLATTENING:
            return False
        return any(item.exposure.least for item in ledger.read(self.ledger, "main").positions.values())

    def outside(self, service: str) -> Callable[[str], Any] | None:
        live = self.variant.mode == "live" and service == "execution"
        return (lambda _account: VenueWire(self)) if live else None

    def _parameter(self, _operation: str, _parameters: Any) -> dict[str, Any]:
        """Return the venue's key, as Parameter Store does."""
        keys = msgspec.json.encode({"apiKey": "key", "secret": self.secret}).decode()
        return {"Parameter": {"Value": keys, "Version": self.key_version}}
