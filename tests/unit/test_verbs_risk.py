"""Risk's verb: a poll's parts in any order, twice, with crashes, come to one decision, one order an intent."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from random import Random
from typing import Any

import pytest

from fanfold import ids
from fanfold.errors import BadInput
from fanfold.ledger import orders
from fanfold.market.bars import Bar
from fanfold.matching.book import RestingOrder
from fanfold.matching.fills import Resolution
from fanfold.messages import (
    BarsClosed,
    ExecutionReport,
    Fill,
    Message,
    Order,
    OrdersApproved,
    OrdersRefused,
    OrderState,
    Target,
    Targets,
    TradingState,
    TradingStateChanged,
)
from fanfold.risk.policy import prepare
from fanfold.simulation.ledger import MemoryApprovals, MemoryLedger
from fanfold.simulation.stores import MemoryBus, MemoryPolls
from risk_service.assess import PreTradeRisk
from support.core_desk import START, A, B, bars_message, instance, series, small_desk
from support.crashes import Mortal, until_it_lives

DESK = small_desk(
    trend=instance(),
    hourly=instance("breakout", timeframe="1h"),
    hook=instance(allocation="0.1") | {"strategy": "external", "params": {}},
)
PLAN = prepare(DESK)
Part = BarsClosed | Targets | ExecutionReport


class World:
    """An account of 10,000, risk's stores, and a clock that stands two seconds after the newest poll."""

    def __init__(self, clock: Callable[[], datetime] | None = None) -> None:
        self.bus, self.gathering = MemoryBus(), MemoryPolls()
        self.ledger = MemoryLedger(self.bus)
        self.now = at(1) + timedelta(seconds=2)
        self.clock = clock or (lambda: self.now)
        told = TradingStateChanged(
            id="open", cause="x", at=at(0), account="main", state=TradingState.ACTIVE, reason="r", actor="a"
        )
        self.ledger.open("main", Decimal(10_000), told)

    def assessor(self, fuse: Any = None) -> PreTradeRisk:
        ports: list[Any] = [self.gathering, MemoryApprovals(self.ledger)]
        gathering, ledger = ports if fuse is None else [Mortal(port, fuse) for port in ports]
        return PreTradeRisk(DESK, PLAN, gathering, ledger, self.clock)

    def hear(self, *parts: Part, fuse: Any = None) -> None:
        assessor = self.assessor(fuse)
        for part in parts:
            hear(assessor, part)

    def told(self, kind: type[Message]) -> list[Any]:
        unique = {message.id: message for message in self.bus.messages}
        return [one for one in unique.values() if isinstance(one, kind)]

    def outcome(self) -> tuple[Any, ...]:
        """What was decided, whoever crashed on the way."""
        found = {order.order_id: order for one in self.told(OrdersApproved) for order in one.orders}
        account = self.ledger.accounts["main"]
        return found, account.reserved, {leg: item.open for leg, item in self.ledger.positions.get("main", {}).items()}

    def fill_all(self) -> None:
        """Every order fills at once at the venue."""
        records = list(self.ledger.orders.values())
        assert self.ledger.claim("main", [(one, orders.claim(one, self.now, 5)) for one in records])
        resolutions = [_filled(record.order) for record in records]
        self.ledger.publish(self.ledger.book("main", resolutions, poll(2, {})[2]), [])

    def check(self) -> None:
        live = self.ledger.orders.values()
        assert self.ledger.accounts["main"].reserved == sum((orders.held(one) for one in live), Decimal(0))
        assert self.ledger.outbox == {}
        assert {order.order_id for each in self.told(OrdersApproved) for order in each.orders} == set(
            self.ledger.orders
        )


def _filled(order: Order) -> Resolution:
    fill = Fill(
        trade_id=f"t-{order.order_id}",
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        account="main",
        venue="v",
        instance=order.instance,
        instrument=order.instrument,
        side=order.side,
        price=order.reference_price,
        quantity=order.quantity,
        fee=Decimal(0),
        liquidity="taker",
        at=order.decided_at,
    )
    return Resolution(resting=RestingOrder(order=order, filled=order.quantity), state=OrderState.FILLED, fills=(fill,))


def hear(assessor: PreTradeRisk, part: Part) -> None:
    if isinstance(part, BarsClosed):
        assessor.on_bars(part)
    elif isinstance(part, Targets):
        assessor.on_targets(part)
    else:
        assessor.on_matched(part)


def at(minute: int) -> datetime:
    return datetime.fromtimestamp(START + 60 * minute, UTC)


def poll(minute: int, weights: dict[str, float], parts: int = 1, timeframe: str = "1m") -> list[Part]:
    """Bars, targets and settlement of a minute; each instrument in a part of its own where there are two."""
    found: list[Part] = []
    split = [(A, B)] if parts == 1 else [(A,), (B,)]
    for part, names_ in enumerate(split, 1):
        name, closes = f"p{minute}", START + 60 * minute
        some = [series(one, [Bar(closes, 10_000, 10_100, 9_900, 10_000 + minute, 5)], closes - 60) for one in names_]
        wanted = [target(one, minute, weights[one], timeframe) for one in names_ if one in weights]
        found += [
            bars_message(some, name, part=part, parts=parts),
            Targets(
                id=f"t{minute}/{part}",
                cause="b",
                at=at(minute),
                account="main",
                poll_id=f"poll-{name}",
                part=part,
                parts=parts,
                targets=wanted,
            ),
            ExecutionReport(
                id=f"e{minute}/{part}",
                cause="b",
                at=at(minute),
                account="main",
                venue="v",
                matched=True,
                poll_id=f"poll-{name}",
                part=part,
                parts=parts,
            ),
        ]
    return found


def target(instrument: str, minute: int, weight: float, timeframe: str) -> Target:
    owner = "trend" if timeframe == "1m" else "hourly"
    signal = ids.derive("s", owner, instrument, minute)
    return Target(signal_id=signal, instance=owner, instrument=instrument, timeframe=timeframe, weight=weight)


POLL = poll(1, {A: 1.0, B: -1.0})


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_any_order_of_arrival_comes_to_the_same_orders(order: tuple[int, ...]) -> None:
    plain, world = World(), World()
    plain.hear(*POLL)
    world.hear(*(POLL[index] for index in order))
    assert world.outcome() == plain.outcome()
    assert len(world.outcome()[0]) == 2
    world.check()


@pytest.mark.parametrize("seed", range(20))
def test_parts_and_duplicates_in_any_order_and_by_any_process_come_to_one_decision(seed: int) -> None:
    parts, random = poll(1, {A: 1.0, B: -1.0}, parts=2), Random(seed)
    plain, world = World(), World()
    plain.hear(*parts)
    arrivals = parts + random.choices(parts, k=6)
    random.shuffle(arrivals)
    workers = [world.assessor() for _ in range(2)]
    for part in arrivals:
        hear(random.choice(workers), part)
    assert world.outcome() == plain.outcome()
    assert len(world.told(OrdersApproved)) == 2  # One of each part's targets.
    assert world.told(OrdersRefused) == []
    world.check()


def test_redelivered_bars_are_not_decided_on_again() -> None:
    world, noted = World(), []

    class Counting(MemoryPolls):
        def note(self, *state: Any, rearmed: bool = False, decided: str = "") -> None:
            noted.append(decided)
            super().note(*state, rearmed=rearmed, decided=decided)

    world.gathering = Counting()
    mine = world.assessor()
    for part in (*POLL[::-1], *POLL):
        hear(mine, part)
    assert noted == ["poll-p1"]


def test_nothing_is_decided_before_a_poll_is_complete() -> None:
    for missing in range(3):
        world = World()
        world.hear(*(part for index, part in enumerate(POLL) if index != missing))
        assert world.outcome()[0] == {}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", range(1, 12))
def test_a_crash_at_any_effect_leaves_one_order_an_intent_and_the_reservation_right(nth: int, after: bool) -> None:
    plain, world = World(), World()
    plain.hear(*POLL)

    def attempt(fuse: Any) -> None:
        world.ledger.sweep()
        world.hear(*POLL, fuse=fuse)

    until_it_lives(attempt, nth, after=after)
    assert world.outcome() == plain.outcome()
    world.check()


def test_targets_held_back_ten_minutes_end_in_refusals() -> None:
    world = World()
    world.hear(*POLL[::2], *poll(2, {}))
    world.now = at(11)
    world.hear(POLL[1])
    assert world.outcome()[0] == {}
    (refused,) = world.told(OrdersRefused)
    assert {refusal.code for refusal in refused.refusals} == {"STALE_SIGNAL"}
    assert len(refused.refusals) == 2


def test_a_target_that_a_newer_bar_has_overtaken_is_not_traded() -> None:
    world, flat = World(), poll(1, {A: 0.0, B: 0.0})
    world.hear(*flat)
    world.now = at(2) + timedelta(seconds=2)
    world.hear(*poll(2, {A: 0.5, B: -0.5}))
    world.fill_all()
    before = world.outcome()
    # The older poll again, from the queue: it would take the position back.
    world.hear(*flat)
    assert world.outcome() == before
    assert len(before[0]) == 2
    world.check()


def test_an_hours_target_is_not_overtaken_by_the_next_minute() -> None:
    world = World()
    world.hear(POLL[0])
    late = poll(1, {A: 1.0}, timeframe="1h")[1]
    world.now = at(2) + timedelta(seconds=2)
    world.hear(*poll(2, {}), late)
    assert [order.instance for order in world.outcome()[0].values()] == ["hourly"]


def test_two_concurrent_decisions_cannot_spend_the_same_cash() -> None:
    world = World()
    other: list[PreTradeRisk] = [world.assessor()]

    class Interleaved(MemoryApprovals):
        def approve(self, *given: Any) -> Any:
            # Between our read and our write the other one has decided.
            while other:
                worker = other.pop()
                for part in POLL:
                    hear(worker, part)
            return world.ledger.approve(*given)

    interleaved = Interleaved(world.ledger)
    interleaved.approve = Interleaved.approve.__get__(interleaved)
    mine = PreTradeRisk(DESK, PLAN, world.gathering, interleaved, world.clock)
    for part in POLL:
        hear(mine, part)
    plain = World()
    plain.hear(*POLL)
    assert world.outcome() == plain.outcome()
    world.check()


def test_a_halted_account_refuses_and_an_unknown_one_is_no_account() -> None:
    world = World()
    told = TradingStateChanged(
        id="halt", cause="x", at=at(0), account="main", state=TradingState.HALTED, reason="r", actor="a"
    )
    world.ledger.halt(told)
    world.hear(*POLL)
    assert {refusal.code for each in world.told(OrdersRefused) for refusal in each.refusals} == {"KILL_STATE"}
    with pytest.raises(BadInput, match="account 'other' is not in the desk"):
        world.hear(Targets(id="t", cause="b", at=at(1), account="other", poll_id="p", targets=[]))
