"""Risk and execution of a real account, minute by minute, over a ledger and a venue in memory; both may die."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from execution_service import approved
from execution_service.real import RealAccount
from fanfold.errors import AT_ONCE, Conflict
from fanfold.ledger.approvals import Approvals
from fanfold.ledger.bookings import Bookings
from fanfold.ledger.orders import OrderRecord
from fanfold.ledger.real_changes import changes_of
from fanfold.market.bars import Bar
from fanfold.messages import (
    BarsClosed,
    ExecutionReport,
    LegStatus,
    Message,
    Order,
    OrdersApproved,
    Targets,
    TradingState,
)
from fanfold.records import TERMINAL
from fanfold.risk.exposure import RestingStop
from fanfold.risk.policy import prepare
from fanfold.simulation.ledger import MemoryLedger
from fanfold.simulation.schedules.at_venue import AtVenue
from fanfold.simulation.schedules.venue import RealVenue
from fanfold.simulation.stores import MemoryBus, MemoryPolls
from fanfold.strategy.contract import Protected
from risk_service.assess import PreTradeRisk
from support.core_desk import START, A, B, bars_message, instance, series
from support.crashes import Crash, Fuse, Mortal
from support.real_world import Events
from support.risk_world import Wanted, at, built, halted, targets_message

D = Decimal
LEG = ("slow", A)
STOPS = {"main": frozenset({"stop-limit"})}
PAIRS = {"main": frozenset({"stop-limit", "oco"})}
BOTH = Protected(0.5, stop=0.02, take_profit=0.05)


# What a strategy wants and what the price does, minute by minute.
Life = list[tuple[float | Protected | None, float]]


class RestingWorld:
    """A spot account of 10,000 at a venue where stops rest. ``fuse`` ends the process whose effect it burns down at."""

    def __init__(
        self, rests: dict[str, frozenset[str]] = STOPS, strategy: dict[str, Any] | None = None, **limits: Any
    ) -> None:
        slow = instance("breakout", timeframe="1d", allocation="1", **strategy or {})
        desk = built("spot", {"slow": slow}, **{"daily_loss_max": "1", "drawdown_max": "1"} | limits)
        live = {name: replace(account, mode="live") for name, account in desk.accounts.items()}
        self.desk = replace(desk, accounts=live)
        self.plan = prepare(self.desk, rests)
        self.bus, self.events = MemoryBus(), Events()
        self.ledger = MemoryLedger(self.bus)
        self.polls = MemoryPolls(self.ledger)
        self.now, self.fuse = at(0), Fuse(1_000_000, after=False)
        self.ledger.open("main", D(10_000), halted(TradingState.ACTIVE, "main"))
        self.venue = RealVenue(lambda: self.now)
        self.venue.fee_currency, self.venue.listed = "quote", dict(self.desk.instruments)
        self.waiting: list[Message] = []
        self._read = len(self.bus.messages)

    # The processes.

    def risk(self) -> PreTradeRisk:
        ports: list[Any] = [self.polls, Approvals(self.ledger.store, AT_ONCE)]
        polls, ledger = (Mortal(port, self.fuse) for port in ports)
        return PreTradeRisk(self.desk, self.plan, polls, ledger, lambda: self.now, AT_ONCE)

    def bookings(self) -> Any:
        return Mortal(Bookings(self.ledger.store, AT_ONCE, beside=changes_of(self.desk)), self.fuse)

    def execution(self) -> RealAccount:
        ports: list[Any] = [self.bookings(), Mortal(self.venue, self.fuse)]
        return RealAccount("main", self.desk, ports[0], ports[1], lambda: self.now, self.events)

    # Time.

    def minute(self, minute: int, targets: Wanted | None = None, a: float = 100) -> None:
        """Let a minute pass that ends at a price: the sweeps, then a poll, and what it leads to."""
        self.now = at(minute)
        self.venue.price(A, D(str(a)))
        self._handle(lambda: self.execution().sweep(self.ledger.live("main")))
        self.ledger.sweep()
        closes = START + 60 * minute
        bars = [series(name, [Bar(*[closes, *[round(price * 100)] * 4, 10**9])], closes - 60)
                for name, price in ((A, a), (B, 100))]  # fmt: skip
        message = bars_message(bars, f"p{minute}")
        self.waiting.append(message)
        if targets is not None:
            self.waiting.append(targets_message(minute, targets, "main", message.cause))
        self.deliver()

    def deliver(self) -> None:
        """Deliver messages until none is left; one whose process dies comes again."""
        for _ in range(100):
            self.waiting += self.bus.messages[self._read :]
            self._read = len(self.bus.messages)
            if not self.waiting:
                return
            if self._handle(lambda: self._take(self.waiting[0])):
                self.waiting.pop(0)
            else:
                self.ledger.sweep()
        raise AssertionError("messages come without an end")

    def _take(self, message: Message) -> None:
        if isinstance(message, BarsClosed):
            self.risk().on_bars(message)
            self.execution().polled(message)
        elif isinstance(message, Targets):
            self.risk().on_targets(message)
        elif isinstance(message, OrdersApproved):
            approved.withdraw(self.bookings(), message, self.execution().cancel)
            self.execution().place(message)
        elif isinstance(message, ExecutionReport):
            self.risk().on_matched(message)

    def _handle(self, act: Any) -> bool:
        """Act, and return whether that came to an end; the process of the next message lives."""
        try:
            act()
        except Crash:
            self.fuse = Fuse(1_000_000, after=False)
            return False
        except Conflict:
            return False
        return True

    # What is there.

    @property
    def stops(self) -> list[AtVenue]:
        """The stops that rest at the venue for the leg."""
        return self.venue.open_stops(*LEG)

    @property
    def noted(self) -> RestingStop | None:
        return self.ledger.real_money("main").stops.get(LEG)

    @property
    def held(self) -> Decimal:
        item = self.ledger.positions.get("main", {}).get(LEG)
        return item.position.totals[0] if item else D(0)

    def wants_stop(self) -> bool:
        """Return whether the leg holds a position that risk protects."""
        carried = self.polls.read("main").carried.protections
        return self.held > 0 and any(each.leg == LEG and not each.out for each in carried)

    def legs(self) -> list[str]:
        """Return what was told of the leg, oldest first."""
        statuses = {message.id: message for message in self.bus.messages if isinstance(message, LegStatus)}
        states = [state for message in statuses.values() for state in message.statuses]
        return [str(state.code) for state in states if (state.instance, state.instrument) == LEG]

    def orders(self) -> list[Order]:
        return [record.order for record in self.ledger.orders.values()]

    def live(self) -> list[OrderRecord]:
        return [record for record in self.ledger.orders.values() if record.state not in TERMINAL]

    def halt(self, state: TradingState) -> None:
        self.ledger.halt(halted(state, "main", self.now.isoformat()))


def bought(wanted: Protected, rests: dict[str, frozenset[str]] = STOPS, **limits: Any) -> RestingWorld:
    """Return a world in which the first minute's target was filled at 100, and the second placed its stop."""
    world = RestingWorld(rests, **limits)
    world.minute(1, {LEG: wanted})
    world.minute(2)
    return world


def end_at_each_call(make: Callable[[], RestingWorld], live: Callable[[RestingWorld, int], None]) -> None:
    """Let a world live once for each of its calls, with a process that ends at that call; see what it leaves."""
    nth, blown = 0, True
    while blown:
        nth += 1
        world = make()
        fuse = world.fuse = Fuse(nth, after=True)
        live(world, nth)
        blown = fuse.blown
        assert (world.venue.clashes, world.ledger.outbox) == ([], {}), nth
        assert world.stops or not world.wants_stop(), nth
        assert not world.ledger.real_money("main").frozen
    assert nth > 40


def live_protected(world: RestingWorld, life: Life, nth: int) -> None:
    """Live, with no position that lacks its stop for more than two polls after its last fill."""
    bare, held = 0, D(0)
    for minute in range(1, 8):
        wanted, price = life[minute - 1] if minute <= len(life) else (None, life[-1][1])
        world.minute(minute, None if wanted is None else {LEG: wanted}, a=price)
        assert len(world.stops) <= 1
        bare, held = bare if world.held == held else 0, world.held
        bare = bare + 1 if world.wants_stop() and not world.stops else 0
        assert bare <= 2, f"call {nth}, minute {minute}"
