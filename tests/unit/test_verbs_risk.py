"""Risk's verb: a poll's parts in any order, twice, with crashes, come to one decision, one order an intent."""

from datetime import timedelta
from itertools import permutations
from random import Random
from typing import Any

import pytest

from fanfold.errors import AT_ONCE, BadInput
from fanfold.messages import (
    OrdersApproved,
    OrdersRefused,
    Targets,
    TradingState,
    TradingStateChanged,
)
from fanfold.simulation.ledger import MemoryApprovals
from fanfold.simulation.stores import MemoryPolls
from risk_service.assess import PreTradeRisk
from support.core_desk import A, B
from support.crashes import until_it_lives
from support.polled_risk import DESK, PLAN, World, at, hear, poll

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
    assert len(world.messages_of(OrdersApproved)) == 2  # One of each part's targets.
    assert world.messages_of(OrdersRefused) == []
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
    (refused,) = world.messages_of(OrdersRefused)
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
        def approve(self, *arguments: Any) -> Any:
            # Between our read and our write the other one has decided.
            while other:
                worker = other.pop()
                for part in POLL:
                    hear(worker, part)
            return world.ledger.approve(*arguments)

    interleaved = Interleaved(world.ledger)
    interleaved.approve = Interleaved.approve.__get__(interleaved)
    mine = PreTradeRisk(DESK, PLAN, world.gathering, interleaved, world.clock, AT_ONCE)
    for part in POLL:
        hear(mine, part)
    plain = World()
    plain.hear(*POLL)
    assert world.outcome() == plain.outcome()
    world.check()


def test_a_halted_account_refuses_and_an_unknown_one_is_no_account() -> None:
    world = World()
    change = TradingStateChanged(
        id="halt", cause="x", at=at(0), account="main", state=TradingState.HALTED, reason="r", actor="a"
    )
    world.ledger.halt(change)
    world.hear(*POLL)
    assert {refusal.code for each in world.messages_of(OrdersRefused) for refusal in each.refusals} == {"KILL_STATE"}
    with pytest.raises(BadInput, match="account 'other' is not in the desk"):
        world.hear(Targets(id="t", cause="b", at=at(1), account="other", poll_id="p", targets=[]))
