"""Orders at a real venue: at most one for each intent, whatever is lost, late, or stopped on the way."""

from datetime import timedelta

import pytest
from msgspec import structs

from fanfold.messages import OrderState, TradingState
from fanfold.simulation.schedules.venue import TERMS
from fanfold.trading.answers import Outcome
from fanfold.trading.venue import OrderRequest
from support.core_desk import A, B
from support.real_world import D, RealWorld, dies, laws, order

NAMES = ["lost before", "lost after", "late", "error after", "rejected", "partly", "rests", "slow", ""]
WAIT_S = 36


def placed(fault: str) -> RealWorld:
    """A world in which one order was placed and met a fault."""
    world = RealWorld()
    world.venue.faults = [fault]
    approval = world.approve(order("a"))
    world.account().place(approval)
    return world


def without_a_fence() -> RealWorld:
    """A world whose venue takes a request however late it comes."""
    world = RealWorld()
    world.venue.terms = structs.replace(TERMS, fence="")
    return world


def test_a_placed_order_takes_one_claim_one_request_and_one_booking() -> None:
    world = placed("")
    record = world.record("a")
    assert (record.state, record.epoch, record.venue_order_id, record.filled) == (OrderState.FILLED, 1, "v1", D(2))
    (request,) = world.venue.requests
    assert (request.claimed_at, request.deadline) == (record.claimed_at, record.deadline)
    assert record.deadline == world.now + timedelta(seconds=TERMS.window_s)
    (report,) = [report for report in world.reports() if report.fills]
    assert report.fills[0].fee_base == D("0.002")
    assert world.ledger.positions["main"]["trend", A].position.quantity == D("1.998")


@pytest.mark.parametrize("fault", NAMES)
def test_whatever_becomes_of_the_request_there_is_one_order_at_most_and_the_books_agree(fault: str) -> None:
    world = placed(fault)
    world.heal()
    assert laws(world) == []
    assert len(world.venue.orders) == (0 if fault == "rejected" else 1)


def test_an_unknown_outcome_is_looked_up_and_sent_again_only_after_the_margin() -> None:
    world = placed("lost before")
    for waited in (1, 5, 28):
        world.wait(waited)
        world.sweep()
        assert (world.states(), len(world.venue.requests)) == ({"a": OrderState.SUBMITTING}, 1)
    world.wait(1)
    world.sweep()
    assert (world.record("a").epoch, world.record("a").state, len(world.venue.orders)) == (2, OrderState.FILLED, 1)


def test_an_order_that_is_too_old_is_not_sent_again_but_ends_as_stale() -> None:
    world = placed("lost before")
    world.wait(121)
    world.sweep()
    assert (world.states(), world.venue.orders) == ({"a": OrderState.STALE}, [])


def test_a_first_rejection_is_final_and_a_later_one_is_looked_up_first() -> None:
    assert placed("rejected").states() == {"a": OrderState.REJECTED}
    world = placed("lost before")
    world.venue.faults = ["rejected"]
    world.wait(WAIT_S)
    world.account().sweep(world.ledger.live("main"))
    assert world.states() == {"a": OrderState.SUBMITTING}
    assert "-2010" in world.record("a").rejection
    world.wait(WAIT_S)
    world.sweep()
    assert world.states() == {"a": OrderState.REJECTED}
    assert laws(world) == []


def test_a_rejection_after_a_request_that_was_taken_never_buries_its_order() -> None:
    """The assumption on the lag of look-ups is broken: the first request was taken, and is not seen for minutes."""
    world = placed("lost after")
    world.venue.lag_s, world.venue.faults = 100, ["rejected"]
    world.wait(WAIT_S)
    world.sweep()
    assert (world.record("a").epoch, world.states()) == (2, {"a": OrderState.SUBMITTING})
    world.venue.lag_s = 0
    world.wait(WAIT_S)
    world.sweep()
    assert world.states() == {"a": OrderState.FILLED}
    assert laws(world) == []


def test_without_a_fence_an_order_that_is_not_found_is_quarantined_and_its_instrument_frozen() -> None:
    world = without_a_fence()
    world.venue.faults = ["lost before"]
    world.account().place(world.approve(order("a")))
    world.wait(WAIT_S)
    world.sweep()
    world.wait(WAIT_S)
    world.sweep()
    record = world.record("a")
    assert (record.state, record.epoch, len(world.venue.requests)) == (OrderState.SUBMITTING, 1, 1)
    assert list(world.ledger.real_money("main").frozen_instruments) == [A]
    assert world.ledger.accounts["main"].reserved > 0
    (doubtful,) = [update for report in world.reports() for update in report.updates if update.doubt]
    assert doubtful.order_id == "a"
    # It was only late: the doubt is resolved by the first look-up that finds it.
    world.venue._accept(world.venue.requests[0].__class__(
        order=record.order, claimed_at=world.now, deadline=world.now + timedelta(seconds=5)
    ), "")  # fmt: skip
    world.wait(60)
    world.sweep()
    world.sweep()
    assert (world.states(), world.ledger.real_money("main").frozen) == ({"a": OrderState.FILLED}, {})


def test_a_rejection_that_comes_after_a_quarantine_ends_the_doubt_too() -> None:
    """A process stands still with its request; look-ups of others do not find the order, and put it into quarantine."""
    world = without_a_fence()
    message, place = world.approve(order("a")), world.venue.place

    def place_late(request: OrderRequest) -> Outcome:
        world.venue.place = place
        for _ in range(2):
            world.wait(WAIT_S)
            world.sweep()
        assert world.record("a").doubt
        world.venue.faults = ["rejected"]
        return place(request)

    world.venue.place = place_late
    world.account().place(message)
    assert (world.states(), world.ledger.real_money("main").frozen) == ({"a": OrderState.REJECTED}, {})


def test_a_venue_that_does_not_answer_for_five_minutes_puts_the_order_in_quarantine() -> None:
    world = placed("lost after")
    world.venue.silent = True
    world.wait(304)
    world.sweep()
    assert world.record("a").doubt == ""
    world.wait(2)
    world.sweep()
    assert "does not say" in world.record("a").doubt
    world.heal(2)
    assert (world.states(), world.ledger.real_money("main").frozen) == ({"a": OrderState.FILLED}, {})


@pytest.mark.parametrize("state", [TradingState.HALTED, TradingState.FLATTENING])
@pytest.mark.parametrize("fault", ["lost before", "lost after", "late", "rests", "partly"])
def test_nothing_is_claimed_after_a_halt_and_nothing_stays_open(fault: str, state: TradingState) -> None:
    world = placed(fault)
    world.halt(state)
    claims = len(world.venue.requests)
    world.account().place(world.approve(order("b", B)))
    world.heal(4)
    assert len(world.venue.requests) == claims
    assert world.venue.open_orders() == []
    assert world.states()["b"] is OrderState.BLOCKED
    assert laws(world) == []


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("fault", NAMES)
def test_a_process_may_die_before_and_after_every_call(fault: str, after: bool) -> None:
    nth, died = 0, True
    while died:
        nth += 1
        world = RealWorld()
        world.venue.faults = [fault]
        approval = world.approve(order("a"), order("b", B))
        died = dies(world, lambda account, approval=approval: account.place(approval), nth, after=after)
        world.ledger.sweep()
        world.account().place(approval)
        for call in range(1, 40):
            world.wait(9)
            dies(world, lambda account, world=world: account.sweep(world.ledger.live("main")), call, after=after)
        world.heal()
        world.ledger.sweep()
        assert laws(world) == [], (nth, after)
    assert nth > 4
