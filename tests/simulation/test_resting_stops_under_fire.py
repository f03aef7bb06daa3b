"""Resting stops under faults of the venue and of the processes: never two, never a sale beside one, none for ever gone.

Each law sees its fault: with one guard switched off, some seed breaks it.
"""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

import pytest

from execution_service import replace
from execution_service.place import Clearance
from fanfold.ledger import booking, real_changes
from fanfold.messages import TradingState
from fanfold.risk import decision, resting_stops
from fanfold.strategy.contract import Protected
from fanfold.trading.answers import VenueOrderState
from support.crashes import Fuse
from support.resting_world import LEG, PAIRS, STOPS, RestingWorld

D = Decimal
SEEDS = range(160)
MINUTES = 25
# Once nothing fails, so many polls end at most at which a position that wants a stop has none.
BARE_MAX = 3
PROTECTED = (Protected(0.5, stop=0.02), Protected(0.3, stop=0.03), Protected(0.5, trail=0.02), Protected(0.4, stop=0.1))
WANTED = (*PROTECTED, *PROTECTED, Protected(0.0), 0.4)
FALLING, RISING = (0.95, 0.98, 0.995, 1, 1, 1.005, 1.02), (0.97, 0.995, 1, 1, 1.005, 1.02, 1.05)
# The same with a profit that rests beside each stop.
BOTH = tuple(each._replace(take_profit=share) for each, share in zip(PROTECTED, (0.005, 0.02, 0.01, 0.03), strict=True))
# Positions that are made smaller often.
PARTS = (Protected(0.9, stop=0.1), Protected(0.5, trail=0.08), Protected(0.2, stop=0.1), Protected(0.0))
# By kind: where stops rest, what is wanted, how the price moves, and the kind of orders beside them.
RESTS: dict[str, tuple[Any, ...]] = {
    "stops": (STOPS, WANTED, FALLING, "market"),
    "limits": (STOPS, (*PARTS, *PARTS[:3]), RISING, "limit"),
    "pairs": (PAIRS, (*BOTH, *BOTH, *BOTH, PROTECTED[0], *WANTED[-2:]), RISING, "market"),
}
STATES = (
    TradingState.ACTIVE,
    TradingState.ACTIVE,
    TradingState.REDUCE_ONLY,
    TradingState.HALTED,
    TradingState.FLATTENING,
)


def burnt(
    seed: int, kind: str = "stops", watch: Callable[[RestingWorld], None] = lambda _world: None
) -> tuple[RestingWorld, list[str]]:
    """A world after faults and some quiet minutes, and what was wrong on the way; ``watch`` sees each minute's end."""
    dice, wrong, (rests, choices, moves, order) = Random(f"stops {seed}"), list[str](), RESTS[kind]
    strategy = {"order": order, "order_ttl_s": 300}
    world, price, deadly = RestingWorld(rests, strategy), 100.0, dice.choice([0, 0, 60])
    world.venue.random = Random(f"venue {seed}")
    for minute in range(1, MINUTES):
        if deadly:
            world.fuse = Fuse(dice.randint(1, deadly), after=dice.random() < 0.5)
        price *= dice.choice(moves)
        if dice.random() < 0.3:
            world.halt(dice.choice(STATES))
        world.venue.move()
        world.minute(minute, {LEG: dice.choice(choices)} if dice.random() < 0.4 else None, a=round(price, 2))
        wrong += ["two stops rest"] if len(world.stops) > 1 else []
        watch(world)
    world.fuse, world.venue.random = Fuse(1_000_000, after=False), None
    world.halt(TradingState.ACTIVE)
    bare = 0
    for minute in range(MINUTES, MINUTES + 8):
        world.minute(minute, {LEG: choices[0]} if minute == MINUTES else None, a=round(price, 2))
        bare += world.wants_stop() and not world.stops
    wrong += [f"the position was without a stop for {bare} polls"] if bare > BARE_MAX else []
    return world, wrong + after_all(world)


def after_all(world: RestingWorld) -> list[str]:
    """Return what is wrong once nothing has failed for a while."""
    wrong, real = ["more was on sale than was held"] if world.venue.clashes else [], world.ledger.real_money("main")
    if world.held != real.flows.get("BTC", 0):
        wrong.append(f"{world.held} is booked, the trades come to {real.flows.get('BTC', 0)}")
    if world.held < 0:
        wrong.append("more was sold than was held")
    if world.wants_stop() != bool(world.stops):
        wrong.append(f"{world.held} is held, and {len(world.stops)} stops rest for it")
    resting = [stop.order.quantity for stop in world.stops]
    # The venue fills halves of a lot.
    if any(world.held - quantity not in (0, D("0.0005")) for quantity in resting):
        wrong.append(f"{world.held} is held, and a stop for {resting} rests")
    live = {record.order.order_id for record in world.live() if record.order.protects}
    if live != {stop.order_id for stop in real.stops.values() if not stop.ended}:
        wrong.append("what is noted of stops is not what is live")
    if len(live) > 1:
        wrong.append("two stops are live in the books")
    return wrong


@pytest.mark.parametrize("kind", RESTS)
@pytest.mark.parametrize("first", range(0, len(SEEDS), 20))
def test_under_every_seed_a_stop_rests_once_and_alone(first: int, kind: str) -> None:
    wrong = {seed: breaches for seed in SEEDS[first : first + 20] if (breaches := burnt(seed, kind)[1])}
    assert wrong == {}


def test_stops_rest_beside_limit_orders_that_sell_a_part() -> None:
    both = []

    def watch(world: RestingWorld) -> None:
        placed = [each for each in world.venue.orders if each.state is VenueOrderState.OPEN]
        both.append({each.order.kind for each in placed if each.order.side == "sell"} == {"limit", "stop"})

    for seed in SEEDS:
        burnt(seed, "limits", watch)
    assert sum(both) > 5


def test_pairs_are_placed_and_end_by_profits_and_by_stops() -> None:
    sold = {"profit": 0, "stop": 0}
    for seed in SEEDS[:40]:
        world = burnt(seed, "pairs")[0]
        pairs = {f"v{each.number}": each.order for each in world.venue.orders if each.order.profit_price}
        for _, trade in world.venue.traded:
            if trade.venue_order_id in pairs:
                sold["profit" if trade.price >= (pairs[trade.venue_order_id].profit_price or 0) else "stop"] += 1
    assert min(sold.values()) > 5, sold


def test_the_seeds_reach_the_rare_states() -> None:
    reasons = [record.reason for seed in SEEDS for record in burnt(seed)[0].ledger.orders.values()]
    for text in ("is in its place", "was faster", "another stop, or none", "the account is "):
        assert any(text in reason for reason in reasons), text


class Guard(NamedTuple):
    """A function that keeps stops safe, and what replaces it in a mutant."""

    module: Any
    name: str
    off: Callable[[Any], Any]


GUARDS = {
    "an exit waits for the end of its stop": Guard(
        replace.Replacer, "clear", lambda _was: lambda *_given: Clearance(ended=True)
    ),
    "an exit names its stop": Guard(decision, "_replaced", lambda _was: lambda *_given: False),
    "a fill of a stop is noted": Guard(
        real_changes, "resting", lambda was: lambda record: was(record).__class__(
            order_id=was(record).order_id, quantity=was(record).quantity, price=was(record).price,
            ended=was(record).ended)
    ),
    "a stop is none of what live orders may fill": Guard(
        booking, "expected", lambda _was: lambda orders: {each.leg: -each.quantity for each in orders}
    ),
    "a stop that is out of date is withdrawn": Guard(
        resting_stops, "_outdated", lambda _was: lambda *_given: False
    ),
    "a stop is placed at the next poll": Guard(
        resting_stops, "stop_of", lambda was: lambda *arguments, at, **more: (
            was(*arguments, at=at, **more) if at.minute % 8 == 0 else None
        )
    ),
}  # fmt: skip


@pytest.mark.parametrize("guard", GUARDS)
def test_without_a_guard_some_seed_goes_wrong(guard: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = GUARDS[guard]
    monkeypatch.setattr(known.module, known.name, known.off(getattr(known.module, known.name)))

    def goes_wrong(seed: int) -> bool:
        try:
            return bool(burnt(seed)[1])
        except Exception:  # noqa: BLE001 - Whatever breaks is seen.
            return True

    assert any(goes_wrong(seed) for seed in SEEDS)
