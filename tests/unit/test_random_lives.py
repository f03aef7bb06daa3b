"""Lives of a leg at a real venue under every fault: sales that are live are never for more than it holds."""

from random import Random

from msgspec.structs import replace

from fanfold.ledger.booking import Pending
from fanfold.messages import TradingState
from fanfold.simulation.schedules.venue import TERMS
from fanfold.strategy.contract import Protected
from fanfold.trading.answers import VenueOrderState
from support.resting_world import LEG, PAIRS, STOPS, RestingWorld

ORDERS = (None, {"order": "limit", "order_ttl_s": 7_200}, {"order": "post-only", "order_ttl_s": 3_600})
FAULTS = ("lost before", "rests", "partly", "slow", "lost after", "late")
# No later state is looser, which an operator would have to name the one before for.
STATES = (TradingState.ACTIVE, TradingState.REDUCE_ONLY, TradingState.FLATTENING)


def began(random: Random) -> RestingWorld:
    world = RestingWorld(random.choice([{}, STOPS, PAIRS]), random.choice(ORDERS))
    world.venue.terms = replace(TERMS, fence=random.choice(["", TERMS.fence]), cancels_all_after=False)
    return world


def lose_an_order(world: RestingWorld, random: Random) -> None:
    """Let the venue know no more of an order that rests there, if there is one."""
    resting = [placed for placed in world.venue.orders if placed.state is VenueOrderState.OPEN and not placed.filled]
    entries = [placed for placed in resting if not placed.order.protects]
    if entries:
        world.venue.orders.remove(random.choice(entries))


def wanted(random: Random) -> float | Protected:
    weight = random.choice([0.0, 0.2, 0.5, 0.8, 1.0])
    return (
        Protected(weight, stop=0.02, trail=random.choice([0.0, 0.03])) if weight and random.random() < 0.6 else weight
    )


def check(world: RestingWorld) -> bool:
    """Hold the books against the live orders; return whether both sides are live."""
    pending = Pending()
    for record in world.live():
        if not record.order.protects:
            pending = pending.moved(record.order.side, record.remaining)
    stored = world.ledger.positions.get("main", {}).get(LEG)
    assert (stored.open, stored.sales) == pending if stored else pending == Pending()
    assert 0 <= -pending.sales <= world.held
    assert world.venue.clashes == []
    return pending.sales < 0 and pending.quantity > pending.sales


def test_no_position_crosses_zero_whatever_its_orders_do() -> None:
    both_sides = 0
    for seed in range(60):
        random = Random(seed)
        world, price, state = began(random), 100.0, 0
        for minute in range(1, 30):
            price *= 1 + random.uniform(-0.015, 0.015)
            world.venue.faults = [random.choice(FAULTS)] if random.random() < 0.5 else []
            if random.random() < 0.05:
                lose_an_order(world, random)
            if random.random() < 0.02 and state < 2:
                state += 1
                world.halt(STATES[state])
            target = {LEG: wanted(random)} if random.random() < 0.5 else None
            world.minute(minute, target, a=round(price, 2))
            both_sides += check(world)
    # Exits did go out past entries.
    assert both_sides >= 10
